package import KafkaClient
package import KafkaProtocol
package import Logging
package import MirrorModel

/// Finds where partitions go on: from their progress, checked against what the target really holds.
package struct ResumeResolver: Sendable {
    /// Where one partition begins, or why it cannot.
    package enum Decision: Sendable {
        case begin(PartitionAssignment)
        /// It begins at a place that is somewhere else at the next start: where has to be written down first.
        case beginOnceWritten(PartitionAssignment, ProgressRecord)
        /// The producer of a new partition should be written down first, but need not be.
        case beginWhenWritten(PartitionAssignment, ProgressRecord)
        /// Much has to be compared, which goes on with the next call; what is proven already has to be written down.
        case comparing(records: Int64, ResumePlan.Proven?)
        case wait(reason: String, nextStep: String?)
    }

    private let source: KafkaClient
    private let target: KafkaClient
    private let startOffset: FlowConfiguration.StartOffset
    private let isReadCommitted: Bool
    /// How much is read at once.
    private let fetchBytes: Int32
    /// How long others may have to wait for partitions of which much has to be compared.
    private let slice: Duration
    private let flow: String
    /// Whoever asks writes down what comparisons have proven before they are through.
    private let keepsProven: Bool
    private let logger: Logger
    private let unfinished = UnfinishedPlans()

    package init(
        source: KafkaClient,
        target: KafkaClient,
        configuration: FlowConfiguration,
        fetchBytes: Int32 = 4 << 20,
        slice: Duration = .seconds(1),
        logger: Logger
    ) {
        self.fetchBytes = fetchBytes
        self.slice = slice
        self.source = source
        self.target = target
        self.startOffset = configuration.startOffset
        self.isReadCommitted = configuration.isReadCommitted
        self.flow = configuration.name
        // In transactions progress is written with records only.
        self.keepsProven = configuration.exactlyOnce == nil
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
            guard ResumePlan.needsTargetEnd(ledger.resumption(of: mirrored), startOffset: startOffset) else { continue }
            // A partition without a leader would hold up the answer for all others.
            if metadata.leader(of: mirrored.target) != nil { provable[mirrored.target] = .latest }
        }
        let ends = provable.isEmpty ? [:] : await target.listOffsets(provable, deadline: deadline)
        let starts = await latest(of: partitions, ledger, initial, deadline)
        let slice = min(deadline, .after(slice))
        return await withTaskGroup(of: (TopicPlan.Mirrored, Decision).self) { group in
            var decisions: [(TopicPlan.Mirrored, Decision)] = []
            decisions.reserveCapacity(partitions.count)
            for (index, mirrored) in partitions.enumerated() {
                if index >= Self.concurrency, let decision = await group.next() { decisions.append(decision) }
                group.addTask {
                    let end = ends[mirrored.target]
                    if let start = starts[mirrored.source] { return (mirrored, self.begin(mirrored, at: start, end)) }
                    return (mirrored, await self.decide(mirrored, ledger, initial, end, slice: slice, deadline))
                }
            }
            for await decision in group { decisions.append(decision) }
            return decisions
        }
    }

    /// How many partitions are looked at at once.
    private static let concurrency = 16

    /// Where partitions without progress begin that are to begin with the latest record.
    private func latest(
        of partitions: [TopicPlan.Mirrored],
        _ ledger: ProgressLedger,
        _ initial: Set<TopicPartition>,
        _ deadline: Deadline
    ) async -> [TopicPartition: Result<ListedOffset, KafkaClientError>] {
        guard startOffset == .latest else { return [:] }
        var queries: [TopicPartition: OffsetQuery] = [:]
        var results: [TopicPartition: Result<ListedOffset, KafkaClientError>] = [:]
        let metadata = source.metadata
        for mirrored in partitions where initial.contains(mirrored.source) {
            guard ledger.resumption(of: mirrored) == .nothingKnown else { continue }
            if metadata.leader(of: mirrored.source) != nil {
                queries[mirrored.source] = .latest
            } else {
                results[mirrored.source] = .failure(KafkaClientError(.noLeader, "there is no leader at the source"))
            }
        }
        guard !queries.isEmpty else { return results }
        let isolation: IsolationLevel = isReadCommitted ? .readCommitted : .readUncommitted
        let found = await source.listOffsets(queries, isolation: isolation, deadline: deadline)
        return results.merging(found) { _, new in new }
    }

    /// Begins with the latest record, which is written down with the target's end: were it not, a mirror that is killed
    /// right away would begin later and lose what came between.
    private func begin(
        _ mirrored: TopicPlan.Mirrored,
        at start: Result<ListedOffset, KafkaClientError>,
        _ end: Result<ListedOffset, KafkaClientError>?
    ) -> Decision {
        let source: ListedOffset
        let target: ListedOffset
        switch (start, end) {
        case (.success(let start), .success(let end)): (source, target) = (start, end)
        case (.failure(let error), _), (_, .failure(let error)?):
            return .wait(reason: error.description, nextStep: nil)
        case (_, nil): return targetWithoutLeader(mirrored)
        }
        var record = ProgressRecord(
            offset: source.offset - 1,
            sourceTopicID: mirrored.sourceTopicID == .zero ? nil : mirrored.sourceTopicID,
            targetTopicID: mirrored.targetTopicID == .zero ? nil : mirrored.targetTopicID
        )
        record.isStart = true
        record.targetStart = target.offset
        return .beginOnceWritten(ResumePlan.after(record, mirrored), record)
    }

    private func targetWithoutLeader(_ mirrored: TopicPlan.Mirrored) -> Decision {
        .wait(
            reason: "the partition \(mirrored.target) has no leader at the target",
            nextStep: "check that the brokers holding its replicas are up"
        )
    }

    private func decide(
        _ mirrored: TopicPlan.Mirrored,
        _ ledger: ProgressLedger,
        _ initial: Set<TopicPartition>,
        _ end: Result<ListedOffset, KafkaClientError>?,
        slice: Deadline,
        _ deadline: Deadline
    ) async -> Decision {
        let resumption = ledger.resumption(of: mirrored)
        var plan: ResumePlan
        switch end {
        case .success(let end):
            plan = self.plan(mirrored, resumption, initial, end.offset)
        case nil where resumption == .nothingKnown && !initial.contains(mirrored.source):
            plan = self.plan(mirrored, resumption, initial, nil)
        case nil where ResumePlan.needsTargetEnd(resumption, startOffset: startOffset):
            return targetWithoutLeader(mirrored)
        case nil: plan = self.plan(mirrored, resumption, initial, nil)
        case .failure(let error): return .wait(reason: error.description, nextStep: nil)
        }
        if let begun = unfinished.take(mirrored, resumption) { plan = begun }
        while true {
            switch plan.next {
            case .begin(let assignment):
                var assignment = assignment
                do {
                    assignment = try await self.continuing(assignment, plan, deadline)
                } catch {
                    unfinished.keep(plan, resumption)
                    return .wait(reason: "who wrote the mirror's last record cannot be read: \(error)", nextStep: nil)
                }
                assignment.findings = plan.notices.map {
                    $0.gap(mirrored, flow: flow, source: source.name, target: target.name)
                }
                return .begin(assignment)
            case .forbidden:
                return .wait(
                    reason: "there is no progress of the partition, and auto.offset.reset is none",
                    nextStep: "set auto.offset.reset to earliest or latest"
                )
            case .unreadable:
                return .wait(
                    reason: "\(mirrored.target) does not show the records before its end, offset \(plan.targetEnd)",
                    nextStep: "check that its replicas are in sync"
                )
            case .ask(let question):
                if slice.hasPassed {
                    let proven = keepsProven ? plan.takeProven() : nil
                    unfinished.keep(plan, resumption, proven: proven)
                    return .comparing(records: plan.comparedCount, proven)
                }
                if let waits = waitsForLeader(mirrored) { return waits }
                do {
                    plan.answer(try await self.answer(question, mirrored, deadline))
                } catch let error as KafkaClientError where error.kafkaError == .offsetOutOfRange {
                    plan.answer(.outOfRange)
                } catch {
                    unfinished.keep(plan, resumption)
                    return .wait(
                        reason: "the end of the mirror cannot be compared with the source: \(error)",
                        nextStep: nil
                    )
                }
            }
        }
    }

    /// Goes on with the producer of the last record, if it was found by comparing and is not known yet.
    private func continuing(
        _ assignment: PartitionAssignment,
        _ plan: ResumePlan,
        _ deadline: Deadline
    ) async throws -> PartitionAssignment {
        guard let offset = ProducerSuccession.recordOfProducer(assignment, plan.notices) else { return assignment }
        var result = assignment
        let fetch = RecordFetch(client: target, partition: assignment.target, isReadCommitted: false)
        do {
            result.producer = try await fetch.producer(behind: offset, deadline: deadline).flatMap {
                plan.goesOn($0, behind: offset) ? $0 : nil
            }
        } catch let error as KafkaClientError
            where error.kafkaError == .offsetOutOfRange || error.kafkaError == .topicAuthorizationFailed
        {
            // The record is deleted, or we may not look at it: nobody will know.
            return assignment
        }
        result.resumed?.producer = result.producer
        return result
    }

    private func plan(
        _ mirrored: TopicPlan.Mirrored,
        _ resumption: ProgressLedger.Resumption,
        _ initial: Set<TopicPartition>,
        _ end: Int64?
    ) -> ResumePlan {
        ResumePlan(
            mirrored,
            resumption: resumption,
            startOffset: startOffset,
            isInitial: initial.contains(mirrored.source),
            targetEnd: end
        )
    }

    private func answer(
        _ question: ResumePlan.Question,
        _ mirrored: TopicPlan.Mirrored,
        _ deadline: Deadline
    ) async throws -> ResumePlan.Answer {
        switch question {
        case .logStart(.source):
            .offset(try await source.listOffset(.earliest, of: mirrored.source, deadline: deadline).offset)
        case .logStart(.target):
            .offset(try await target.listOffset(.earliest, of: mirrored.target, deadline: deadline).offset)
        case .epochEnd(let epoch):
            // Brokers older than Kafka 2.0 do not tell.
            .offset(
                (try? await source.offsetsForLeaderEpochs([mirrored.source: epoch], deadline: deadline)[
                    mirrored.source
                ]?
                .get().endOffset) ?? -1
            )
        case .records(.source, let from):
            try await RecordFetch(client: source, partition: mirrored.source, isReadCommitted: isReadCommitted)
                .records(from: from, maximumBytes: fetchBytes, deadline: deadline)
        case .records(.target, let from):
            // What a transaction of ours has not committed never counts.
            try await RecordFetch(client: target, partition: mirrored.target, isReadCommitted: true)
                .records(from: from, maximumBytes: fetchBytes, deadline: deadline)
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
}
