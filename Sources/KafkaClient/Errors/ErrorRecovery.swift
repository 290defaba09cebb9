public import KafkaProtocol

/// What a client does about an error code of a broker.
public enum ErrorRecovery: Sendable, Hashable {
    /// There is no error.
    case none
    /// Ask the same broker again after a pause.
    case retry
    /// Learn who leads or controls now, then ask again.
    case refreshMetadata
    /// Look up the group's or transaction's coordinator again, then ask again.
    case findCoordinator
    /// The member has to join its group again.
    case rejoinGroup
    /// The producer needs a new id or epoch.
    case reinitializeProducer
    /// The fetch session is gone; begin a new one.
    case resetFetchSession
    /// The position lies outside the partition's log.
    case resetPosition
    /// The broker already has this batch: a success whose answer was lost.
    case alreadyDone
    /// Only an abort brings the transaction on.
    case abortTransaction
    /// No retry will cure it.
    case fatal

    /// Whether the same request may succeed later.
    public var isRetriable: Bool {
        switch self {
        case .retry, .refreshMetadata, .findCoordinator: true
        case .none, .rejoinGroup, .reinitializeProducer, .resetFetchSession, .resetPosition, .alreadyDone,
            .abortTransaction, .fatal:
            false
        }
    }
}

extension ErrorCode {
    /// What a client does about this error.
    public var recovery: ErrorRecovery {
        switch self {
        case .none:
            .none
        case .coordinatorNotAvailable, .notCoordinator:
            .findCoordinator
        case .notController, .staleControllerEpoch, .brokerNotAvailable, .unknownLeaderEpoch:
            // None of these invalidates metadata in the Java client, yet all of them mean that we or the broker are
            // behind, and a refresh is what ends that.
            .refreshMetadata
        case .illegalGeneration, .unknownMemberID, .rebalanceInProgress, .memberIDRequired, .fencedMemberEpoch,
            .staleMemberEpoch:
            .rejoinGroup
        case .outOfOrderSequenceNumber, .unknownProducerID, .invalidProducerIDMapping, .invalidProducerEpoch:
            .reinitializeProducer
        case .fetchSessionIDNotFound, .invalidFetchSessionEpoch, .fetchSessionTopicIDError:
            .resetFetchSession
        case .offsetOutOfRange:
            .resetPosition
        case .duplicateSequenceNumber:
            .alreadyDone
        case .transactionAbortable:
            .abortTransaction
        case .electionNotNeeded:
            // Retriable by its class in the Java client, but asking again never changes the answer.
            .fatal
        default:
            switch (isRetriable, invalidatesMetadata) {
            case (true, true): .refreshMetadata
            case (true, false): .retry
            case (false, _): .fatal
            }
        }
    }
}
