package import KafkaProtocol

extension Cluster {
    /// What a new topic shall look like.
    package struct TopicSpecification: Sendable {
        package var name: TopicName
        /// -1 for the default.
        package var partitions: Int32 = -1
        /// -1 for the default.
        package var replicationFactor: Int16 = -1
        /// Replicas by partition; empty for automatic placement.
        package var assignments: [Int32: [Int32]] = [:]
        package var configs: [String: String] = [:]

        package init(name: TopicName) {
            self.name = name
        }
    }

    /// Why an administrative request is refused.
    package struct AdminFailure: Error, Sendable, CustomStringConvertible {
        package var code: ErrorCode
        package var message: String?

        package var description: String { self.message ?? self.code.name }

        package init(_ code: ErrorCode, _ message: String? = nil) {
            self.code = code
            self.message = message
        }
    }

    /// Creates a topic, or only checks whether it could.
    @discardableResult
    package func createTopic(_ specification: TopicSpecification, validateOnly: Bool = false) throws(AdminFailure)
        -> Topic
    {
        let name = specification.name
        if let complaint = Self.complaint(aboutTopicName: name.string) {
            throw AdminFailure(.invalidTopicException, complaint)
        }
        guard self.topics[name] == nil else {
            throw AdminFailure(.topicAlreadyExists, "Topic '\(name)' already exists.")
        }
        let collision = Self.collisionKey(name.string)
        if name.string.contains(where: { $0 == "." || $0 == "_" }),
            let other = self.topics.keys.first(where: { Self.collisionKey($0.string) == collision })
        {
            throw AdminFailure(.invalidTopicException, "Topic '\(name)' collides with existing topics: \(other)")
        }
        let replicas = try self.replicas(specification)
        if let complaint = TopicConfigs.complaint(about: specification.configs) {
            throw AdminFailure(.invalidConfig, complaint)
        }
        let topic = self.makeTopic(name, replicas: replicas, configs: specification.configs)
        if !validateOnly { self.install(topic) }
        return topic
    }

    /// Removes a topic; fetches waiting for it are answered.
    package func deleteTopic(_ name: TopicName) {
        guard let topic = self.topics.removeValue(forKey: name) else { return }
        self.topicNames[topic.id] = nil
        for partition in topic.partitions {
            partition.exists = false
            partition.wakeWaiters()
        }
        self.groups.topicDeleted(name, self)
    }

    /// Replaces a topic by an empty one with the same name, shape and configs but another id.
    package func recreateTopic(_ name: TopicName, partitions: Int? = nil) {
        guard let old = self.topics[name] else { return }
        self.deleteTopic(name)
        var replicas = old.partitions.map(\.replicas)
        if let partitions {
            while replicas.count < partitions { replicas.append(self.placeReplicas(1, factor: replicas[0].count)[0]) }
            replicas.removeLast(replicas.count - max(1, partitions))
        }
        self.install(self.makeTopic(name, replicas: replicas, configs: old.configs))
    }

    /// Adds partitions up to `count`.
    package func addPartitions(
        _ topic: Topic,
        count: Int32,
        assignments: [[Int32]]?,
        validateOnly: Bool = false
    ) throws(AdminFailure) {
        let existing = topic.partitions.count
        let added = Int(count) - existing
        guard added > 0 else {
            throw AdminFailure(
                .invalidPartitions,
                added == 0
                    ? "Topic already has \(existing) partition(s)."
                    : "The topic \(topic.name) currently has \(existing) partition(s); \(count) would not be an increase."
            )
        }
        if let assignments {
            guard assignments.count == added else {
                throw AdminFailure(
                    .invalidReplicaAssignment,
                    "Attempted to add \(added) additional partition(s), but only \(assignments.count) assignment(s) "
                        + "were specified."
                )
            }
            for replicas in assignments { try self.check(replicas) }
        }
        try Self.checkSize(added)
        guard !validateOnly else { return }
        let placed = assignments ?? self.placeReplicas(added, factor: topic.partitions.first?.replicas.count ?? 1)
        for (index, replicas) in placed.enumerated() {
            topic.partitions.append(
                self.makePartition(topic.name, topic.id, index: Int32(existing + index), replicas: replicas)
            )
        }
    }

    /// The topic of this name, made on the spot where that is allowed.
    package func autoCreateTopic(_ name: TopicName) throws(AdminFailure) -> Topic {
        if let topic = self.topics[name] { return topic }
        return try self.createTopic(TopicSpecification(name: name))
    }

    /// One of Kafka's internal topics, made when first needed.
    @discardableResult
    package func internalTopic(_ name: TopicName, partitions: Int32) -> Topic? {
        if let topic = self.topics[name] { return topic }
        var specification = TopicSpecification(name: name)
        specification.partitions = partitions
        specification.replicationFactor = Int16(min(3, self.brokers.count))
        specification.configs = ["cleanup.policy": "compact"]
        return try? self.createTopic(specification)
    }

    // MARK: - Parts

    /// Kafka's rules for topic names.
    package static func complaint(aboutTopicName name: String) -> String? {
        if name.isEmpty { return "Topic name is invalid: the empty string is not allowed" }
        if name == "." || name == ".." { return "Topic name is invalid: '\(name)' is not allowed" }
        if name.utf8.count > 249 {
            return "Topic name is invalid: the length of '\(name)' is longer than the max allowed length 249"
        }
        let isLegal = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return isLegal
            ? nil
            : "Topic name is invalid: '\(name)' contains one or more characters other than ASCII alphanumerics, "
                + "'.', '_' and '-'"
    }

    private static func collisionKey(_ name: String) -> String {
        String(name.map { $0 == "." ? "_" : $0 })
    }

    private func replicas(_ specification: TopicSpecification) throws(AdminFailure) -> [[Int32]] {
        guard specification.assignments.isEmpty else {
            guard specification.partitions == -1, specification.replicationFactor == -1 else {
                throw AdminFailure(
                    .invalidRequest,
                    "Both partition counts and a replica assignment were set, only one of them may be."
                )
            }
            var result: [[Int32]] = []
            for index in 0..<Int32(specification.assignments.count) {
                guard let replicas = specification.assignments[index] else {
                    throw AdminFailure(.invalidReplicaAssignment, "Partitions should be a consecutive 0-based sequence")
                }
                try self.check(replicas)
                result.append(replicas)
            }
            return result
        }
        let count = specification.partitions == -1 ? self.configuration.defaultPartitions : specification.partitions
        guard count > 0 else {
            throw AdminFailure(
                .invalidPartitions,
                "Number of partitions was set to an invalid non-positive value."
            )
        }
        try Self.checkSize(Int(count))
        let factor =
            specification.replicationFactor == -1
            ? min(Int(self.configuration.defaultReplicationFactor), self.brokers.count)
            : Int(specification.replicationFactor)
        guard factor > 0, factor <= self.brokers.count else {
            throw AdminFailure(
                .invalidReplicationFactor,
                "Unable to replicate the partition \(factor) time(s): The target replication factor of \(factor) "
                    + "cannot be reached because only \(self.brokers.count) broker(s) are registered."
            )
        }
        return self.placeReplicas(Int(count), factor: factor)
    }

    /// As in Kafka: a count that was mistyped must not take all memory.
    private static func checkSize(_ partitions: Int) throws(AdminFailure) {
        guard partitions <= 10_000 else {
            throw AdminFailure(.policyViolation, "Excessively large number of partitions per request.")
        }
    }

    private func check(_ replicas: [Int32]) throws(AdminFailure) {
        guard !replicas.isEmpty, Set(replicas).count == replicas.count else {
            throw AdminFailure(.invalidReplicaAssignment, "Duplicate or missing replicas in \(replicas)")
        }
        for id in replicas where self.broker(id) == nil {
            throw AdminFailure(
                .invalidReplicaAssignment,
                "The manual partition assignment includes broker \(id), but no such broker is registered."
            )
        }
    }

    private func placeReplicas(_ count: Int, factor: Int) -> [[Int32]] {
        let ids = self.brokers.map(\.id)
        return (0..<count).map { _ in
            defer { self.nextPlacement += 1 }
            return (0..<factor).map { ids[(self.nextPlacement + $0) % ids.count] }
        }
    }

    private func makeTopic(_ name: TopicName, replicas: [[Int32]], configs: [String: String]) -> Topic {
        let id = KafkaUUID.random()
        return Topic(
            name: name,
            id: id,
            partitions: replicas.enumerated().map { index, replicas in
                self.makePartition(name, id, index: Int32(index), replicas: replicas)
            },
            configs: configs
        )
    }

    private func makePartition(_ name: TopicName, _ id: KafkaUUID, index: Int32, replicas: [Int32]) -> Partition {
        var log = Log()
        log.beginEpoch(0)
        let live = replicas.filter { self.broker($0)?.isUp == true }
        let partition = Partition(
            topic: name,
            topicID: id,
            index: index,
            replicas: replicas,
            leader: live.first ?? -1,
            log: log
        )
        if !live.isEmpty { partition.isr = live }
        return partition
    }

    private func install(_ topic: Topic) {
        self.topics[topic.name] = topic
        self.topicNames[topic.id] = topic.name
    }
}
