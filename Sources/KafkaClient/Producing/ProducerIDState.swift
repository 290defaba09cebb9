extension ProducerIdentity {
    /// No identity: batches are written without idempotence.
    public static let none = ProducerIdentity(producerID: -1, epoch: -1)
}

/// The producer fields of one batch.
public struct ProducerStamp: Sendable, Hashable {
    public var identity: ProducerIdentity
    /// Sequence number of the batch's first record; -1 without an identity.
    public var sequence: Int32

    public init(identity: ProducerIdentity, sequence: Int32) {
        self.identity = identity
        self.sequence = sequence
    }

    /// What the record gets that comes after so many.
    public func following(records count: Int32) -> ProducerStamp {
        ProducerStamp(identity: self.identity, sequence: ProducerIDState.advance(self.sequence, by: count))
    }
}

/// Hands out sequence numbers for one partition.
public struct ProducerIDState: Sendable, Equatable {
    /// The identity; nil until there is one.
    public private(set) var identity: ProducerIdentity?
    /// The sequence number of the next record.
    public private(set) var nextSequence: Int32 = 0
    /// The broker has accepted a batch of this identity and knows our sequence.
    ///
    /// Until then only one batch may be out: a broker that knows nothing of a producer accepts any first sequence, so if
    /// the first batch failed and the second did not, their order would be lost.
    public private(set) var isConfirmed = false

    public init() {}

    /// Starts again under another identity, at sequence 0 unless its partition has been written to before.
    public mutating func begin(_ identity: ProducerIdentity, at sequence: Int32 = 0) {
        self.identity = identity
        self.nextSequence = sequence
        self.isConfirmed = false
    }

    /// Gives the identity up; nothing can be sent until there is another.
    public mutating func invalidate() {
        self.identity = nil
        self.isConfirmed = false
    }

    /// The stamp the next batch would get; nil without an identity.
    public var next: ProducerStamp? {
        self.identity.map {
            ProducerStamp(identity: $0, sequence: $0 == .none ? -1 : self.nextSequence)
        }
    }

    /// Uses up the sequence numbers of a batch.
    public mutating func take(records count: Int32) {
        guard self.identity != ProducerIdentity.none else { return }
        self.nextSequence = Self.advance(self.nextSequence, by: count)
    }

    /// Gives sequence numbers back that were taken last and that the broker has surely not seen used.
    public mutating func giveBack(records count: Int64) {
        guard self.identity != ProducerIdentity.none else { return }
        self.nextSequence = Int32(truncatingIfNeeded: (Int64(self.nextSequence) - count) & Int64(Int32.max))
    }

    /// The broker accepted a batch.
    public mutating func confirm() {
        self.isConfirmed = true
    }

    /// A batch must be sent again: go back to one batch at a time until one is accepted.
    public mutating func doubt() {
        self.isConfirmed = false
    }

    /// Sequence numbers wrap from 2^31-1 to 0.
    public static func advance(_ sequence: Int32, by count: Int32) -> Int32 {
        let (sum, overflow) = sequence.addingReportingOverflow(count)
        return overflow ? count - (Int32.max - sequence) - 1 : sum
    }
}
