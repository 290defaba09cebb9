import KafkaProtocol
import Mirror
import MirrorModel
import Synchronization

/// A shard that mirrors nothing but remembers what it was told, and says what the test wants.
final class RecordingShard: PartitionMirroring {
    struct State {
        var assigned: [TopicPartition: PartitionAssignment] = [:]
        var positions: [TopicPartition: PartitionPosition] = [:]
        var isDrained = false
    }

    let state = Mutex(State())
    let events: AsyncStream<PartitionEvent>
    let eventContinuation: AsyncStream<PartitionEvent>.Continuation

    init() {
        (events, eventContinuation) = AsyncStream.makeStream()
    }

    /// Says how far a partition is mirrored.
    func place(_ partition: TopicPartition, _ position: PartitionPosition) {
        state.withLock { $0.positions[partition] = position }
    }

    var hasEnded: Bool { state.withLock { $0.isDrained } }

    var assigned: [TopicPartition: PartitionAssignment] { state.withLock { $0.assigned } }

    func beginTransactions(_ context: TransactionContext) async {}

    func assign(_ assignments: [PartitionAssignment]) async {
        state.withLock { state in
            for assignment in assignments { state.assigned[assignment.source] = assignment }
        }
    }

    func revoke(_ partition: TopicPartition) async -> PartitionPosition? {
        state.withLock { state in
            state.assigned[partition] = nil
            return state.positions.removeValue(forKey: partition)
        }
    }

    func drain(patience: Duration) async {
        state.withLock { $0.isDrained = true }
        eventContinuation.finish()
    }

    func positions() async -> [TopicPartition: PartitionPosition] { state.withLock { $0.positions } }

    func status() async -> [PartitionStatus] {
        state.withLock { state in
            state.assigned.values.map { assignment in
                PartitionStatus(
                    source: assignment.source,
                    target: assignment.target,
                    state: .running,
                    position: state.positions[assignment.source],
                    highWatermark: -1,
                    lag: nil,
                    counters: PipelineCounters(),
                    pendingBatches: 0
                )
            }
        }
    }

    func totals() async -> PipelineCounters { PipelineCounters() }
}

extension RecordingShard {
    func stopped() async -> [PartitionStatus] { [] }
    func recorded(_ partition: TopicPartition, gapKey: [UInt8]) async {}
    func release(_ partition: TopicPartition, _ action: ReleaseOrder.Action) async -> String? { nil }
}
