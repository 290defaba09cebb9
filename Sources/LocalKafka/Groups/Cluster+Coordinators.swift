package import KafkaProtocol

extension Cluster {
    /// The partition of `__consumer_offsets` that holds a group; the topic is made when first needed.
    package func offsetsPartition(of group: GroupID) -> TopicPartition {
        let count = self.groups.offsetsPartitions
        return TopicPartition(
            topic: CoordinatorPlacement.offsetsTopic,
            partition: CoordinatorPlacement.partition(for: group, count: count)
        )
    }

    /// The partition of `__transaction_state` that holds a transactional id.
    package func statePartition(of transactionalID: KafkaString) -> TopicPartition {
        TopicPartition(
            topic: CoordinatorPlacement.transactionsTopic,
            partition: CoordinatorPlacement.partition(for: transactionalID, count: self.transactions.statePartitions)
        )
    }

    /// The broker that coordinates a group; nil while nobody can.
    package func coordinator(ofGroup group: GroupID) -> Broker? {
        self.internalTopic(CoordinatorPlacement.offsetsTopic, partitions: self.groups.offsetsPartitions)
        return self.partition(self.offsetsPartition(of: group)).flatMap { self.broker($0.leader) }
    }

    /// The broker that coordinates a transactional id; nil while nobody can.
    package func coordinator(ofTransaction transactionalID: KafkaString) -> Broker? {
        self.internalTopic(CoordinatorPlacement.transactionsTopic, partitions: self.transactions.statePartitions)
        return self.partition(self.statePartition(of: transactionalID)).flatMap { self.broker($0.leader) }
    }

    /// Makes `broker` the coordinator of a group, by moving the partition that holds it.
    package func moveCoordinator(ofGroup group: GroupID, to broker: Int32) {
        _ = self.coordinator(ofGroup: group)
        if let partition = self.partition(self.offsetsPartition(of: group)) {
            self.moveLeader(of: partition, to: broker)
        }
    }

    /// Makes `broker` the coordinator of a transactional id, by moving the partition that holds it.
    package func moveCoordinator(ofTransaction transactionalID: KafkaString, to broker: Int32) {
        _ = self.coordinator(ofTransaction: transactionalID)
        if let partition = self.partition(self.statePartition(of: transactionalID)) {
            self.moveLeader(of: partition, to: broker)
        }
    }

    /// What coordinators have to know about a change of leaders.
    func coordinatorPartitionMoved(_ partition: Partition) {
        if partition.topic == CoordinatorPlacement.offsetsTopic {
            self.groups.coordinatorMoved(partition: partition.index, self)
        }
    }
}

extension RequestContext {
    /// Why this broker cannot serve the group: no permission, or it is not the coordinator.
    func refusal(ofGroup group: GroupID, _ operation: AccessOperation) -> ErrorCode {
        guard self.allows(operation, .group, group) else { return .groupAuthorizationFailed }
        return self.coordinatorRefusal(self.cluster.coordinator(ofGroup: group))
    }

    /// Why this broker cannot serve the transactional id.
    func refusal(ofTransaction transactionalID: KafkaString, _ operation: AccessOperation) -> ErrorCode {
        guard self.allows(operation, .transactionalID, transactionalID) else {
            return .transactionalIDAuthorizationFailed
        }
        return self.coordinatorRefusal(self.cluster.coordinator(ofTransaction: transactionalID))
    }

    private func coordinatorRefusal(_ coordinator: Broker?) -> ErrorCode {
        guard let coordinator else { return .coordinatorNotAvailable }
        return coordinator === self.broker ? .none : .notCoordinator
    }

    /// Why offsets of a partition cannot be touched: no permission, or there is no such partition.
    func refusal(of partition: TopicPartition, _ operation: AccessOperation) -> ErrorCode {
        guard self.allows(operation, .topic, partition.topic) else { return .topicAuthorizationFailed }
        return self.cluster.partition(partition) == nil ? .unknownTopicOrPartition : .none
    }
}
