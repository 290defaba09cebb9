import KafkaNetwork
import KafkaProtocol
import NIOCore

// Questions of the data path to the control path. Each is one task and one hop back, and rare: when a partition starts,
// moves or fails.

extension ClusterMetadata {
    /// Leader and topic id together.
    func partitionLeader(of partition: TopicPartition) -> PartitionLeader? {
        guard let leader = self.leader(of: partition), let topic = self.topics[partition.topic] else { return nil }
        return PartitionLeader(node: leader.nodeID, epoch: leader.epoch, topicID: topic.topicID)
    }
}

extension KafkaClient {
    /// Asks the cluster for leaders and answers on `loop`.
    func lookUpLeaders(
        _ partitions: Set<TopicPartition>,
        on loop: any EventLoop,
        _ completion: @escaping @Sendable ([TopicPartition: Result<PartitionLeader, KafkaClientError>]) -> Void
    ) {
        Task {
            var answers: [TopicPartition: Result<PartitionLeader, KafkaClientError>] = [:]
            do throws(KafkaClientError) {
                let metadata = try await self.refreshMetadata(.topics(Set(partitions.map(\.topic))))
                for partition in partitions {
                    answers[partition] =
                        metadata.partitionLeader(of: partition).map { .success($0) }
                        ?? .failure(self.noLeader(partition, in: metadata))
                }
            } catch {
                for partition in partitions { answers[partition] = .failure(error) }
            }
            let result = answers
            loop.execute { completion(result) }
        }
    }

    /// Finds one offset and answers on `loop`.
    func findOffset(
        _ query: OffsetQuery,
        of partition: TopicPartition,
        isolation: IsolationLevel,
        on loop: any EventLoop,
        _ completion: @escaping @Sendable (Result<Int64, KafkaClientError>) -> Void
    ) {
        Task {
            let result: Result<Int64, KafkaClientError>
            do throws(KafkaClientError) {
                let found = try await self.listOffset(query, of: partition, isolation: isolation)
                result = self.position(found, of: partition)
            } catch {
                result = .failure(error)
            }
            loop.execute { completion(result) }
        }
    }

    /// Finds one offset of each partition and answers on `loop`.
    ///
    /// One call for many partitions: a task for each would cost more memory than mirroring them.
    func findOffsets(
        _ query: OffsetQuery,
        of partitions: [TopicPartition],
        isolation: IsolationLevel,
        on loop: any EventLoop,
        _ completion: @escaping @Sendable ([TopicPartition: Result<Int64, KafkaClientError>]) -> Void
    ) {
        Task {
            let queries = Dictionary(partitions.map { ($0, query) }) { first, _ in first }
            // A partition that cannot be asked must not hold up its neighbours for long; it is asked again.
            let deadline: Deadline? = queries.count > 1 ? .after(.seconds(10)) : nil
            let found = await self.listOffsets(queries, isolation: isolation, deadline: deadline)
            let result = Dictionary(
                found.map { partition, answer in
                    (partition, answer.flatMap { self.position($0, of: partition) })
                },
                uniquingKeysWith: { first, _ in first }
            )
            loop.execute { completion(result) }
        }
    }

    /// Gets a producer id and answers on `loop`.
    func findProducerID(
        on loop: any EventLoop,
        _ completion: @escaping @Sendable (Result<ProducerIdentity, KafkaClientError>) -> Void
    ) {
        Task {
            let result: Result<ProducerIdentity, KafkaClientError>
            do throws(KafkaClientError) {
                result = .success(try await self.initProducerID())
            } catch {
                result = .failure(error)
            }
            loop.execute { completion(result) }
        }
    }

    /// The first or last offset of a log, which every log has.
    private func position(_ found: ListedOffset, of partition: TopicPartition) -> Result<Int64, KafkaClientError> {
        guard found.offset >= 0 else {
            return .failure(
                KafkaClientError(
                    .invalidAnswer,
                    "The broker does not say where the partition begins or ends",
                    cluster: self.name,
                    topic: partition.topic,
                    partition: partition.partition
                )
            )
        }
        return .success(found.offset)
    }

    private func noLeader(_ partition: TopicPartition, in metadata: ClusterMetadata) -> KafkaClientError {
        let topic = metadata.topics[partition.topic]
        let code = topic?.error ?? .unknownTopicOrPartition
        if topic == nil || code == .unknownTopicOrPartition || topic?.partition(partition.partition) == nil,
            code != .topicAuthorizationFailed
        {
            return KafkaClientError(
                .unknownTopic,
                "The topic or partition does not exist",
                cluster: self.name,
                topic: partition.topic,
                partition: partition.partition,
                kafkaError: code
            )
        }
        return KafkaClientError(
            code == .none ? .noLeader : .refused,
            code == .none ? "The partition has no leader" : "The cluster does not show the topic",
            cluster: self.name,
            topic: partition.topic,
            partition: partition.partition,
            kafkaError: code
        )
    }
}
