package import KafkaClient
package import KafkaProtocol
package import MirrorModel

/// Decides which producer each partition is written with, so that all processes of a flow are one producer to it.
///
/// # Implementation
/// A value without sockets. `ProducerContinuity` (or a simulation) asks for ids and for where logs begin.
package struct ProducerSuccession: Sendable {
    private var identity: ProducerIdentity?
    /// Target partitions that have begun with it: there it cannot begin a second time.
    private var begun: Set<TopicPartition> = []
    private var overtaken: [TopicPartition: Overtaken] = [:]
    /// The newest epochs that the brokers do not know.
    private var forgotten: [TopicPartition: ProducerIdentity] = [:]

    /// How often a partition was overtaken at one sequence number, which then is not the next one at all.
    private struct Overtaken {
        var producer: ProducerStamp?
        var times = 1
        var since: ContinuousClock.Instant
    }

    /// After so many times, and so long, the brokers remember something else than their log holds: another producer goes
    /// on.
    ///
    /// Longer than `replica.lag.time.max.ms` is by default: what a replica holds up is written already and cannot be seen,
    /// and another producer would write it a second time.
    package static let patience = (times: 5, time: Duration.seconds(45))

    package init() {}

    /// Somebody else has written in place of the partition's producer.
    ///
    /// - Parameter isForgotten: The brokers do not know the producer: there is no use in going on with it.
    package mutating func overtook(
        _ partition: TopicPartition,
        _ producer: ProducerStamp?,
        isForgotten: Bool = false,
        now: ContinuousClock.Instant
    ) {
        if isForgotten, let identity = producer?.identity, !isForgottenBefore(identity, partition) {
            forgotten[partition] = identity
        }
        guard var before = overtaken[partition], before.producer == producer else {
            overtaken[partition] = Overtaken(producer: producer, since: now)
            return
        }
        before.times += 1
        overtaken[partition] = before
    }

    private func isForgottenBefore(_ identity: ProducerIdentity, _ partition: TopicPartition) -> Bool {
        guard let known = forgotten[partition] else { return false }
        return known.producerID == identity.producerID && known.epoch >= identity.epoch
    }

    /// The decision without a producer that the brokers refuse to go on with.
    package func checked(
        _ decision: ResumeResolver.Decision,
        now: ContinuousClock.Instant
    ) -> ResumeResolver.Decision {
        guard var assignment = decision.assignment, let producer = assignment.producer else { return decision }
        let isRefused = overtaken[assignment.source].map {
            $0.producer == producer && $0.times >= Self.patience.times && now >= $0.since + Self.patience.time
        }
        guard isRefused == true || isForgottenBefore(producer.identity, assignment.source) else { return decision }
        assignment.producer = nil
        return decision.with(assignment)
    }

    /// The producer id for partitions that begin without one; nil when a new one is needed, which `begin` takes.
    package mutating func identity(for targets: Set<TopicPartition>) -> ProducerIdentity? {
        guard let identity, begun.isDisjoint(with: targets) else { return nil }
        begun.formUnion(targets)
        return identity
    }

    /// A producer id was handed out for these partitions and those to come.
    package mutating func begin(_ identity: ProducerIdentity, for targets: Set<TopicPartition>) {
        self.identity = identity
        begun = targets
    }

    /// Who writes a partition whose producer cannot go on with the next sequence number: the same one in its next epoch.
    ///
    /// As soon as it has written, brokers refuse what processes before it have still on their way, which they would not
    /// do for another producer.
    package func successor(of producer: ProgressRecord.Producer?, at partition: TopicPartition) -> ProducerIdentity? {
        guard let producer else { return nil }
        var epoch = producer.epoch
        if let forgotten = forgotten[partition], forgotten.producerID == producer.id {
            epoch = max(epoch, forgotten.epoch)
        }
        guard epoch < .max else { return nil }
        return ProducerIdentity(producerID: producer.id, epoch: epoch + 1)
    }

    /// Lets a partition begin with a producer, and says what has to be written down before.
    ///
    /// - Parameter known: The progress that the partition goes on from.
    /// - Parameter sourceStart: Where the source's log begins, for a partition that is mirrored from there; nil when it
    ///   is not known, and the partition has to wait.
    package static func begin(
        _ decision: ResumeResolver.Decision,
        of mirrored: TopicPlan.Mirrored,
        with identity: ProducerIdentity,
        sourceStart: Int64?,
        behind known: ProgressRecord? = nil
    ) -> ResumeResolver.Decision {
        guard var assignment = decision.assignment else { return decision }
        let first = ProducerStamp(identity: identity, sequence: 0)
        assignment.producer = first
        assignment.resumed?.producer = first
        assignment.isProducerRenewed = known?.producer != nil
        if case .beginOnceWritten(_, var record) = decision {
            record.producer = ProgressRecord.Producer(first)
            return .beginOnceWritten(assignment, record)
        }
        if var record = known, !assignment.findings.isEmpty {
            // What was found is in the ledger before progress is past it.
            record.producer = ProgressRecord.Producer(first)
            return .beginWhenWritten(assignment, record)
        }
        guard let offset = assignment.resumed?.sourceOffset ?? sourceStart.map({ $0 - 1 }) else {
            return .wait(reason: "where the source's log begins could not be asked", nextStep: nil)
        }
        var record = ProgressRecord(
            offset: offset,
            targetOffset: assignment.resumed?.targetOffset,
            leaderEpoch: assignment.resumed.flatMap { $0.leaderEpoch >= 0 ? $0.leaderEpoch : nil },
            sourceTopicID: mirrored.sourceTopicID == .zero ? nil : mirrored.sourceTopicID,
            targetTopicID: mirrored.targetTopicID == .zero ? nil : mirrored.targetTopicID
        )
        // Whatever stands behind the start of mirroring has to be compared, also by whoever begins there again.
        record.isStart = assignment.resumed == nil || known?.isStart == true && record.targetOffset == nil
        record.targetStart = record.isStart ? known?.targetStart : nil
        record.producer = ProgressRecord.Producer(first)
        return .beginWhenWritten(assignment, record)
    }

    /// The target record whose producer a partition goes on with, when no progress tells of it; nil when there is none.
    ///
    /// Without it a batch that an earlier process has still on its way would be written beside ours.
    package static func recordOfProducer(_ assignment: PartitionAssignment, _ notices: [ResumeNotice]) -> Int64? {
        guard let position = assignment.resumed, position.producer == nil, let offset = position.targetOffset,
            offset >= 0
        else { return nil }
        return notices.allSatisfy(\.leavesProducer) ? offset : nil
    }
}

extension ResumeResolver.Decision {
    package var assignment: PartitionAssignment? {
        switch self {
        case .begin(let assignment), .beginOnceWritten(let assignment, _), .beginWhenWritten(let assignment, _):
            assignment
        case .comparing, .wait: nil
        }
    }

    fileprivate func with(_ assignment: PartitionAssignment) -> Self {
        switch self {
        case .begin: .begin(assignment)
        case .beginOnceWritten(_, let record): .beginOnceWritten(assignment, record)
        case .beginWhenWritten(_, let record): .beginWhenWritten(assignment, record)
        case .comparing, .wait: self
        }
    }
}

extension ProgressRecord.Producer {
    /// What goes on at a stamp.
    init(_ stamp: ProducerStamp) {
        self.init(id: stamp.identity.producerID, epoch: stamp.identity.epoch, nextSequence: stamp.sequence)
    }

    var stamp: ProducerStamp {
        ProducerStamp(identity: ProducerIdentity(producerID: id, epoch: epoch), sequence: nextSequence)
    }
}
