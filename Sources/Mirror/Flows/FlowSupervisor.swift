import KafkaClient
import KafkaProtocol
package import Logging
package import MirrorModel
package import NIOCore

/// Runs one flow: connects, finds topics, hands partitions to shards, writes progress, and stops in order.
///
/// # Responsibilities
/// 1. A cluster that cannot be reached keeps this flow waiting, with one clear message, and nothing else.
/// 2. What should be mirrored is compared with what is, every few seconds; a topic that fails waits alone.
/// 3. Progress is written beside the data path and never holds it up.
/// 4. `stop` takes nothing new, waits for what was sent, writes progress and closes everything, within a deadline.
package actor FlowSupervisor {
    /// Makes the shard of one event loop.
    package typealias ShardFactory =
        @Sendable (FlowConfiguration, FlowClients, any EventLoop, _ shardCount: Int, Logger) throws
        -> any PartitionMirroring

    package nonisolated let configuration: FlowConfiguration
    /// Where the flow's records are in the mirror, for checkpoints, group offsets and failback.
    package nonisolated let offsets = FlowOffsets()
    private let clients: FlowClients
    private let eventLoops: [any EventLoop]
    private let makeShard: ShardFactory
    private let logger: Logger
    private let store: ProgressStore
    private let creator: TopicCreator
    private let resolver: ResumeResolver
    private let continuity: ProducerContinuity
    private let heartbeats: HeartbeatTask
    private let offsetSyncs: OffsetSyncTask
    private let history: OffsetHistory
    private let groups: GroupSync
    /// Set when the flow writes in transactions.
    private let ownership: FlowOwnership?
    private let gaps: GapLedger
    private let board: QuarantineBoard
    private let stopping: AsyncStream<Never>
    private let stopContinuation: AsyncStream<Never>.Continuation

    private var phase = FlowStatus.Phase.starting
    private var impediments: [Impediment: String] = [:]
    private var discovery: TopicDiscovery
    private var ledger: ProgressLedger?
    private var shards: [any PartitionMirroring] = []
    private var owners: [TopicPartition: Int] = [:]
    private var load: [Int] = []
    private var progressWrittenAt: NIODeadline?
    private var hasGivenUpPartitions = false
    /// Why the flow has stopped by itself.
    private var loss: String?
    private var news = TroubleNews()
    private var blocked: Set<TopicName> = []
    private var missingNames: Set<String> = []
    /// Why a policy ended the flow.
    private var failure: String?

    private enum Impediment: Int, Comparable {
        case clusters, progress

        var subject: TroubleNews.Subject { self == .clusters ? .clusters : .progress }

        static func < (a: Impediment, b: Impediment) -> Bool { a.rawValue < b.rawValue }
    }

    /// How long stopping may take: together less than the ten seconds that a container is given.
    private static let drainTime = Duration.seconds(4)
    private static let lastWriteTime = Duration.seconds(3)

    package init(
        configuration: FlowConfiguration,
        clients: FlowClients,
        eventLoops: [any EventLoop],
        directory: OffsetsDirectory = OffsetsDirectory(),
        logger: Logger,
        makeShard: @escaping ShardFactory
    ) {
        var logger = logger
        logger[metadataKey: "flow"] = .string(configuration.name)
        self.configuration = configuration
        self.clients = clients
        self.eventLoops = eventLoops
        self.makeShard = makeShard
        self.logger = logger
        self.store = ProgressStore(
            client: clients.target,
            topic: configuration.progressTopic,
            sourceAlias: configuration.sourceAlias,
            connectorName: configuration.connectorName,
            logger: logger
        )
        self.creator = TopicCreator(
            source: clients.sourceAdmin,
            target: clients.targetAdmin,
            configuration: configuration,
            logger: logger
        )
        self.continuity = ProducerContinuity(
            source: clients.source,
            target: clients.target,
            configuration: configuration,
            logger: logger
        )
        self.resolver = ResumeResolver(
            source: clients.source,
            target: clients.target,
            configuration: configuration,
            logger: logger
        )
        self.offsetSyncs = OffsetSyncTask(
            configuration: configuration,
            clients: clients,
            offsets: offsets,
            logger: logger
        )
        self.history = OffsetHistory(configuration: configuration, clients: clients, offsets: offsets, logger: logger)
        self.gaps = GapLedger(
            configuration: configuration,
            client: clients.target,
            adminClient: clients.targetAdmin,
            logger: logger
        )
        self.board = QuarantineBoard(
            configuration: configuration,
            client: clients.target,
            adminClient: clients.targetAdmin,
            logger: logger
        )
        self.heartbeats = HeartbeatTask(
            configuration: configuration,
            client: clients.target,
            adminClient: clients.targetAdmin,
            logger: logger
        )
        self.groups = GroupSync(
            configuration: configuration,
            clients: clients,
            offsets: offsets,
            directory: directory,
            logger: logger
        )
        directory.register(offsets, of: configuration.pair)
        self.discovery = TopicDiscovery(selection: configuration.selection)
        let store = self.store
        self.ownership = configuration.exactlyOnce.map {
            FlowOwnership(settings: $0, client: clients.target, store: store, logger: logger)
        }
        (self.stopping, self.stopContinuation) = AsyncStream.makeStream(of: Never.self)
    }

    /// Asks the flow to end; `run` returns when it has.
    package nonisolated func stop() {
        stopContinuation.finish()
    }

    /// Runs until `stop` is called or the task is cancelled, or another process has taken the flow over.
    package func run() async {
        let clients = clients.all
        await withDiscardingTaskGroup { group in
            for client in clients { group.addTask { await client.run() } }
            if let ownership { group.addTask { for await reason in ownership.losses { await self.lose(reason) } } }
            await self.untilStopped()
            await self.shutDown()
            await ownership?.close()
            for client in clients { client.close() }
        }
        phase = loss.map { .lost(reason: $0) } ?? failure.map { .failed(reason: $0) } ?? .stopped
    }

    private func lose(_ reason: String) {
        loss = reason
        logger.error(
            "the flow has stopped",
            metadata: [
                "reason": "\(reason)",
                "next": "this process writes nothing more of it; start it again to take the flow back",
            ]
        )
        stop()
    }

    package func status() async -> FlowStatus {
        var partitions: [PartitionStatus] = []
        var counters = PipelineCounters()
        for shard in shards {
            partitions += await shard.status()
            counters += await shard.totals()
        }
        return FlowStatus(
            pair: configuration.pair,
            phase: phase,
            impediments: impediments.sorted { $0.key < $1.key }.map(\.value) + heartbeats.troubles + groups.troubles,
            topicCount: discovery.topicCount,
            waitingTopics: discovery.waiting,
            partitions: partitions.sorted { $0.source < $1.source },
            counters: counters,
            groups: await groups.report,
            progressWrittenAt: progressWrittenAt,
            gaps: await gaps.found,
            offsets: offsets.totals(),
            offsetSyncsWritten: await offsetSyncs.writtenCount
        )
    }

    /// Ends on the spot, with nothing waited for, written or committed: what a crash leaves, for tests.
    func abandon() async {
        for shard in shards { await (shard as? Shard)?.abandon() }
        for client in clients.all { client.close() }
        stop()
    }

    // MARK: Life

    private func untilStopped() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.work() }
            for await _ in stopping {}
            group.cancelAll()
        }
    }

    private func work() async {
        var pause = Duration.milliseconds(250)
        // Short at first, so that people soon read what is wrong; later long enough for the slowest of clusters.
        var limit = Duration.seconds(3)
        while !Task.isCancelled {
            do {
                try await start(within: limit)
                break
            } catch {
                guard !Task.isCancelled else { return }
                wait(for: text(of: error))
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
                limit = .seconds(30)
            }
        }
        guard !Task.isCancelled else { return }
        if news.tellsEnd(of: .start, now: .now) { logger.info("the flow has started now") }
        phase = .running
        await withDiscardingTaskGroup { group in
            group.addTask { await self.keepLooking() }
            group.addTask { await self.keepWriting() }
            group.addTask { await self.keepCounting() }
            group.addTask { await self.gaps.run { await self.confirm($0) } }
            group.addTask {
                await self.board.run(
                    stopped: { await self.stoppedPartitions() },
                    release: { await self.release($0, $1) }
                )
            }
            if let ownership { group.addTask { await ownership.watch() } }
            group.addTask { await self.heartbeats.run() }
            group.addTask { await self.offsetSyncs.run() }
            group.addTask { await self.history.run() }
            group.addTask { await self.groups.run() }
            for shard in shards {
                group.addTask {
                    for await event in shard.events {
                        await self.note(event)
                        if event.kind == .overtaken { await self.takeUpAgain(event.source) }
                    }
                }
            }
        }
    }

    /// Reads both clusters and the progress at once; the first partitions begin when all three are there.
    private func start(within limit: Duration) async throws {
        let deadline = Deadline.after(limit)
        async let source = clients.source.refreshMetadata(.all, deadline: deadline)
        async let target = clients.target.refreshMetadata(.all, deadline: deadline)
        async let grants = ownership?.claim(ids: eventLoops.count, deadline: deadline)
        async let progress = ownership == nil ? loadProgress(deadline: deadline) : [:]
        let (sourceMetadata, targetMetadata) = try await (source, target)
        let owned = try await grants
        let loaded = try await progress
        var ledger = ProgressLedger(
            loaded: owned?.first?.progress ?? loaded,
            isTransactional: ownership != nil
        )
        if ledger.lacksOffsets, configuration.offsetSyncs.isEnabled {
            ledger.learn(from: await readOffsetSyncs(deadline: deadline))
        }
        self.ledger = ledger
        if shards.isEmpty {
            shards = try eventLoops.map { try makeShard(configuration, clients, $0, eventLoops.count, logger) }
            load = Array(repeating: 0, count: shards.count)
        }
        if let ownership, let owned {
            for (index, grant) in owned.enumerated() {
                let context = TransactionContext(
                    ownership: ownership,
                    shard: index,
                    grant: grant,
                    progressTopic: configuration.progressTopic.name
                )
                await shards[index].beginTransactions(context)
            }
        }
        phase = .running
        try await pass(source: sourceMetadata, target: targetMetadata)
    }

    /// What MirrorMaker 2 has left; without it groups that are behind are translated later, or not at all.
    private func readOffsetSyncs(deadline: Deadline) async -> [TopicPartition: OffsetMap] {
        let topic = configuration.offsetSyncs.topic
        do {
            return try await OffsetSync.readMaps(from: topic, of: clients.offsetSyncs, deadline: deadline)
        } catch {
            logger.warning(
                "offset syncs cannot be read; offsets from before this start are not translated",
                metadata: ["topic": "\(topic)", "reason": "\(error)"]
            )
            return [:]
        }
    }

    private func loadProgress(deadline: Deadline) async throws -> [TopicPartition: ProgressRecord] {
        let progress = try await store.load(deadline: deadline)
        let isStale = try await EarlierOwner.displace(
            await store.owner,
            client: clients.target,
            store: store,
            logger: logger,
            deadline: deadline
        )
        guard isStale else { return progress }
        return try await store.committed(waitsForTransactions: true, deadline: deadline).progress
    }

    private func wait(for reason: String) {
        phase = .waiting(reason: reason)
        guard news.tells(.start, reason, now: .now) else { return }
        logger.warning("the flow waits", metadata: ["reason": "\(reason)"])
    }

    private func shutDown() async {
        phase = .stopping
        guard !shards.isEmpty else { return }
        await withDiscardingTaskGroup { group in
            for shard in shards { group.addTask { await shard.drain(patience: Self.drainTime) } }
        }
        let deadline = Deadline.after(Self.lastWriteTime)
        async let syncs: Void = offsetSyncs.finish(deadline: deadline)
        for shard in shards {
            let positions = await shard.positions()
            ledger?.observe(positions)
        }
        await writeProgress(deadline: deadline)
        await syncs
    }

    // MARK: Topics

    private func keepLooking() async {
        var pause = Duration.milliseconds(100)
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            guard !Task.isCancelled else { return }
            pause = .milliseconds(configuration.discoveryIntervalMs)
            do {
                let deadline = Deadline.after(.seconds(10))
                async let source = clients.source.refreshMetadata(.all, deadline: deadline)
                async let target = clients.target.refreshMetadata(.all, deadline: deadline)
                let (sourceMetadata, targetMetadata) = try await (source, target)
                if try await pass(source: sourceMetadata, target: targetMetadata) { pause = .milliseconds(50) }
                clear(.clusters)
            } catch {
                guard !Task.isCancelled else { return }
                impede(.clusters, text(of: error))
            }
        }
    }

    /// One look at both clusters, and everything it asks for; returns whether the target was changed.
    @discardableResult
    private func pass(source: ClusterMetadata, target: ClusterMetadata) async throws -> Bool {
        let outcome = discovery.look(source: source, target: target, now: .now)
        tellOfMissingTopics(source)
        await end(outcome.removed)
        await begin(outcome.added)
        guard !outcome.creations.isEmpty || !outcome.increases.isEmpty else { return false }
        let deadline = Deadline.after(.seconds(10))
        async let created = creator.create(outcome.creations, deadline: deadline)
        async let increased = creator.increase(outcome.increases, deadline: deadline)
        var changed = false
        for (topic, result) in await Array(created) + Array(increased) {
            switch result {
            case .success:
                changed = true
                release(topic)
            case .failure(let error):
                hold(topic, reason: error.description, nextStep: nil)
            }
        }
        return changed
    }

    private func hold(_ topic: TopicName, reason: String, nextStep: String?) {
        discovery.failed(topic, reason: reason, nextStep: nextStep, now: .now)
        tell(topic, reason: reason, nextStep: nextStep)
    }

    private func release(_ topic: TopicName) {
        discovery.succeeded(topic)
        guard news.tellsEnd(of: .topic(topic), now: .now) else { return }
        logger.info("a topic no longer waits", metadata: ["topic": "\(topic)"])
    }

    private func tell(_ topic: TopicName, reason: String, nextStep: String?) {
        guard news.tells(.topic(topic), reason, now: .now) else { return }
        var metadata: Logger.Metadata = ["topic": "\(topic)", "reason": "\(reason)"]
        if let nextStep { metadata["next"] = "\(nextStep)" }
        logger.warning("a topic waits", metadata: metadata)
    }

    private func begin(_ added: [TopicPlan.Mirrored]) async {
        guard !added.isEmpty else { return }
        await reloadProgress()
        guard let ledger else { return }
        let resolved = await resolver.resolve(
            added,
            ledger: ledger,
            initial: discovery.initial ?? [],
            deadline: .after(.seconds(20))
        )
        let decisions = await continuity.continued(resolved)
        var held: Set<TopicName> = []
        var begun: Set<TopicName> = []
        var assignments: [[PartitionAssignment]] = Array(repeating: [], count: shards.count)
        let unwritten = await writeStarts(of: decisions)
        guard !Task.isCancelled else { return }
        for (mirrored, decision) in decisions {
            switch decision {
            case .beginOnceWritten where unwritten != nil:
                discovery.giveBack([mirrored.source])
                held.insert(mirrored.source.topic)
                hold(mirrored.source.topic, reason: unwritten ?? "", nextStep: nil)
            case .comparing(let count):
                discovery.giveBack([mirrored.source])
                held.insert(mirrored.source.topic)
                tell(
                    mirrored.source.topic,
                    reason: "the target holds records that no progress tells of, which are compared with the source"
                        + " first, \(count) so far",
                    nextStep: nil
                )
            case .begin(let assignment), .beginOnceWritten(let assignment, _), .beginWhenWritten(let assignment, _):
                self.ledger?.began(mirrored)
                let index = load.indices.min { load[$0] < load[$1] } ?? 0
                load[index] += 1
                owners[mirrored.source] = index
                let kept = self.ledger?.takeOffsetMap(of: mirrored)
                assignments[index].append(offsets.begin(assignment, persisted: kept))
                begun.insert(mirrored.source.topic)
            case .wait(let reason, let nextStep):
                discovery.giveBack([mirrored.source])
                held.insert(mirrored.source.topic)
                hold(mirrored.source.topic, reason: reason, nextStep: nextStep)
            }
        }
        for (index, assignments) in assignments.enumerated() where !assignments.isEmpty {
            await shards[index].assign(assignments)
        }
        for topic in begun.subtracting(held) { release(topic) }
        let count = assignments.reduce(0) { $0 + $1.count }
        if count > 0 { logger.info("mirroring partitions", metadata: ["new": "\(count)", "all": "\(owners.count)"]) }
    }

    /// Writes down where partitions begin that would begin somewhere else next time; returns why it cannot.
    private func writeStarts(of decisions: [(TopicPlan.Mirrored, ResumeResolver.Decision)]) async -> String? {
        var starts: [TopicPartition: ProgressRecord] = [:]
        for case (let mirrored, .beginOnceWritten(_, let record)) in decisions { starts[mirrored.source] = record }
        for case (let mirrored, .beginWhenWritten(_, let record)) in decisions { starts[mirrored.source] = record }
        guard !starts.isEmpty else { return nil }
        do {
            try await store.write(starts, deadline: .after(.seconds(15)))
            self.ledger?.begins(starts)
            self.ledger?.wrote(starts)
            return nil
        } catch {
            return "where mirroring begins cannot be written: \(text(of: error))"
        }
    }

    /// Stops partitions at the same time: each may have to wait for what it has sent.
    private func end(_ removed: [TopicPlan.Mirrored]) async {
        await withTaskGroup(of: (TopicPartition, PartitionPosition?).self) { group in
            for mirrored in removed {
                guard let index = owners.removeValue(forKey: mirrored.source) else { continue }
                hasGivenUpPartitions = true
                load[index] -= 1
                let shard = shards[index]
                group.addTask { (mirrored.source, await shard.revoke(mirrored.source)) }
            }
            for await (partition, position) in group {
                if let position { ledger?.observe([partition: position]) }
                if news.tells(.partitions, "\(partition) is no longer mirrored", now: .now) {
                    logger.info("no longer mirroring a partition", metadata: ["partition": "\(partition)"])
                }
            }
        }
    }

    /// Gives a partition back, so that the next look finds out from the target where it goes on.
    private func takeUpAgain(_ partition: TopicPartition) async {
        guard let index = owners.removeValue(forKey: partition) else { return }
        load[index] -= 1
        let position = await shards[index].revoke(partition)
        if let position { ledger?.observe([partition: position]) }
        continuity.overtook(partition, position?.producer)
        discovery.giveBack([partition])
    }

    // MARK: Progress

    /// A partition that was given up with a transaction open may be further than its shard could say.
    private func reloadProgress() async {
        guard ownership != nil, hasGivenUpPartitions else { return }
        guard let committed = try? await store.committed(waitsForTransactions: true, deadline: .after(.seconds(20)))
        else { return }
        hasGivenUpPartitions = false
        ledger?.reload(committed.progress)
    }

    private func keepWriting() async {
        // What was found out by comparing shall not have to be found out again.
        try? await Task.sleep(for: .milliseconds(min(100, configuration.progressIntervalMs)))
        guard !Task.isCancelled else { return }
        await writeProgress(deadline: .after(.seconds(15)))
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(configuration.progressIntervalMs))
            guard !Task.isCancelled else { return }
            await writeProgress(deadline: .after(.seconds(15)))
        }
    }

    private func writeProgress(deadline: Deadline) async {
        for shard in shards {
            let moved = await shard.takeMovedPositions()
            ledger?.observe(moved)
        }
        guard ownership == nil else {
            // Shards write it with the records; only long offset maps are kept from here.
            if let unwritten = ledger?.unwritten, !unwritten.isEmpty {
                _ = await history.complete(unwritten, deadline: deadline)
                ledger?.wrote(unwritten)
            }
            progressWrittenAt = .now()
            return
        }
        guard let unwritten = ledger?.unwritten, !unwritten.isEmpty else {
            progressWrittenAt = .now()
            return
        }
        do {
            try await store.write(await history.complete(unwritten, deadline: deadline), deadline: deadline)
            ledger?.wrote(unwritten)
            progressWrittenAt = .now()
            clear(.progress)
        } catch {
            guard !Task.isCancelled else { return }
            impede(.progress, "progress cannot be written: \(text(of: error))")
            if (error as? KafkaClientError)?.code == .unknownTopic {
                try? await store.createAgain(deadline: deadline)
                ledger?.lostWhatWasWritten()
            }
        }
    }

    // MARK: Messages

    private func impede(_ kind: Impediment, _ text: String) {
        impediments[kind] = text
        // What keeps a cluster from answering keeps progress from being written.
        if kind == .progress, impediments[.clusters] != nil { return }
        guard news.tells(kind.subject, text, now: .now) else { return }
        logger.warning("something is in the way", metadata: ["reason": "\(text)"])
    }

    private func clear(_ kind: Impediment) {
        guard let text = impediments.removeValue(forKey: kind) else { return }
        guard news.tellsEnd(of: kind.subject, now: .now) else { return }
        logger.info("no longer in the way", metadata: ["reason": "\(text)"])
    }

    /// Topics that the configuration means and that are not there, or not shown to us, are told: nobody would wait for
    /// them for ever on purpose.
    private func tellOfMissingTopics(_ source: ClusterMetadata) {
        let waiting = discovery.blocked
        for topic in waiting { tell(topic.topic, reason: topic.reason, nextStep: topic.nextStep) }
        let names = Set(waiting.map(\.topic))
        for topic in blocked.subtracting(names) { release(topic) }
        blocked = names

        let missing = discovery.missingNames(in: source)
        let alias = configuration.sourceAlias
        for name in missing.sorted() {
            let text = "the topic does not exist at cluster \(alias), or the mirror may not describe it"
            guard news.tells(.name(name), text, now: .now) else { continue }
            let next =
                "create it, correct topics, or allow the source principal DESCRIBE and READ; it is found by itself"
            logger.warning(
                "a topic that is named is not found",
                metadata: ["topic": "\(name)", "reason": "\(text)", "next": "\(next)"]
            )
        }
        for name in missingNames.subtracting(missing) where news.tellsEnd(of: .name(name), now: .now) {
            logger.info("a topic that was missing is there", metadata: ["topic": "\(name)"])
        }
        missingNames = missing

        guard discovery.topicCount == 0, missing.isEmpty else {
            _ = news.tellsEnd(of: .selection, now: .now)
            return
        }
        let text = "none of the \(source.topics.count) topics that cluster \(alias) shows is selected"
        guard news.tells(.selection, text, now: .now) else { return }
        let next = "check topics and topics.exclude, and that the source principal may DESCRIBE the topics"
        logger.warning(
            "there is nothing to mirror yet",
            metadata: [
                "reason": "\(text)", "topics": "\(configuration.selection.filter.include.source)", "next": "\(next)",
            ]
        )
    }

    private func stoppedPartitions() async -> [PartitionStatus] {
        var result: [PartitionStatus] = []
        for shard in shards { result += await shard.stopped() }
        return result
    }

    /// Does with a stopped partition what somebody decided; returns why it cannot.
    private func release(_ partition: TopicPartition, _ action: ReleaseOrder.Action) async -> String? {
        guard let index = owners[partition] else { return "the partition is not mirrored at the moment" }
        return await shards[index].release(partition, action)
    }

    /// Gives a partition up and begins it again with what its target holds now.
    private func resumeAnew(_ partition: TopicPartition) async {
        guard let mirrored = discovery.current[partition] else { return }
        await end([mirrored])
        discovery.giveBack([mirrored.source])
    }

    private func note(_ event: PartitionEvent) async {
        var (level, text) = event.message
        let now = ContinuousClock.now
        switch event.kind {
        case .gap(let gap):
            guard await gaps.take(gap), news.tells(.partitions, "\(event.source): \(text)", now: now) else { return }
            logger.warning("\(text)", metadata: gap.metadata)
            return
        case .placeLost:
            await resumeAnew(event.source)
        case .quarantined, .impeded:
            guard news.tells(.partition(event.source), text, now: now) else { return }
        case .recovered:
            guard news.tellsEnd(of: .partition(event.source), now: now) else { return }
        default:
            guard level < .info || news.tells(.partitions, "\(event.source): \(text)", now: now) else { return }
        }
        if case .quarantined(let reason) = event.kind, reason.code == .recordTooLarge {
            text += await clients.targetAdmin.largestBatch(of: reason.partition.topic).map { " It is \($0) now." } ?? ""
        }
        logger.log(level: level, "\(text)", metadata: ["partition": "\(event.source)"])
    }

    /// The ledger holds a gap.
    private func confirm(_ gap: Gap) async {
        let source = TopicPartition(topic: gap.sourceTopic, partition: gap.partition)
        if let index = owners[source] { await shards[index].recorded(source, gapKey: gap.key) }
        guard gap.policy == .fail, failure == nil, let key = gap.kind.key else { return }
        failure =
            "\(gap.text): cluster \(gap.cluster), partition \(gap.topicPartition), offset \(gap.from) (\(key) = fail)"
        logger.error("the flow ends", metadata: ["reason": "\(failure ?? "")"])
        stop()
    }

    /// Tells how much was not told line by line.
    private func keepCounting() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(5))
            for (kind, count, example) in news.withheld(now: .now) {
                logger.warning(
                    "more of the same happened to other \(kind.rawValue)",
                    metadata: ["lines": "\(count)", "last": "\(example)"]
                )
            }
        }
    }

    /// The error in words; when no broker answers, with the addresses that were tried.
    private func text(of error: any Error) -> String {
        guard let failure = error as? KafkaClientError, failure.address == nil,
            failure.code == .unreachable
        else { return "\(error)" }
        let isSource = failure.cluster == configuration.sourceAlias
        let properties = isSource ? configuration.sourceConsumer : configuration.targetProducer
        return "\(error) (bootstrap.servers = \(properties["bootstrap.servers"] ?? ""))"
    }
}
