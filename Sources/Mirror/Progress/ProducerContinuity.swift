import KafkaClient
import KafkaProtocol
import MirrorModel
import Synchronization

/// Lets every process of a flow write a partition with the same producer id, one sequence after the other.
///
/// What a process that was killed has sent may still arrive, from a socket's buffer or a slow network, when its
/// successor has long looked at the end of the log. A broker takes only the next sequence number of a producer, so with
/// one producer for all of them such a late batch is refused, or ours is when that one was first: nothing comes twice.
/// The producer is known from the progress or from the target's last batch; a partition without any gets one that is
/// written down before its first record is sent. `ProducerSuccession` decides.
package final class ProducerContinuity: Sendable {
    private let source: KafkaClient
    private let target: KafkaClient
    private let isIdempotent: Bool
    private let succession = Mutex(ProducerSuccession())

    init(source: KafkaClient, target: KafkaClient, configuration: FlowConfiguration) {
        self.source = source
        self.target = target
        isIdempotent =
            configuration.exactlyOnce == nil
            && configuration.targetProducer["enable.idempotence"]?.lowercased() != "false"
    }

    /// Somebody else has written in place of the partition's producer, or the brokers have forgotten it.
    func overtook(_ partition: TopicPartition, _ producer: ProducerStamp?, isForgotten: Bool) {
        succession.withLock { $0.overtook(partition, producer, isForgotten: isForgotten, now: .now) }
    }

    /// Gives a producer to the partitions that begin without one; they wait when there is none to be had.
    ///
    /// With a producer that is not written down, a batch that is still on its way when this process is killed would be
    /// written beside those of the next.
    ///
    /// - Parameter ledger: Who wrote the partitions before.
    func continued(
        _ decisions: [(TopicPlan.Mirrored, ResumeResolver.Decision)],
        _ ledger: ProgressLedger
    ) async -> [(TopicPlan.Mirrored, ResumeResolver.Decision)] {
        guard isIdempotent else { return decisions }
        var decisions = decisions
        var open: [Int] = []
        for index in decisions.indices {
            decisions[index].1 = succession.withLock { $0.checked(decisions[index].1, now: .now) }
            if let assignment = decisions[index].1.assignment, assignment.producer == nil { open.append(index) }
        }
        guard !open.isEmpty else { return decisions }
        let starts = await starts(of: open.compactMap { decisions[$0].1.assignment })
        func begin(_ index: Int, _ identity: ProducerIdentity) {
            let (mirrored, decision) = decisions[index]
            decisions[index].1 = ProducerSuccession.begin(
                decision,
                of: mirrored,
                with: identity,
                sourceStart: starts[mirrored.source],
                behind: ledger.known[mirrored.source]
            )
        }
        open.removeAll { index in
            let source = decisions[index].0.source
            let known = ledger.known[source]?.producer
            guard let successor = succession.withLock({ $0.successor(of: known, at: source) }) else { return false }
            begin(index, successor)
            return true
        }
        let targets = Set(open.compactMap { decisions[$0].1.assignment?.target })
        guard !open.isEmpty else { return decisions }
        let identity: ProducerIdentity
        do throws(KafkaClientError) {
            identity = try await self.identity(for: targets)
        } catch {
            // The few brokers that have no producer ids are written to without.
            guard error.code != .unsupportedByBroker else { return decisions }
            for index in open {
                decisions[index].1 = .wait(reason: "there is no producer id to write with: \(error)", nextStep: nil)
            }
            return decisions
        }
        for index in open { begin(index, identity) }
        return decisions
    }

    /// The producer of all partitions that begin in this process; another one for those that begin again.
    private func identity(for targets: Set<TopicPartition>) async throws(KafkaClientError) -> ProducerIdentity {
        if let known = succession.withLock({ $0.identity(for: targets) }) { return known }
        let identity = try await target.initProducerID(deadline: .after(.seconds(5)))
        succession.withLock { $0.begin(identity, for: targets) }
        return identity
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
