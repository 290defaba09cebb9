package import KafkaClient
package import KafkaProtocol
package import Logging
package import MirrorModel

/// Finds where partitions go on: from their progress, checked against what the target really holds.
package struct ResumeResolver: Sendable {
    /// Where one partition begins, or why it cannot.
    package enum Decision: Sendable {
        case begin(PartitionAssignment)
        case wait(reason: String, nextStep: String?)
    }

    private let source: KafkaClient
    private let target: KafkaClient
    private let startOffset: FlowConfiguration.StartOffset
    private let isReadCommitted: Bool
    private let logger: Logger

    package init(source: KafkaClient, target: KafkaClient, configuration: FlowConfiguration, logger: Logger) {
        self.source = source
        self.target = target
        self.startOffset = configuration.startOffset
        self.isReadCommitted = configuration.isReadCommitted
        self.logger = logger
    }

    /// Decides for partitions that are to be mirrored.
    ///
    /// - Parameter initial: partitions that were there when the flow started; others are mirrored from their first
    ///   record even when the flow starts with the latest, or what came before they were seen would be lost.
    package func resolve(
        _ partitions: [TopicPlan.Mirrored],
        ledger: ProgressLedger,
        initial: Set<TopicPartition>,
        deadline: Deadline
    ) async -> [(TopicPlan.Mirrored, Decision)] {
        var provable: [TopicPartition: OffsetQuery] = [:]
        let metadata = target.metadata
        for mirrored in partitions {
            switch ledger.resumption(of: mirrored) {
            case .after(let record) where record.targetOffset != nil || record.isStart: break
            case .nothingKnown where startOffset == .earliest: break
            default: continue
            }
            // A partition without a leader would hold up the answer for all others.
            if metadata.leader(of: mirrored.target) != nil { provable[mirrored.target] = .latest }
        }
        let ends = provable.isEmpty ? [:] : await target.listOffsets(provable, deadline: deadline)
        return await withTaskGroup(of: (TopicPlan.Mirrored, Decision).self) { group in
            var decisions: [(TopicPlan.Mirrored, Decision)] = []
            decisions.reserveCapacity(partitions.count)
            for (index, mirrored) in partitions.enumerated() {
                if index >= Self.concurrency, let decision = await group.next() { decisions.append(decision) }
                group.addTask {
                    (mirrored, await self.decide(mirrored, ledger, initial, ends[mirrored.target], deadline))
                }
            }
            for await decision in group { decisions.append(decision) }
            return decisions
        }
    }

    /// How many partitions are looked at at once.
    private static let concurrency = 16

    private func decide(
        _ mirrored: TopicPlan.Mirrored,
        _ ledger: ProgressLedger,
        _ initial: Set<TopicPartition>,
        _ end: Result<ListedOffset, KafkaClientError>?,
        _ deadline: Deadline
    ) async -> Decision {
        switch ledger.resumption(of: mirrored) {
        case .nothingKnown:
            guard initial.contains(mirrored.source) else { return begin(mirrored, at: .earliest) }
            switch startOffset {
            case .earliest:
                guard case .success(let end)? = end, end.offset > 0 else { return begin(mirrored, at: .earliest) }
                if let waits = waitsForLeader(mirrored) { return waits }
                return await compareFromBeginning(mirrored, end: end.offset, deadline)
            case .latest: return begin(mirrored, at: .latest)
            case .none:
                return .wait(
                    reason: "there is no progress of the partition, and auto.offset.reset is none",
                    nextStep: "set auto.offset.reset to earliest or latest"
                )
            }
        case .sourceRecreated:
            logger.warning(
                "a topic was deleted and created again at the source, it is mirrored from its beginning",
                metadata: ["partition": "\(mirrored.source)"]
            )
            return begin(mirrored, at: .earliest)
        case .targetRecreated:
            logger.warning(
                "a topic was deleted and created again at the target, it is mirrored from the beginning",
                metadata: ["partition": "\(mirrored.target)"]
            )
            return begin(mirrored, at: .earliest)
        case .after(let record):
            guard record.targetOffset != nil || record.isStart else { return after(record, mirrored) }
            switch end {
            case nil:
                return .wait(
                    reason: "the partition \(mirrored.target) has no leader at the target",
                    nextStep: "check that the brokers holding its replicas are up"
                )
            case .failure(let error):
                return .wait(reason: error.description, nextStep: nil)
            case .success(let end):
                guard let targetOffset = record.targetOffset else {
                    guard end.offset > 0 else { return after(record, mirrored) }
                    if let waits = waitsForLeader(mirrored) { return waits }
                    return await compareFromBeginning(mirrored, began: record, end: end.offset, deadline)
                }
                if end.offset == targetOffset + 1 { return after(record, mirrored) }
                if let waits = waitsForLeader(mirrored) { return waits }
                return await compare(mirrored, record, targetOffset: targetOffset, end: end.offset, deadline)
            }
        }
    }

    /// Records that may be compared to find out whether a target without progress was mirrored by us.
    private static let unprovenLimit: Int64 = 1_000_000

    /// The target holds records but there is no progress beyond where mirroring began: a flow that was killed before
    /// its first write leaves this.
    private func compareFromBeginning(
        _ mirrored: TopicPlan.Mirrored,
        began: ProgressRecord? = nil,
        end: Int64,
        _ deadline: Deadline
    ) async -> Decision {
        let beginning = began.map { after($0, mirrored) } ?? begin(mirrored, at: .earliest)
        do {
            let first = try await target.listOffset(.earliest, of: mirrored.target, deadline: deadline).offset
            guard first < end, end - first <= Self.unprovenLimit else { return beginning }
            let comparison = TailComparison(
                source: source,
                target: target,
                mirrored: mirrored,
                isReadCommitted: isReadCommitted
            )
            let oldest = try await source.listOffset(.earliest, of: mirrored.source, deadline: deadline).offset
            let found = try await comparison.last(
                sourceAfter: max(oldest - 1, began?.offset ?? -1),
                targetAfter: first - 1,
                targetEnd: end,
                deadline: deadline
            )
            if let found { return after(found, mirrored) }
            logger.info(
                "the target holds records that are not the source's, mirroring begins behind them",
                metadata: ["partition": "\(mirrored.target)", "records": "\(end - first)"]
            )
            return beginning
        } catch {
            return .wait(reason: "the mirror cannot be compared with the source: \(error)", nextStep: nil)
        }
    }

    /// The target does not end where progress says: finds the place in the source from what it holds.
    private func compare(
        _ mirrored: TopicPlan.Mirrored,
        _ record: ProgressRecord,
        targetOffset: Int64,
        end: Int64,
        _ deadline: Deadline
    ) async -> Decision {
        let comparison = TailComparison(
            source: source,
            target: target,
            mirrored: mirrored,
            isReadCommitted: isReadCommitted
        )
        do {
            if end > targetOffset {
                let found = try await comparison.last(
                    sourceAfter: record.offset,
                    targetAfter: targetOffset,
                    targetEnd: end,
                    deadline: deadline
                )
                if let found { return after(found, mirrored, ids: record) }
                logger.warning(
                    "the target holds records that are not the source's, mirroring goes on after the last progress",
                    metadata: ["partition": "\(mirrored.target)", "from": "\(targetOffset + 1)", "to": "\(end - 1)"]
                )
                return after(record, mirrored)
            }
            // Some brokers list an end that is too low; what counts is whether the record is there.
            if try await comparison.targetHolds(targetOffset, deadline: deadline) {
                let found = try await comparison.last(
                    sourceAfter: record.offset,
                    targetAfter: targetOffset,
                    targetEnd: .max,
                    deadline: deadline
                )
                return found.map { after($0, mirrored, ids: record) } ?? after(record, mirrored)
            }
            if end > 0 {
                // Without holes in between the record at the target's end is as far back at the source.
                let back = targetOffset + 1 - end
                if try await comparison.areEqual(
                    sourceOffset: record.offset - back,
                    targetOffset: end - 1,
                    deadline: deadline
                ) {
                    logger.warning(
                        "the target lost records, they are copied again",
                        metadata: ["partition": "\(mirrored.target)", "records": "\(back)"]
                    )
                    let position = ProgressRecord(offset: record.offset - back, targetOffset: end - 1)
                    return after(position, mirrored, ids: record)
                }
            }
            logger.warning(
                "the target lost records and it is not known from where on, the partition is mirrored from its beginning",
                metadata: ["partition": "\(mirrored.target)", "end": "\(end)", "written": "\(targetOffset)"]
            )
            return begin(mirrored, at: .earliest)
        } catch {
            return .wait(reason: "the end of the mirror cannot be compared with the source: \(error)", nextStep: nil)
        }
    }

    /// Not to be waited for: other partitions would have to wait as well.
    private func waitsForLeader(_ mirrored: TopicPlan.Mirrored) -> Decision? {
        guard source.metadata.leader(of: mirrored.source) == nil else { return nil }
        return .wait(
            reason: "the partition \(mirrored.source) has no leader at the source",
            nextStep: "check that the brokers holding its replicas are up"
        )
    }

    private func begin(_ mirrored: TopicPlan.Mirrored, at start: StartPosition) -> Decision {
        .begin(
            PartitionAssignment(
                source: mirrored.source,
                sourceTopicID: mirrored.sourceTopicID,
                target: mirrored.target,
                start: start
            )
        )
    }

    private func after(
        _ record: ProgressRecord,
        _ mirrored: TopicPlan.Mirrored,
        ids: ProgressRecord? = nil
    ) -> Decision {
        .begin(
            PartitionAssignment(
                source: mirrored.source,
                sourceTopicID: mirrored.sourceTopicID,
                target: mirrored.target,
                start: .offset(record.offset + 1),
                resumed: PartitionPosition(
                    sourceOffset: record.offset,
                    targetOffset: record.targetOffset,
                    leaderEpoch: record.leaderEpoch ?? ids?.leaderEpoch ?? -1,
                    sourceTopicID: mirrored.sourceTopicID
                )
            )
        )
    }
}
