package import KafkaProtocol

/// Answers one API.
///
/// Implementations live in `NN_Name.swift`, one per API key.
/// Handlers run on the cluster's event loop and may read and change all of its state without locks.
package protocol RequestHandler {
    associatedtype Request: KafkaRequest

    /// Answers through `reply`, right away or later.
    static func handle(_ request: Request, _ context: RequestContext, _ reply: Reply<Request.Response>)

    /// An answer in which everything failed with `error`, for injected faults.
    static func failure(_ request: Request, _ error: ErrorCode, _ context: RequestContext) -> Request.Response

    /// The topics a request names, so that a fault can be limited to one topic.
    static func topics(_ request: Request, _ context: RequestContext) -> [TopicName]

    /// Whether the handler itself fails the partitions of a topic that an injected error is limited to.
    static var failsPartitions: Bool { get }
}

extension RequestHandler {
    package static func topics(_ request: Request, _ context: RequestContext) -> [TopicName] { [] }
    package static var failsPartitions: Bool { false }
}
