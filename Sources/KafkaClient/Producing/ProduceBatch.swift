public import KafkaProtocol
public import NIOCore

/// One batch on its way to a partition: a patched header and a payload that is never copied.
public struct ProduceBatch: Sendable, Equatable {
    /// The batch header (61 bytes) with the producer's stamp, or a whole small batch.
    public var header: ByteBuffer
    /// What follows the header, usually a slice of a received frame; may be empty.
    public var body: ByteBuffer
    public var recordCount: Int32
    /// The owner's name for the batch; comes back with the result.
    public var token: UInt64

    public init(header: ByteBuffer, body: ByteBuffer, recordCount: Int32, token: UInt64) {
        self.header = header
        self.body = body
        self.recordCount = recordCount
        self.token = token
    }

    /// Bytes of the whole batch.
    public var byteCount: Int { self.header.readableBytes + self.body.readableBytes }
}

/// A producer's question for a partition's next batch.
public struct ProducePullRequest: Sendable {
    public var slot: Int
    /// Bytes left in the request that is being built.
    public var room: Int
    /// The request holds nothing yet, so a batch larger than `room` may go out.
    public var isEmpty: Bool
    /// Batches of the partition that may be out.
    public var limit = 5
    /// Partitions that may get a batch into the same request.
    public var company = 1
    /// What the batch must carry.
    public var stamp: ProducerStamp
    /// How long the broker takes to answer when it is not busy; zero until known.
    public var roundTrip: TimeAmount

    public init(slot: Int, room: Int, isEmpty: Bool, stamp: ProducerStamp, roundTrip: TimeAmount = .zero) {
        self.slot = slot
        self.room = room
        self.isEmpty = isEmpty
        self.stamp = stamp
        self.roundTrip = roundTrip
    }
}

/// The owner's answer when the producer asks for a partition's next batch.
public enum ProducePull: Sendable {
    case batch(ProduceBatch)
    /// There is a batch, but it is larger than the room left in this request.
    case tooLargeNow
    /// Nothing waits; the owner calls `ready` when something does.
    case nothing
}

/// What became of a batch or a partition.
public enum ProduceEvent: Sendable, Equatable {
    /// The batch is written. The offset is nil when the broker only knew that it had the batch already.
    case acknowledged(slot: Int, token: UInt64, baseOffset: Int64?, logAppendTime: Int64?)
    /// The batch will not be accepted as it is. All batches not acknowledged are dropped, nothing more is sent for the
    /// partition until the owner calls `resume`.
    case refused(slot: Int, ProduceRefusal)
    /// The partition fails repeatedly; it is tried again by itself.
    case failing(slot: Int, ProduceFailure)
    /// It works again after `failing`.
    case recovered(slot: Int)
}

/// Why a partition makes no progress at the moment.
public enum ProduceFailure: Sendable, Hashable {
    case refused(ErrorCode)
    case noLeader(String)
    case disconnected(node: Int32, String)
    case noProducerID(String)
}

/// A definite no to a batch.
public struct ProduceRefusal: Sendable, Equatable {
    /// What kind of no.
    public enum Kind: Sendable, Hashable {
        /// Larger than the topic's or the broker's limit.
        case tooLarge
        /// The broker finds something wrong with the records.
        case invalid
        /// The principal may not write.
        case denied
        /// The topic or partition is missing.
        case missing
        /// The broker has lost our sequence: the log was truncated, recreated, or somebody took our identity.
        case sequenceLost
        /// Another error code.
        case other
    }

    public var kind: Kind
    public var code: ErrorCode
    /// The broker's own words.
    public var message: String?
    /// The batch refused.
    public var token: UInt64
    /// An earlier attempt of a dropped batch may have been written without our knowing.
    public var isOutcomeUnknown: Bool

    public init(kind: Kind, code: ErrorCode, message: String?, token: UInt64, isOutcomeUnknown: Bool) {
        self.kind = kind
        self.code = code
        self.message = message
        self.token = token
        self.isOutcomeUnknown = isOutcomeUnknown
    }
}

/// What an error code of one partition in a Produce answer means for its batch.
public enum ProduceErrorClass: Sendable, Equatable {
    /// Written: this time, or a time before.
    case done
    /// Try again at the leader that the metadata name next.
    case leaderMoved
    /// Try again; the batch was surely not written by this attempt.
    case transient
    /// Try again; the batch may have been written.
    case uncertain
    /// The topic is missing: for a while as `leaderMoved`, then a refusal.
    case missing
    /// A gap before this batch.
    case sequenceGap
    /// The broker's idea of our identity differs.
    case identityLost
    /// Damaged on the way, or here: tried again a few times, then refused.
    case corrupt
    case refused(ProduceRefusal.Kind)

    public init(_ code: ErrorCode) {
        self =
            switch code {
            case .none, .duplicateSequenceNumber: .done
            case .notLeaderOrFollower, .leaderNotAvailable, .fencedLeaderEpoch, .unknownLeaderEpoch,
                .kafkaStorageError, .replicaNotAvailable, .brokerNotAvailable, .listenerNotFound:
                .leaderMoved
            case .requestTimedOut, .notEnoughReplicasAfterAppend, .networkException, .unknownServerError: .uncertain
            case .unknownTopicOrPartition, .unknownTopicID: .missing
            case .outOfOrderSequenceNumber: .sequenceGap
            case .unknownProducerID, .invalidProducerEpoch, .invalidProducerIDMapping, .producerFenced: .identityLost
            case .corruptMessage: .corrupt
            case .messageTooLarge, .recordListTooLarge: .refused(.tooLarge)
            case .invalidRecord, .invalidTimestamp, .unsupportedForMessageFormat, .unsupportedCompressionType,
                .policyViolation:
                .refused(.invalid)
            case .topicAuthorizationFailed, .clusterAuthorizationFailed, .transactionalIDAuthorizationFailed:
                .refused(.denied)
            default: code.isRetriable ? .transient : .refused(.other)
            }
    }
}
