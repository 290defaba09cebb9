import KafkaProtocol

/// A producer's id with its epoch, which rises each time the producer starts anew.
package struct ProducerIdentity: Hashable, Sendable {
    package var id: Int64
    package var epoch: Int16

    package init(id: Int64, epoch: Int16) {
        self.id = id
        self.epoch = epoch
    }

    /// What a request or answer carries when there is none.
    package static let none = ProducerIdentity(id: -1, epoch: -1)
}

/// A transactional id: who may use it now, and how far its transaction is.
struct Transaction: Sendable {
    enum State: String, Sendable, CaseIterable {
        case empty = "Empty"
        case ongoing = "Ongoing"
        case prepareCommit = "PrepareCommit"
        case prepareAbort = "PrepareAbort"
        case completeCommit = "CompleteCommit"
        case completeAbort = "CompleteAbort"

        /// The decision is made and its markers are on their way.
        var isPrepared: Bool { self == .prepareCommit || self == .prepareAbort }
    }

    let id: KafkaString
    var producer: ProducerIdentity
    /// The identity before the last change, by which a repeated request is known.
    var previous = ProducerIdentity.none
    var timeout: Int32
    var state = State.empty
    var partitions: Set<TopicPartition> = []
    /// Groups whose offsets are part of the transaction.
    var groups: Set<GroupID> = []
    var startTime: Int64 = -1
    var lastUpdate: Int64 = 0

    /// The last epoch is kept for fencing, so a producer id is used up one before it.
    var isEpochExhausted: Bool { producer.epoch >= Int16.max - 1 }

    /// When an open transaction is aborted by the coordinator.
    var deadline: Int64? {
        state == .ongoing ? startTime + Int64(timeout) : nil
    }
}

/// Markers to be written so that a decided transaction can complete.
struct MarkerOrder: Equatable, Sendable {
    var transactionalID: KafkaString
    var producer: ProducerIdentity
    var isCommit: Bool
    var partitions: Set<TopicPartition>
    var groups: Set<GroupID>
    var coordinatorEpoch: Int32
}
