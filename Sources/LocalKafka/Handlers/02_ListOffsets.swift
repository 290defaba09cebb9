package import KafkaProtocol

/// ListOffsets (2), versions 0-9.
///
/// - Earliest (-2), latest (-1; the last stable offset at read-committed), by time, largest timestamp (-3, from
///   version 7), earliest local (-4, from 8; nothing is ever tiered, so the same as earliest), latest tiered
///   (-5, from 9; always none).
/// - Version 0 lists offsets in the old style.
package enum ListOffsetsHandler: RequestHandler {
    package static func handle(
        _ request: ListOffsetsRequest,
        _ context: RequestContext,
        _ reply: Reply<ListOffsetsResponse>
    ) {
        let injected = context.cluster.faults.takePartitionErrors(
            api: .listOffsets,
            broker: context.broker.id,
            topics: { Self.topics(request, context) }
        )
        reply(
            Self.response(request) { topic, asked in
                if let error = injected[topic] { return Self.failure(asked.partitionIndex, error) }
                return Self.find(asked, topic: topic, request, context)
            }
        )
    }

    package static func failure(
        _ request: ListOffsetsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> ListOffsetsResponse {
        Self.response(request) { Self.failure($1.partitionIndex, error) }
    }

    package static func topics(_ request: ListOffsetsRequest, _ context: RequestContext) -> [TopicName] {
        request.topics.map(\.name)
    }

    package static var failsPartitions: Bool { true }

    private typealias Asked = ListOffsetsRequest.ListOffsetsPartition
    private typealias Answer = ListOffsetsResponse.ListOffsetsPartitionResponse

    private static func response(
        _ request: ListOffsetsRequest,
        _ partition: (TopicName, Asked) -> Answer
    ) -> ListOffsetsResponse {
        .with {
            $0.topics = request.topics.map { topic in
                .with {
                    $0.name = topic.name
                    $0.partitions = topic.partitions.map { partition(topic.name, $0) }
                }
            }
        }
    }

    private static func find(
        _ asked: Asked,
        topic: TopicName,
        _ request: ListOffsetsRequest,
        _ context: RequestContext
    ) -> Answer {
        guard context.allows(.describe, .topic, topic) else {
            return Self.failure(asked.partitionIndex, .topicAuthorizationFailed)
        }
        let place = TopicPartition(topic: topic, partition: asked.partitionIndex)
        guard let partition = context.cluster.partition(place) else {
            return Self.failure(asked.partitionIndex, .unknownTopicOrPartition)
        }
        let error = partition.check(leaderEpoch: asked.currentLeaderEpoch, at: context.broker)
        guard error == .none else { return Self.failure(asked.partitionIndex, error) }
        guard let position = Self.position(asked.timestamp, partition.log, request, context) else {
            return Self.failure(asked.partitionIndex, .unsupportedVersion)
        }
        return .with {
            $0.partitionIndex = asked.partitionIndex
            if context.version == 0 {
                $0.oldStyleOffsets = position.offset >= 0 && asked.maxNumOffsets > 0 ? [position.offset] : []
                return
            }
            $0.timestamp = position.timestamp
            $0.offset = position.offset
            if context.version >= 4 { $0.leaderEpoch = position.leaderEpoch }
        }
    }

    private static func position(
        _ timestamp: Int64,
        _ log: Log,
        _ request: ListOffsetsRequest,
        _ context: RequestContext
    ) -> Log.Position? {
        let isCommitted = request.isolationLevel == 1
        switch timestamp {
        case -1: return log.latest(readCommitted: isCommitted)
        case -2: return log.earliest
        case -3:
            guard context.version >= 7 else { return nil }
            return log.positionOfMaxTimestamp(readCommitted: isCommitted, codecs: context.cluster.codecs)
        case -4: return context.version >= 8 ? log.earliest : nil
        case -5: return context.version >= 9 ? .unknown : nil
        case ..<0: return nil
        default:
            return log.position(
                atOrAfter: timestamp,
                readCommitted: isCommitted,
                codecs: context.cluster.codecs
            )
        }
    }

    private static func failure(_ partition: Int32, _ error: ErrorCode) -> Answer {
        .with {
            $0.partitionIndex = partition
            $0.errorCode = error
        }
    }
}
