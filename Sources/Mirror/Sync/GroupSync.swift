import KafkaClient
import KafkaProtocol
package import Logging
package import MirrorModel

/// Translates the offsets of the source's groups: writes checkpoints, and the offsets of groups that nobody uses at the
/// target.
///
/// # Responsibilities
/// 1. Checkpoints never go back while the group does not, over restarts too: the last ones are read first.
/// 2. Groups with members at the target are reported and left alone; the others never go back.
/// 3. A failure is told once and tried again with growing pauses; records are mirrored all the same.
package actor GroupSync {
    private let settings: CheckpointSettings
    private let source: KafkaClient
    private let store: CheckpointStore
    private let targetGroups: TargetGroups
    private let topics: TopicSelection
    private let offsets: FlowOffsets
    private let directory: OffsetsDirectory
    private let logger: Logger
    private let jobNews: JobNews
    private var groupNews = TroubleNews()

    private var selection: GroupSelection?
    private var listedAt: ContinuousClock.Instant?
    private var last: [GroupID: [TopicPartition: Checkpoint]] = [:]
    /// What target groups may get.
    private var current: [GroupID: [TopicPartition: Checkpoint]] = [:]
    private var unmirrored: [CheckpointPlan.Line] = []
    /// What became of every group of the source.
    package private(set) var report = GroupReport()
    private var told = GroupReport()

    /// - Parameters:
    ///   - offsets: the maps of the flow.
    ///   - directory: where the maps of the flow the other way are, if this process runs it.
    package init(
        configuration: FlowConfiguration,
        clients: FlowClients,
        offsets: FlowOffsets,
        directory: OffsetsDirectory,
        logger: Logger
    ) {
        self.settings = configuration.checkpoints
        self.source = clients.sourceAdmin
        self.store = CheckpointStore(
            configuration: configuration,
            client: clients.target,
            adminClient: clients.targetAdmin,
            logger: logger
        )
        self.targetGroups = TargetGroups(client: clients.targetAdmin)
        self.offsets = offsets
        self.directory = directory
        self.topics = configuration.selection
        self.logger = logger
        self.jobNews = JobNews(logger: logger)
    }

    /// What is in the way at present.
    package nonisolated var troubles: [String] { jobNews.troubles }

    private static let loading = "checkpoints cannot be read"
    private static let emitting = "checkpoints cannot be written"
    private static let patience = Duration.seconds(30)

    // MARK: Life

    /// Runs until the task is cancelled.
    package func run() async {
        guard settings.isEnabled, await load() else { return }
        let interval = Duration.milliseconds(settings.intervalMs)
        var emission = ContinuousClock.now + min(interval, .seconds(1))
        var sync = emission
        var failures = 0
        while true {
            do {
                try await Task.sleep(until: settings.syncsGroupOffsets ? min(emission, sync) : emission)
            } catch {
                return
            }
            if ContinuousClock.now >= emission {
                let begin = ContinuousClock.now
                let isDone = await emit()
                if Task.isCancelled { return }
                failures = isDone ? 0 : failures + 1
                let duration = ContinuousClock.now - begin
                // Clusters with very many groups are not asked all the time.
                let pause = settings.isIntervalFlexible ? max(interval, min(duration * 3, .seconds(60))) : interval
                emission = begin + pause + min(.seconds(1) * (1 << min(failures, 6)), .seconds(60)) * (isDone ? 0 : 1)
            }
            if settings.syncsGroupOffsets, ContinuousClock.now >= sync, !(current.isEmpty && unmirrored.isEmpty) {
                await syncTarget()
                if Task.isCancelled { return }
                sync = ContinuousClock.now + .milliseconds(settings.syncIntervalMs)
            } else if ContinuousClock.now >= sync {
                sync = emission
            }
            tell()
        }
    }

    private func load() async -> Bool {
        var pause = Duration.milliseconds(500)
        while !Task.isCancelled {
            do {
                last = try await store.load(deadline: .after(Self.patience))
                jobNews.succeeded(Self.loading)
                return true
            } catch {
                guard !Task.isCancelled else { break }
                jobNews.failed(Self.loading, error)
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(30))
            }
        }
        return false
    }

    // MARK: Checkpoints

    /// One look at the groups of the source; returns whether everything that was due is written.
    private func emit() async -> Bool {
        let pair = PropertyResolution.Pair(source: topics.sourceAlias, target: topics.targetAlias)
        let back = settings.translatesBack ? directory.back(of: pair) : nil
        // Nothing can be said before the first partition has been begun with.
        guard !offsets.partitions.isEmpty || back?.partitions.isEmpty == false else { return true }
        let deadline = Deadline.after(Self.patience)
        do {
            let selection = try await listGroups(deadline: deadline)
            var skipped = selection.skipped
            let committed = await committedOffsets(of: selection.selected, skipped: &skipped, deadline: deadline)
            try Task.checkCancellation()
            let translation = GroupTranslation(selection: topics, offsets: offsets, back: back)
            let plan = CheckpointPlan(
                committed: committed,
                last: last,
                place: translation.place,
                targetEnd: translation.targetEnd,
                translate: translation.translate
            )
            try await store.write(plan.checkpoints, deadline: .after(.seconds(10)))
            report = GroupReport(skipped: skipped, lines: plan.report, previous: report)
            last = plan.last
            current = plan.current
            unmirrored = plan.unmirrored
            jobNews.succeeded(Self.emitting)
            return true
        } catch {
            guard !Task.isCancelled else { return false }
            jobNews.failed(Self.emitting, error)
            if (error as? KafkaClientError)?.code == .unknownTopic {
                // All of them are written again.
                last = [:]
                try? await store.createAgain(deadline: deadline)
            }
            return false
        }
    }

    private func listGroups(deadline: Deadline) async throws -> GroupSelection {
        let now = ContinuousClock.now
        if let selection, let listedAt {
            let isDue = now - listedAt >= .milliseconds(settings.refreshIntervalMs)
            guard settings.refreshesGroups, isDue else { return selection }
        }
        let groups = try await source.listGroups(deadline: deadline)
        let new = GroupSelection(
            groups: groups.map { ($0.id, $0.protocolType.string, $0.type.string) },
            filter: settings.groups
        )
        selection = new
        listedAt = now
        return new
    }

    private func committedOffsets(
        of groups: [GroupID],
        skipped: inout [GroupID: GroupReport.SkipReason],
        deadline: Deadline
    ) async -> [GroupID: [TopicPartition: GroupPosition?]] {
        var committed: [GroupID: [TopicPartition: GroupPosition?]] = [:]
        for (group, result) in await source.groupOffsets(ofAll: groups, deadline: deadline) {
            switch result {
            case .success(let offsets):
                if offsets.isEmpty { skipped[group] = .noOffsets }
                for (partition, offset) in offsets {
                    let known = try? offset.get()
                    committed[group, default: [:]][partition] = .some(
                        known.map { .init(offset: $0.offset, metadata: $0.metadata?.string ?? "") }
                    )
                }
            case .failure(let error) where error.kafkaError == .groupIDNotFound:
                skipped[group] = .noOffsets
            case .failure(let error):
                skipped[group] = .unreadable("\(error)")
            }
        }
        return committed
    }

    // MARK: Groups of the target

    private func syncTarget() async {
        let deadline = Deadline.after(Self.patience)
        let wanted = await withEmptyPartitions(deadline: deadline)
        let groups = wanted.keys.sorted()
        let plan = GroupOffsetPlan(
            checkpoints: wanted,
            target: await targetGroups.look(at: groups, deadline: deadline)
        )
        guard !Task.isCancelled else { return }
        report.note(plan.report)
        guard !plan.commits.isEmpty else { return }
        let ranges = await targetGroups.ranges(of: Set(plan.commits.values.flatMap(\.keys)), deadline: deadline)
        // Once more, right before: somebody may have begun to use the group.
        let still = plan.rechecked(
            against: await targetGroups.look(at: plan.commits.keys.sorted(), deadline: deadline),
            ranges: ranges
        )
        guard !Task.isCancelled else { return }
        report.note(still.report)
        report.note(await targetGroups.commit(still.commits, deadline: deadline))
    }

    /// Adds the positions in partitions that are still empty: what is mirrored from now on will be there.
    private func withEmptyPartitions(deadline: Deadline) async -> [GroupID: [TopicPartition: Checkpoint]] {
        var wanted = current
        guard !unmirrored.isEmpty else { return wanted }
        let ranges = await targetGroups.ranges(of: Set(unmirrored.compactMap(\.target)), deadline: deadline)
        for line in unmirrored {
            guard let target = line.target, let upstream = line.upstreamOffset, let range = ranges[target],
                range.lowerBound == range.upperBound
            else { continue }
            wanted[line.group, default: [:]][target] = Checkpoint(
                group: line.group,
                partition: target,
                upstreamOffset: upstream,
                downstreamOffset: range.upperBound,
                metadata: ""
            )
        }
        return wanted
    }

    // MARK: Messages

    private func tell() {
        let now = ContinuousClock.now
        for (group, summary) in report.news(since: told)
        where groupNews.tells(.groups, "\(group): \(summary)", now: now) {
            logger.info(
                "a group's offsets are translated",
                metadata: ["group": "\(group)", "partitions": "\(summary)"]
            )
        }
        told = report
        for (_, count, example) in groupNews.withheld(now: now) {
            logger.info("more groups are translated", metadata: ["groups": "\(count)", "last": "\(example)"])
        }
    }
}
