package import KafkaProtocol
import NIOCore

/// Fetch (1), versions 4-17.
///
/// - Sessions (KIP-227) from version 7, topic ids from 13, leader epochs from 9, diverging epochs from 12,
///   leaders and their addresses in answers from 12 and 16, closest replica from 11.
/// - Long polls end with `min_bytes`, with an error, or with `max_wait_ms`.
/// - The first batch of the first partition that has data is sent whole whatever the limits say; the last batch of
///   any partition may be cut off.
/// - Read-committed fetches end at the last stable offset and name the aborted transactions.
package enum FetchHandler: RequestHandler {
    package static func handle(
        _ request: FetchRequest,
        _ context: RequestContext,
        _ reply: Reply<FetchResponse>
    ) {
        let fetch: FetchRound
        do {
            fetch = try FetchRound(request, context)
        } catch {
            reply(Self.failure(request, error.code, context))
            return
        }
        guard !fetch.answer(reply, isLast: request.maxWaitMs <= 0) else { return }
        _ = ParkedFetch(
            context.cluster,
            partitions: fetch.partitions,
            missingBytes: Int(request.minBytes) - fetch.lastBytes,
            wait: .milliseconds(Int64(request.maxWaitMs))
        ) { isLast in
            !reply.isOpen || fetch.answer(reply, isLast: isLast)
        }
    }

    package static func failure(
        _ request: FetchRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> FetchResponse {
        var response = FetchResponse()
        // Before version 7 there is no error for the request as a whole.
        if context.version >= 7 {
            response.errorCode = error
        } else {
            response.responses = request.topics.map { topic in
                .with {
                    $0.topic = topic.topic
                    $0.partitions = topic.partitions.map { FetchRound.failure($0.partition, error) }
                }
            }
        }
        return response
    }

    package static func topics(_ request: FetchRequest, _ context: RequestContext) -> [TopicName] {
        request.topics.map { topic in
            topic.topicID == .zero ? topic.topic : context.cluster.topicNames[topic.topicID] ?? topic.topic
        }
    }

    package static var failsPartitions: Bool { true }
}
