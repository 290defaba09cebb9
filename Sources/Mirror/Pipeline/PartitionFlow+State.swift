import KafkaClient
import KafkaProtocol
import MirrorModel
import NIOCore

extension PartitionFlow {
    enum Phase: Sendable, Equatable {
        /// Waits for the start position.
        case starting
        case running
        /// Waits for the target's log end; nothing is sent or dropped meanwhile.
        case proving
        /// Waits until a gap is in the ledger; nothing is read or sent meanwhile.
        case holding
        /// Waits to be given back: where it goes on, and with which producer, is found out as at a start.
        case yielding
        /// Stopped until the time given.
        case quarantined(QuarantineReason, retryAt: NIODeadline)
        /// Waits for acknowledgements of what was sent.
        case draining
        case stopped
    }

    struct Answer: Sendable {
        var cursor: BatchPlanner.Cursor
        var nextOffset: Int64
        var isDamaged: Bool
    }

    struct HeldBytes: Sendable {
        var through: Int64
        var lease: FetchLease
    }

    struct PendingSeek: Sendable {
        var offset: Int64
        var topicID: KafkaUUID?
        /// Leader epoch of the batch before the start; -1 when it is not known.
        var epoch: Int32 = -1
        /// What is missing before the place, or differs behind it.
        var gap: Gap
    }
}
