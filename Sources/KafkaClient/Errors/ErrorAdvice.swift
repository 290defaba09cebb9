import KafkaProtocol

extension KafkaClientError {
    /// What whoever runs this can do: what the error brings along, else what its code suggests.
    public var advice: String? {
        nextStep ?? kafkaError?.advice ?? code.advice
    }
}

extension ErrorCode {
    /// What an operator can do about an answer that no repetition cures.
    fileprivate var advice: String? {
        switch self {
        case .none, .networkException: nil
        case .topicAuthorizationFailed: "Give the principal permission for the topic."
        case .groupAuthorizationFailed: "Give the principal permission for the group."
        case .clusterAuthorizationFailed: "Give the principal permission for the cluster."
        case .transactionalIDAuthorizationFailed: "Give the principal permission for the transactional id."
        case .unknownTopicOrPartition, .unknownTopicID:
            "Check the name, and that the principal may describe the topic; create it if it is missing."
        case .topicAlreadyExists: "Use another name, or the topic that is there."
        case .invalidTopicException: "Use a name of letters, digits, '.', '_' and '-', at most 249 of them."
        case .invalidPartitions: "Check the number of partitions; it can only grow."
        case .invalidReplicationFactor: "Use at most as many replicas as there are brokers."
        case .invalidReplicaAssignment: "Name brokers that exist, each once per partition."
        case .invalidConfig: "Check names and values of the configs against what this cluster knows."
        case .policyViolation: "A policy of the cluster forbids it; its administrators know which."
        case .messageTooLarge, .recordListTooLarge:
            "Raise max.message.bytes of the topic or message.max.bytes of the brokers."
        case .invalidTimestamp: "See message.timestamp.before.max.ms and message.timestamp.after.max.ms of the topic."
        case .unsupportedCompressionType: "See compression.type of the topic and the version of the brokers."
        case .unsupportedForMessageFormat, .unsupportedVersion:
            "Update the brokers, or leave out what they do not know."
        case .notEnoughReplicas, .notEnoughReplicasAfterAppend:
            "Bring the replicas back that are out of sync, or lower min.insync.replicas."
        case .leaderNotAvailable, .notLeaderOrFollower, .replicaNotAvailable, .brokerNotAvailable:
            "Check that the brokers holding its replicas are up."
        case .coordinatorNotAvailable, .coordinatorLoadInProgress, .notCoordinator:
            "Check that the brokers holding __consumer_offsets and __transaction_state are up."
        case .notController, .staleControllerEpoch: "Check that the cluster has a controller."
        case .kafkaStorageError, .logDirNotFound: "Check the disks of the broker; its log names the directory."
        case .nonEmptyGroup, .groupSubscribedToTopic: "Stop the members of the group first."
        case .groupIDNotFound, .invalidGroupID: "Check the name of the group."
        case .groupMaxSizeReached: "Raise group.max.size of the brokers, or run fewer members."
        case .unknownMemberID, .illegalGeneration, .fencedInstanceID, .unreleasedInstanceID:
            "Another member has taken the place; see that each instance id is used once."
        case .inconsistentGroupProtocol, .unsupportedAssignor: "Let all members of the group use the same assignors."
        case .invalidSessionTimeout:
            "See group.min.session.timeout.ms and group.max.session.timeout.ms of the brokers."
        case .invalidTransactionTimeout:
            "Lower transaction.timeout.ms to at most transaction.max.timeout.ms of the brokers."
        case .producerFenced, .invalidProducerEpoch, .transactionCoordinatorFenced:
            "Another producer with the same transactional id has taken over; let only one run."
        case .concurrentTransactions: "An earlier transaction is still being ended; wait for it."
        case .securityDisabled: "The cluster has no authorizer; set authorizer.class.name there if it should."
        case .saslAuthenticationFailed, .illegalSaslState, .unsupportedSaslMechanism:
            "Check sasl.mechanism and sasl.jaas.config."
        case .throttlingQuotaExceeded: "Raise the quota of the principal, or ask for less at a time."
        case .topicDeletionDisabled: "Set delete.topic.enable = true at the brokers."
        case .requestTimedOut: "Check the load of the brokers; request.timeout.ms sets the limit."
        case .offsetOutOfRange: "The records are gone or not there yet; see retention.ms and the log's ends."
        default: "The broker's log may tell more."
        }
    }
}

extension KafkaClientError.Code {
    /// What an operator can do about a failure that has no answer of a broker.
    fileprivate var advice: String? {
        switch self {
        case .unreachable: "Check that the brokers are up and can be reached from here."
        case .timedOut: "Check that the brokers are up and not overloaded; default.api.timeout.ms sets the limit."
        case .unsupportedByBroker: "Update the brokers to use it."
        case .invalidAnswer: "Check that host and port belong to a Kafka broker, and its log."
        case .tooManyConnections: "Mirror fewer clusters in one process."
        case .noLeader: "Check that the brokers holding its replicas are up."
        case .unknownTopic: "Check the name, and that the principal may describe the topic."
        case .authenticationFailed: "Check sasl.mechanism and sasl.jaas.config."
        case .tlsFailed: "Check the ssl.* settings on both sides."
        case .invalidConfiguration: "Correct the value."
        default: nil
        }
    }
}
