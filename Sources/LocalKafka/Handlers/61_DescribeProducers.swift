package import KafkaProtocol

/// DescribeProducers (61), version 0.
///
/// - The idempotent producers that a partition's leader remembers, with the start of their open transactions.
/// - Needs READ on each topic.
package enum DescribeProducersHandler: RequestHandler {
    package static func handle(
        _ request: DescribeProducersRequest,
        _ context: RequestContext,
        _ reply: Reply<DescribeProducersResponse>
    ) {
        reply(
            Self.answer(request) { name in
                let error = context.refusal(of: name, .read)
                guard error == .none, let partition = context.cluster.partition(name) else {
                    return Self.failed(name.partition, error)
                }
                guard partition.leader == context.broker.id else {
                    return Self.failed(name.partition, .notLeaderOrFollower)
                }
                return .with {
                    $0.partitionIndex = name.partition
                    $0.activeProducers = Self.producers(partition)
                }
            }
        )
    }

    private static func producers(_ partition: Partition) -> [DescribeProducersResponse.ProducerState] {
        partition.log.producers.entries.sorted { $0.key < $1.key }.map { id, entry in
            .with {
                $0.producerID = id
                $0.producerEpoch = Int32(entry.epoch)
                $0.lastSequence = entry.batches.last?.lastSequence ?? -1
                $0.lastTimestamp = entry.lastTimestamp
                $0.coordinatorEpoch = entry.coordinatorEpoch
                $0.currentTxnStartOffset = entry.transactionStart ?? -1
            }
        }
    }

    private static func answer(
        _ request: DescribeProducersRequest,
        _ describe: (TopicPartition) -> DescribeProducersResponse.PartitionResponse
    ) -> DescribeProducersResponse {
        .with {
            $0.topics = request.topics.map { topic in
                .with {
                    $0.name = topic.name
                    $0.partitions = topic.partitionIndexes.map {
                        describe(TopicPartition(topic: topic.name, partition: $0))
                    }
                }
            }
        }
    }

    private static func failed(
        _ index: Int32,
        _ error: ErrorCode
    ) -> DescribeProducersResponse.PartitionResponse {
        .with {
            $0.partitionIndex = index
            $0.errorCode = error
            $0.errorMessage = KafkaString(error.name)
        }
    }

    package static func topics(_ request: DescribeProducersRequest, _ context: RequestContext) -> [TopicName] {
        request.topics.map(\.name)
    }

    package static func failure(
        _ request: DescribeProducersRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DescribeProducersResponse {
        Self.answer(request) { Self.failed($0.partition, error) }
    }
}
