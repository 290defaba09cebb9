import DequeModule
import KafkaProtocol
import NIOCore

/// What a producer knows of one partition.
struct ProducePartition: Sendable {
    /// What the partition waits for.
    enum Phase: Sendable, Equatable {
        /// Its leader or a producer id. Goes on to `active`.
        case preparing
        /// It sends whenever it has something.
        case active
        /// Something failed; answers to what else is out are awaited. Goes on to `preparing`, `waiting` or `stopped`.
        case settling
        /// A pause after a failure; `preparing` follows.
        case waiting(until: NIODeadline)
        /// Refused: only the owner can go on.
        case stopped
    }

    /// What happens once nothing is out any more.
    enum Settlement: Sendable {
        case retry(refresh: Bool, ProduceFailure)
        case moved(Int32)
        case refused(ProduceRefusal.Kind, ErrorCode, String?, token: UInt64)
    }

    /// A batch that has a sequence number and is not acknowledged.
    struct Outstanding: Sendable {
        var batch: ProduceBatch
        /// Counts the batches of the partition.
        var ordinal: UInt64
        /// The request it is in; nil when it must be sent again.
        var request: UInt64?
        /// Some attempt ended without a definite answer.
        var isUncertain = false
    }

    let partition: TopicPartition
    /// Tells this use of the slot from others.
    let identity: UInt64
    var phase = Phase.preparing
    var node: Int32?
    var leaderEpoch: Int32 = -1
    var ids = ProducerIDState()
    /// In the order of their sequence numbers.
    var outstanding: Deque<Outstanding> = []
    var onWire = 0
    private var nextOrdinal: UInt64 = 0
    /// Hint how much the owner has waiting.
    var waitingBytes = 0
    var attempts = 0
    var isLocating = false
    var isInitializing = false
    var needsOwnIdentity = false
    var wantsRefresh = false
    var isReportedFailing = false
    private(set) var settlement: Settlement?

    init(partition: TopicPartition, identity: UInt64) {
        self.partition = partition
        self.identity = identity
    }

    /// Name of the oldest unacknowledged batch; 0 when there is none.
    var firstToken: UInt64 { self.outstanding.first?.batch.token ?? 0 }

    /// The first batch that must be sent again.
    var firstUnsent: Int? {
        self.onWire == self.outstanding.count ? nil : self.outstanding.firstIndex { $0.request == nil }
    }

    /// A batch is sent again only after its predecessors: alone until the broker has shown that it knows our sequence,
    /// then right behind them on the same connection.
    func mayResend(_ position: Int) -> Bool {
        self.ids.isConfirmed ? self.onWire == position : self.onWire == 0 && position == 0
    }

    /// Whether a new batch may go out behind those that are out.
    ///
    /// Counted from the oldest unacknowledged one, those acknowledged after it included: a broker recognises the
    /// repetition of its last five batches only, and the oldest may have been written without our knowing.
    func mayPull(limit: Int) -> Bool {
        guard let oldest = self.outstanding.first else { return true }
        guard self.ids.isConfirmed, self.ids.identity != ProducerIdentity.none else { return false }
        return self.nextOrdinal - oldest.ordinal < UInt64(limit)
    }

    mutating func append(_ batch: ProduceBatch, request: UInt64) {
        self.ids.take(records: batch.recordCount)
        self.outstanding.append(Outstanding(batch: batch, ordinal: self.nextOrdinal, request: request))
        self.nextOrdinal += 1
        self.onWire += 1
        self.waitingBytes = max(1, self.waitingBytes - batch.byteCount)
    }

    mutating func markSent(_ position: Int, request: UInt64) {
        self.outstanding[position].request = request
        self.onWire += 1
    }

    mutating func acknowledge(_ position: Int) {
        self.outstanding.remove(at: position)
        self.onWire -= 1
        self.attempts = 0
        if self.settlement == nil { self.ids.confirm() }
    }

    /// The request did not get the batch written, as far as we know.
    mutating func takeBack(request: UInt64, isUncertain: Bool) {
        guard let position = self.outstanding.firstIndex(where: { $0.request == request }) else { return }
        self.outstanding[position].request = nil
        if isUncertain { self.outstanding[position].isUncertain = true }
        self.onWire -= 1
    }

    /// The first failure decides; those after it are its consequences.
    mutating func decide(_ settlement: Settlement) {
        if self.settlement == nil { self.settlement = settlement }
    }

    mutating func clearSettlement() {
        self.settlement = nil
    }

    mutating func stop() {
        self.phase = .stopped
        self.outstanding.removeAll()
        self.onWire = 0
        self.waitingBytes = 0
    }
}
