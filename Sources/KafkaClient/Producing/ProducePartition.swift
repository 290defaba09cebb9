import DequeModule
import KafkaProtocol
import NIOCore

/// What a producer knows of one partition.
struct ProducePartition: Sendable, EditedInPlace {
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
        /// The broker no longer recognises the oldest batch: a later one shows how far it got.
        case ask
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
    /// Batches at the front that the broker has written, if it accepts or recognises the next one.
    ///
    /// A broker recognises the repetition of its last five batches only. When more may have been written than that, the
    /// repetition of an older one is answered as out of order.
    private(set) var presumed = 0
    private var nextOrdinal: UInt64 = 0
    /// The newest batch that was acknowledged.
    private var acknowledgedOrdinal: UInt64?
    /// The target offset behind the last acknowledged batch, when it is known.
    private var acknowledgedEnd: Int64?
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
        guard self.onWire + self.presumed < self.outstanding.count else { return nil }
        return self.outstanding.indices.dropFirst(self.presumed).first { self.outstanding[$0].request == nil }
    }

    /// A batch is sent again only after its predecessors: alone until the broker has shown that it knows our sequence,
    /// then right behind them on the same connection.
    func mayResend(_ position: Int) -> Bool {
        self.ids.isConfirmed && self.presumed == 0
            ? self.onWire == position : self.onWire == 0 && position == self.presumed
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

    /// The batch is written, and so are those presumed to be before it.
    mutating func acknowledge(_ position: Int, baseOffset: Int64?) {
        let before = self.presumedBefore(position)
        let entry = self.outstanding.remove(at: position)
        self.outstanding.removeFirst(before)
        if self.outstanding.isEmpty { self.outstanding = [] }
        // What is left is asked about by sending it again, now that the broker knows a later one.
        self.presumed = 0
        if entry.ordinal >= self.acknowledgedOrdinal ?? 0 {
            self.acknowledgedOrdinal = entry.ordinal
            self.acknowledgedEnd = baseOffset.map { $0 + Int64(entry.batch.recordCount) }
        }
        self.onWire -= 1
        self.attempts = 0
        if self.settlement == nil { self.ids.confirm() }
    }

    /// A batch is written and nothing else is to be considered, as it nearly always is; returns its name.
    mutating func acknowledge(request: UInt64, baseOffset: Int64) -> UInt64? {
        guard self.presumed == 0, self.settlement == nil, !self.isReportedFailing,
            let position = self.outstanding.firstIndex(where: { $0.request == request })
        else { return nil }
        let token = self.outstanding[position].batch.token
        self.acknowledge(position, baseOffset: baseOffset)
        return token
    }

    /// What a partition puts into a request.
    enum Next {
        case nothing
        /// A batch that was taken back.
        case again(ProduceBatch)
        /// A new one, with this stamp.
        case pull(ProducerStamp)
    }

    /// Its turn has come.
    mutating func next(request: UInt64, _ question: ProducePullRequest) -> Next {
        guard self.phase == .active else { return .nothing }
        if let position = self.firstUnsent {
            let batch = self.outstanding[position].batch
            guard question.isEmpty || batch.byteCount <= question.room, self.mayResend(position) else {
                return .nothing
            }
            self.markSent(position, request: request)
            return .again(batch)
        }
        guard self.mayPull(limit: question.limit), let stamp = self.ids.next else { return .nothing }
        return .pull(stamp)
    }

    /// What it could send now: nil nothing, else a hint how much.
    mutating func wish(limit: Int) -> Int? {
        guard self.phase == .active else { return nil }
        if let position = self.firstUnsent {
            return self.mayResend(position) ? self.outstanding[position].batch.byteCount : nil
        }
        return self.waitingBytes > 0 && self.mayPull(limit: limit) ? self.waitingBytes : nil
    }

    /// The request did not get the batch written, as far as we know.
    mutating func takeBack(request: UInt64, isUncertain: Bool) {
        guard let position = self.outstanding.firstIndex(where: { $0.request == request }) else { return }
        self.outstanding[position].request = nil
        self.takeBack(position, isUncertain: isUncertain)
    }

    mutating func takeBack(_ position: Int, isUncertain: Bool) {
        self.outstanding[position].request = nil
        if isUncertain { self.outstanding[position].isUncertain = true }
        self.onWire -= 1
    }

    /// A later batch has been acknowledged, which the broker does not do before it has this one.
    func isKnownWritten(_ position: Int) -> Bool {
        self.outstanding[position].isUncertain
            && self.acknowledgedOrdinal.map { self.outstanding[position].ordinal < $0 } ?? false
    }

    /// The repetition of a batch was out of order: when so many were sent after it that the broker may have forgotten it,
    /// it is presumed to be written, and a later one is asked about; false when there is no such explanation.
    ///
    /// The broker has at least six more than were known then, so the sixth after it is recognised if there are fewer
    /// than twelve, and so on: each question leaves out five batches.
    mutating func presumeWritten(_ position: Int) -> Bool {
        let asked = self.outstanding[position]
        guard position == self.presumed, asked.isUncertain, let newest = self.outstanding.last,
            newest.ordinal >= asked.ordinal + 5,
            let next = self.outstanding.lastIndex(where: { $0.ordinal <= asked.ordinal + 6 }), next > position,
            self.outstanding.indices[(position + 1)..<next].allSatisfy({ self.outstanding[$0].isUncertain })
        else { return false }
        self.presumed = next
        return true
    }

    /// How many batches at the front are written if the one at a position is: those presumed to be whose answers are not
    /// still to come.
    private func presumedBefore(_ position: Int) -> Int {
        self.outstanding.prefix(min(self.presumed, position)).prefix { $0.request == nil }.count
    }

    /// The presumed batches before the one acknowledged, with their offsets where those can be told; nil when the target
    /// cannot have them all.
    func places(ofPresumedBefore position: Int, _ baseOffset: Int64?) -> [(token: UInt64, base: Int64?)]? {
        let count = self.presumedBefore(position)
        guard count > 0 else { return [] }
        let batches = self.outstanding.prefix(count).map(\.batch)
        let records = batches.reduce(Int64(0)) { $0 + Int64($1.recordCount) }
        guard let baseOffset, let end = self.acknowledgedEnd else { return batches.map { ($0.token, nil) } }
        guard baseOffset >= end + records else { return nil }
        // With nothing else in between there is only one place for each.
        var next: Int64? = baseOffset == end + records ? end : nil
        return batches.map { batch in
            defer { next = next.map { $0 + Int64(batch.recordCount) } }
            return (batch.token, next)
        }
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
        self.presumed = 0
        self.acknowledgedOrdinal = nil
        self.acknowledgedEnd = nil
        self.onWire = 0
        self.waitingBytes = 0
    }
}
