import KafkaClient
import KafkaProtocol
import Logging
import MirrorModel
import Synchronization

/// Lets every process of a flow write a partition with the same producer id, one sequence after the other.
///
/// What a process that was killed has sent may still arrive, from a socket's buffer or a slow network, when its
/// successor has long looked at the end of the log. A broker takes only the next sequence number of a producer, so with
/// one producer for all of them such a late batch is refused, or ours is when that one was first: nothing comes twice.
/// The producer is known from the progress or from the target's last batch; a partition without any gets one that is
/// written down before its first record is sent.
package final class ProducerContinuity: Sendable {
    private let source: KafkaClient
    private let target: KafkaClient
    private let isIdempotent: Bool
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var identity: ProducerIdentity?
        /// Target partitions that have begun with it: there it cannot begin a second time.
        var begun: Set<TopicPartition> = []
        var overtaken: [TopicPartition: Overtaken] = [:]
    }

    /// How often a partition was overtaken at one sequence number, which then is not the next one at all.
    private struct Overtaken {
        var producer: ProducerStamp?
        var times = 0
    }

    /// After so many times the brokers remember something else than their log holds: another producer goes on.
    private static let patience = 5

    init(source: KafkaClient, target: KafkaClient, configuration: FlowConfiguration, logger: Logger) {
        self.source = source
        self.target = target
        isIdempotent =
            configuration.exactlyOnce == nil
            && configuration.targetProducer["enable.idempotence"]?.lowercased() != "false"
        self.logger = logger
    }

    /// Somebody else has written in place of the partition's producer.
    func overtook(_ partition: TopicPartition, _ producer: ProducerStamp?) {
        state.withLock {
            let before = $0.overtaken[partition]
            let times = before?.producer == producer ? (before?.times ?? 0) + 1 : 1
            $0.overtaken[partition] = Overtaken(producer: producer, times: times)
        }
    }

    /// Gives a producer to the partitions that begin without one.
    func continued(
        _ decisions: [(TopicPlan.Mirrored, ResumeResolver.Decision)]
    ) async -> [(TopicPlan.Mirrored, ResumeResolver.Decision)] {
        guard isIdempotent else { return decisions }
        var decisions = decisions
        var open: [Int] = []
        for index in decisions.indices {
            guard var assignment = decisions[index].1.assignment else { continue }
            if let producer = assignment.producer, isHopeless(producer, of: assignment.source) {
                assignment.producer = nil
                decisions[index].1 = decisions[index].1.with(assignment)
            }
            if assignment.producer == nil { open.append(index) }
        }
        let targets = Set(open.compactMap { decisions[$0].1.assignment?.target })
        guard !open.isEmpty, let identity = await identity(for: targets) else { return decisions }
        let first = ProducerStamp(identity: identity, sequence: 0)
        let starts = await starts(of: open.compactMap { decisions[$0].1.assignment })
        for index in open {
            let (mirrored, decision) = decisions[index]
            guard var assignment = decision.assignment else { continue }
            assignment.producer = first
            assignment.resumed?.producer = first
            if case .beginOnceWritten(_, var record) = decision {
                record.producer = ProgressRecord.Producer(first)
                decisions[index].1 = .beginOnceWritten(assignment, record)
                continue
            }
            guard let offset = assignment.resumed?.sourceOffset ?? starts[mirrored.source].map({ $0 - 1 }) else {
                continue
            }
            var record = ProgressRecord(
                offset: offset,
                targetOffset: assignment.resumed?.targetOffset,
                leaderEpoch: assignment.resumed.flatMap { $0.leaderEpoch >= 0 ? $0.leaderEpoch : nil },
                sourceTopicID: mirrored.sourceTopicID == .zero ? nil : mirrored.sourceTopicID,
                targetTopicID: mirrored.targetTopicID == .zero ? nil : mirrored.targetTopicID
            )
            record.isStart = assignment.resumed == nil
            record.producer = ProgressRecord.Producer(first)
            decisions[index].1 = .beginWhenWritten(assignment, record)
        }
        return decisions
    }

    private func isHopeless(_ producer: ProducerStamp, of partition: TopicPartition) -> Bool {
        state.withLock {
            guard let overtaken = $0.overtaken[partition], overtaken.producer == producer else { return false }
            return overtaken.times >= Self.patience
        }
    }

    /// The producer of all partitions that begin in this process; another one for those that begin again.
    private func identity(for targets: Set<TopicPartition>) async -> ProducerIdentity? {
        let known = state.withLock { state -> ProducerIdentity? in
            guard let identity = state.identity, state.begun.isDisjoint(with: targets) else { return nil }
            state.begun.formUnion(targets)
            return identity
        }
        if let known { return known }
        do {
            let identity = try await target.initProducerID(deadline: .after(.seconds(2)))
            state.withLock {
                $0.identity = identity
                $0.begun = targets
            }
            return identity
        } catch {
            logger.debug("no producer id yet", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    /// Where the source logs begin of partitions that are mirrored from their beginning.
    private func starts(of assignments: [PartitionAssignment]) async -> [TopicPartition: Int64] {
        var queries: [TopicPartition: OffsetQuery] = [:]
        for assignment in assignments where assignment.resumed == nil && assignment.start == .earliest {
            if source.metadata.leader(of: assignment.source) != nil { queries[assignment.source] = .earliest }
        }
        guard !queries.isEmpty else { return [:] }
        return await source.listOffsets(queries, deadline: .after(.seconds(5))).compactMapValues {
            if case .success(let listed) = $0 { listed.offset } else { nil }
        }
    }
}

extension ResumeResolver.Decision {
    fileprivate var assignment: PartitionAssignment? {
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
