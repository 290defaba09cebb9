public import KafkaProtocol

extension ClusterMetadata {
    /// Which topics an answer speaks for.
    public enum Scope: Sendable, Hashable {
        /// Every topic of the cluster: a topic that is not in the answer does not exist.
        case all
        /// Only the topics that were asked for; the others stay as they are.
        case some
    }

    /// Merges a broker's answer and returns what changed.
    public mutating func apply(_ response: MetadataResponse, scope: Scope) -> MetadataChange {
        var change = MetadataChange()
        mergeBrokers(response, into: &change)
        if let id = response.clusterID, id != clusterID {
            change.clusterIDChanged = clusterID != nil
            clusterID = id
        }
        let controller = response.controllerID >= 0 ? response.controllerID : nil
        if controller != controllerID {
            controllerID = controller
            change.controllerChanged = true
        }
        var seen = Set<TopicName>()
        for answer in response.topics {
            // Only questions by id are answered without a name, and only for ids that do not exist.
            guard let name = answer.name else { continue }
            seen.insert(name)
            merge(answer, name: name, into: &change)
        }
        if scope == .all {
            for name in topics.keys where !seen.contains(name) {
                remove(name, into: &change)
            }
        }
        if !change.isEmpty { revision += 1 }
        return change
    }

    /// Applies a leader that a Produce or Fetch answer named (KIP-951) and returns what changed.
    ///
    /// Ignored unless it is newer than what is known.
    public mutating func applyLeader(
        _ leader: Leader,
        of partition: TopicPartition,
        endpoints: [Broker] = []
    ) -> MetadataChange {
        var change = MetadataChange()
        guard leader.nodeID >= 0, leader.epoch >= 0, let topic = topics[partition.topic],
            let position = topic.partitions.firstIndex(where: { $0.index == partition.partition })
        else { return change }
        let known = topic.partitions[position]
        guard leader.epoch > known.leaderEpoch || (leader.epoch == known.leaderEpoch && known.leaderID == nil) else {
            return change
        }
        for endpoint in endpoints { upsert(endpoint, into: &change) }
        guard brokers[leader.nodeID] != nil else { return change }
        topics[partition.topic]?.partitions[position].leaderID = leader.nodeID
        topics[partition.topic]?.partitions[position].leaderEpoch = leader.epoch
        topics[partition.topic]?.partitions[position].error = .none
        change.movedLeaders.insert(partition)
        revision += 1
        return change
    }

    /// Adds a broker that another answer named, for example a group's coordinator.
    public mutating func applyBroker(_ broker: Broker) -> MetadataChange {
        var change = MetadataChange()
        upsert(broker, into: &change)
        if !change.isEmpty { revision += 1 }
        return change
    }

    /// Forgets topics nobody is interested in any more.
    public mutating func forget(_ names: some Sequence<TopicName>) -> MetadataChange {
        var change = MetadataChange()
        for name in names { remove(name, into: &change) }
        if !change.isEmpty { revision += 1 }
        return change
    }

    private mutating func mergeBrokers(_ response: MetadataResponse, into change: inout MetadataChange) {
        // A broker that knows of no broker at all is starting up; its answer is no reason to forget the others.
        guard !response.brokers.isEmpty else { return }
        var remaining = Set(brokers.keys)
        for broker in response.brokers {
            remaining.remove(broker.nodeID)
            upsert(
                Broker(
                    nodeID: broker.nodeID,
                    host: broker.host.string,
                    port: Int(broker.port),
                    rack: broker.rack?.string
                ),
                into: &change
            )
        }
        for nodeID in remaining {
            brokers[nodeID] = nil
            change.removedBrokers.insert(nodeID)
        }
    }

    private mutating func upsert(_ broker: Broker, into change: inout MetadataChange) {
        // Brokers without a place to reach them, such as those starting up, are no use, and no reason to forget the old one.
        guard broker.nodeID >= 0, !broker.host.isEmpty, (1...65_535).contains(broker.port) else { return }
        let known = brokers[broker.nodeID]
        if known?.host == broker.host, known?.port == broker.port {
            if let rack = broker.rack { brokers[broker.nodeID]?.rack = rack }
            return
        }
        var updated = broker
        if updated.rack == nil { updated.rack = known?.rack }
        brokers[broker.nodeID] = updated
        change.changedBrokers.insert(broker.nodeID)
    }

    private mutating func merge(
        _ answer: MetadataResponse.MetadataResponseTopic,
        name: TopicName,
        into change: inout MetadataChange
    ) {
        let old = topics[name]
        // Nearly always: nothing has happened since the last answer.
        if let old, old.isRepeated(by: answer) { return }
        if answer.errorCode == .unknownTopicOrPartition || answer.errorCode == .unknownTopicID {
            if let old, old.error == ErrorCode.none { change.removedTopics.insert(name) }
            if let old, old.topicID != .zero { namesByID[old.topicID] = nil }
            topics[name] = Topic(name: name, error: .unknownTopicOrPartition)
            return
        }
        if answer.errorCode != .none {
            // For example LEADER_NOT_AVAILABLE or TOPIC_AUTHORIZATION_FAILED: nothing is said about the partitions.
            var updated = old ?? Topic(name: name)
            updated.error = answer.errorCode
            topics[name] = updated
            return
        }

        let recreated =
            old.map { $0.topicID != .zero && answer.topicID != .zero && $0.topicID != answer.topicID } ?? false
        let previous = recreated ? nil : old
        if recreated, let old {
            change.recreatedTopics.insert(name)
            namesByID[old.topicID] = nil
        }
        if old == nil || old?.error == .unknownTopicOrPartition { change.addedTopics.insert(name) }

        var updated = Topic(
            name: name,
            topicID: answer.topicID == .zero ? previous?.topicID ?? .zero : answer.topicID,
            isInternal: answer.isInternal
        )
        updated.partitions.reserveCapacity(answer.partitions.count)
        for partition in answer.partitions.sorted(by: { $0.partitionIndex < $1.partitionIndex }) {
            // Each index once: everything that is kept by partition relies on it.
            guard partition.partitionIndex > updated.partitions.last?.index ?? -1 else { continue }
            let id = TopicPartition(topic: name, partition: partition.partitionIndex)
            let known = previous?.partition(partition.partitionIndex)
            if known == nil { change.addedPartitions.insert(id) }
            if let known, partition.leaderEpoch >= 0, partition.leaderEpoch < known.leaderEpoch {
                updated.partitions.append(known)
                continue
            }
            let merged = Partition(partition)
            if known?.leaderID != merged.leaderID || known?.leaderEpoch != merged.leaderEpoch {
                change.movedLeaders.insert(id)
            }
            updated.partitions.append(merged)
        }
        topics[name] = updated
        if updated.topicID != .zero { namesByID[updated.topicID] = name }
    }

    private mutating func remove(_ name: TopicName, into change: inout MetadataChange) {
        guard let old = topics.removeValue(forKey: name) else { return }
        if old.topicID != .zero { namesByID[old.topicID] = nil }
        change.removedTopics.insert(name)
    }
}

extension ClusterMetadata.Topic {
    /// Whether an answer tells nothing that is not known.
    fileprivate func isRepeated(by answer: MetadataResponse.MetadataResponseTopic) -> Bool {
        error == .none && answer.errorCode == .none && topicID == answer.topicID && isInternal == answer.isInternal
            && partitions.elementsEqual(answer.partitions) { $0 == ClusterMetadata.Partition($1) }
    }
}

extension ClusterMetadata.Partition {
    fileprivate init(_ answer: MetadataResponse.MetadataResponsePartition) {
        self.init(
            index: answer.partitionIndex,
            error: answer.errorCode,
            leaderID: answer.leaderID >= 0 ? answer.leaderID : nil,
            leaderEpoch: answer.leaderEpoch,
            replicas: answer.replicaNodes,
            inSyncReplicas: answer.isrNodes,
            offlineReplicas: answer.offlineReplicas
        )
    }
}
