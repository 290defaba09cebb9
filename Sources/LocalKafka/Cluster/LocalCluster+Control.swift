package import KafkaProtocol
package import KafkaRecords
package import NIOCore

/// What tests do to a cluster without a client.
extension LocalCluster {
    // MARK: - Topics

    /// Creates a topic and returns its id.
    @discardableResult
    package func createTopic(
        _ name: TopicName,
        partitions: Int32 = 1,
        replicationFactor: Int16 = -1,
        configs: [String: String] = [:]
    ) async throws -> KafkaUUID {
        try await self.withCluster { cluster in
            var specification = Cluster.TopicSpecification(name: name)
            specification.partitions = partitions
            specification.replicationFactor = replicationFactor
            specification.configs = configs
            return try cluster.createTopic(specification).id
        }
    }

    package func deleteTopic(_ name: TopicName) async throws {
        try await self.withCluster { $0.deleteTopic(name) }
    }

    /// Deletes a topic and creates an empty one of the same name at once, with another id.
    package func recreateTopic(_ name: TopicName, partitions: Int? = nil) async throws {
        try await self.withCluster { $0.recreateTopic(name, partitions: partitions) }
    }

    /// Replaces a topic's config overrides.
    package func setTopicConfigs(_ name: TopicName, _ configs: [String: String]) async throws {
        try await self.withCluster { cluster in
            guard let topic = cluster.topics[name] else { throw Cluster.AdminFailure(.unknownTopicOrPartition) }
            if let complaint = TopicConfigs.complaint(about: configs) {
                throw Cluster.AdminFailure(.invalidConfig, complaint)
            }
            cluster.setConfigs(configs, of: topic)
        }
    }

    package func addPartitions(_ name: TopicName, count: Int32) async throws {
        try await self.withCluster { cluster in
            guard let topic = cluster.topics[name] else { throw Cluster.AdminFailure(.unknownTopicOrPartition) }
            try cluster.addPartitions(topic, count: count, assignments: nil)
        }
    }

    /// What can be seen of a topic from outside.
    package struct TopicSummary: Sendable, Hashable {
        package var id: KafkaUUID
        package var configs: [String: String]
        package var partitions: [PartitionSummary]
    }

    package struct PartitionSummary: Sendable, Hashable {
        package var leader: Int32
        package var leaderEpoch: Int32
        package var replicas: [Int32]
        package var isr: [Int32]
        package var startOffset: Int64
        package var endOffset: Int64
        package var highWatermark: Int64
        package var lastStableOffset: Int64
        package var sizeInBytes: Int
        package var batchCount: Int
    }

    /// The topics that exist, in order.
    package func topicNames() async throws -> [TopicName] {
        try await self.withCluster { $0.topics.keys.sorted() }
    }

    /// A topic's present state; `nil` when there is none.
    package func topic(_ name: TopicName) async throws -> TopicSummary? {
        try await self.withCluster { cluster in
            cluster.topics[name].map { topic in
                TopicSummary(
                    id: topic.id,
                    configs: topic.configs,
                    partitions: topic.partitions.map { partition in
                        PartitionSummary(
                            leader: partition.leader,
                            leaderEpoch: partition.leaderEpoch,
                            replicas: partition.replicas,
                            isr: partition.isr,
                            startOffset: partition.log.startOffset,
                            endOffset: partition.log.endOffset,
                            highWatermark: partition.log.highWatermark,
                            lastStableOffset: partition.log.lastStableOffset,
                            sizeInBytes: partition.log.size,
                            batchCount: partition.log.batches.count
                        )
                    }
                )
            }
        }
    }

    /// The state of one partition.
    package func partition(_ topic: TopicName, _ partition: Int32) async throws -> PartitionSummary {
        guard let summary = try await self.topic(topic), partition >= 0, Int(partition) < summary.partitions.count
        else { throw Cluster.AdminFailure(.unknownTopicOrPartition) }
        return summary.partitions[Int(partition)]
    }

    // MARK: - Records

    /// All records of a partition as a read-uncommitted consumer sees them.
    package func records(_ topic: TopicName, _ partition: Int32) async throws -> [Record] {
        try await self.withPartition(topic, partition) { cluster, partition in
            var records: [Record] = []
            for batch in partition.log.batches where !batch.header.attributes.isControl {
                records += try batch.records(codecs: cluster.codecs)
            }
            return records.filter { $0.offset >= partition.log.startOffset }
        }
    }

    /// The batches of a partition from the one with `offset` on, control batches too, as a reader gets them.
    package func batches(
        _ topic: TopicName,
        _ partition: Int32,
        from offset: Int64 = 0
    ) async throws -> [RecordBatchView] {
        try await self.withPartition(topic, partition) { _, partition in
            let batches = partition.log.batches
            let first = batches.lastIndex { $0.lastOffset < offset }.map { $0 + 1 } ?? batches.startIndex
            return batches[first...].compactMap(\.view)
        }
    }

    /// Appends batches as they are, without the checks of Produce: base offset and leader epoch are set anew.
    ///
    /// - Returns: the base offset of the first.
    @discardableResult
    package func append(_ batches: [ByteBuffer], to topic: TopicName, _ partition: Int32) async throws -> Int64 {
        try await self.withPartition(topic, partition) { _, partition in
            let first = partition.log.endOffset
            for batch in batches {
                partition.log.appendInternal(try RecordBatchView(batch), leaderEpoch: partition.leaderEpoch)
                partition.wakeWaiters(appended: batch.readableBytes)
            }
            return first
        }
    }

    /// Appends records as brokers of the old message formats 0 and 1 stored them.
    ///
    /// Each is a message, or with a codec all are in one wrapper; Fetch answers with them as brokers up to 3.9 do.
    ///
    /// - Parameter appendTime: what `message.timestamp.type=LogAppendTime` stamps them with.
    package func append(
        _ records: [Record],
        magic: Int8,
        codec: CompressionCodec = .none,
        appendTime: Int64? = nil,
        to topic: TopicName,
        _ partition: Int32
    ) async throws {
        try await self.withPartition(topic, partition) { cluster, partition in
            var records = records
            for index in records.indices { records[index].offset = partition.log.endOffset + Int64(index) }
            let set = try LegacyMessageSet.encode(
                records,
                magic: magic,
                codec: codec,
                codecs: cluster.codecs,
                appendTime: appendTime
            )
            try partition.log.restore(set)
            partition.wakeWaiters()
        }
    }

    /// Appends bytes of a log segment, of any format: batches and messages keep their offsets and epochs.
    package func restore(_ segment: ByteBuffer, to topic: TopicName, _ partition: Int32) async throws {
        try await self.withPartition(topic, partition) { _, partition in
            try partition.log.restore(segment)
            partition.wakeWaiters()
        }
    }

    // MARK: - What happens to logs

    /// Makes another replica the leader, in a new epoch.
    package func moveLeader(_ topic: TopicName, _ partition: Int32, to broker: Int32) async throws {
        try await self.withPartition(topic, partition) { cluster, partition in
            cluster.moveLeader(of: partition, to: broker)
        }
    }

    /// Loses everything from `offset` on, as an unclean election does; the leader epoch grows.
    package func truncate(_ topic: TopicName, _ partition: Int32, to offset: Int64) async throws {
        try await self.withPartition(topic, partition) { cluster, partition in
            cluster.truncate(partition, to: offset)
        }
    }

    /// Moves the log start forward, as retention and DeleteRecords do.
    package func deleteRecords(_ topic: TopicName, _ partition: Int32, before offset: Int64) async throws {
        try await self.withPartition(topic, partition) { _, partition in
            guard partition.log.deleteRecords(before: offset) != nil else {
                throw Cluster.AdminFailure(.offsetOutOfRange)
            }
            partition.wakeWaiters()
        }
    }

    /// Compacts a partition now, whatever its `cleanup.policy`.
    package func compact(
        _ topic: TopicName,
        _ partition: Int32,
        removingTombstones: Bool = false
    ) async throws {
        try await self.withPartition(topic, partition) { cluster, partition in
            partition.log.compact(removingTombstones: removingTombstones, codecs: cluster.codecs)
            partition.wakeWaiters()
        }
    }

    /// Applies retention to all logs now.
    package func applyRetention() async throws {
        try await self.withCluster { $0.runHousekeeping() }
    }

    /// Keeps consumers from seeing records at and beyond `offset`; `nil` lets them see everything again.
    package func holdHighWatermark(_ topic: TopicName, _ partition: Int32, at offset: Int64?) async throws {
        try await self.withPartition(topic, partition) { _, partition in
            partition.log.heldHighWatermark = offset
            partition.wakeWaiters()
        }
    }

    // MARK: - Faults and counters

    package var faults: Faults { Faults(cluster: self) }

    /// The faults of a cluster, to be set from tests.
    package struct Faults: Sendable {
        let cluster: LocalCluster

        /// Lets the next `count` requests of an API fail, after letting `skip` pass.
        package func inject(
            _ api: ApiKey,
            count: Int = 1,
            _ fault: Fault,
            broker: Int32? = nil,
            topic: TopicName? = nil,
            skip: Int = 0
        ) async throws {
            try await self.cluster.withCluster { cluster in
                cluster.faults.add(
                    FaultPlan.Rule(api: api, count: count, fault: fault, broker: broker, topic: topic, skip: skip)
                )
            }
        }

        /// Forgets the faults that have not happened yet.
        package func clear() async throws {
            try await self.cluster.withCluster { $0.faults.removeAll() }
        }

        /// How many requests are still to be hit.
        package func pending() async throws -> Int {
            try await self.cluster.withCluster { $0.faults.rules.reduce(0) { $0 + $1.count } }
        }

        /// Puts a throttle time into all Produce and Fetch answers.
        package func throttle(milliseconds: Int32) async throws {
            try await self.cluster.withCluster { $0.faults.throttleTimeMs = milliseconds }
        }
    }

    /// What the brokers have been asked so far.
    package func counters() async throws -> RequestCounters {
        try await self.withCluster { $0.counters }
    }

    /// How many requests of one API the brokers have seen.
    package func requestCount(_ api: ApiKey) async throws -> Int {
        try await self.counters()[api].requests
    }

    /// How many clients are connected.
    package func connectionCount() async throws -> Int {
        try await self.withCluster { $0.connections.count }
    }

    /// Closes all connections, or those to one broker; clients may come back at once.
    package func closeConnections(broker: Int32? = nil) async throws {
        try await self.withCluster { cluster in
            for connection in cluster.connections.values where broker == nil || connection.broker.id == broker {
                connection.close()
            }
        }
    }

    private func withPartition<Result: Sendable>(
        _ topic: TopicName,
        _ partition: Int32,
        _ body: @escaping @Sendable (Cluster, Partition) throws -> Result
    ) async throws -> Result {
        try await self.withCluster { cluster in
            let place = TopicPartition(topic: topic, partition: partition)
            guard let found = cluster.partition(place) else {
                throw Cluster.AdminFailure(.unknownTopicOrPartition, "There is no partition \(place)")
            }
            return try body(cluster, found)
        }
    }
}
