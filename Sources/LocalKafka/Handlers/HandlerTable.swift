import KafkaProtocol
import Logging
import NIOCore

/// The APIs a broker offers, by key, with the versions it offers them in.
package struct HandlerTable {
    /// A handler without its types: decodes a request's body and answers with the parts of a frame.
    struct Endpoint {
        let versions: ClosedRange<Int16>
        let flexibleSince: Int16
        let serve: (ByteBuffer, RequestContext, @escaping (WireOutcome) -> Void) throws -> Abandon
    }

    enum WireOutcome {
        /// A whole frame.
        case frame([ByteBuffer])
        /// Half of the frame, then the end.
        case truncated([ByteBuffer])
        /// The frame with random bytes for its body.
        case garbage([ByteBuffer])
        /// The request is done; it has no answer.
        case nothing
        /// The request is never done; nothing more will come over this connection.
        case silence
        case closeConnection
    }

    /// Lets go of a reply whose client has gone.
    typealias Abandon = () -> Void

    private(set) var endpoints: [ApiKey: Endpoint] = [:]
    private let overrides: [ApiKey: ClosedRange<Int16>?]

    init(configuration: LocalCluster.Configuration) {
        self.overrides = configuration.apiVersions
        self.registerDataHandlers()
        self.registerAdministrationHandlers()
        self.registerGroupHandlers()
        self.registerTransactionHandlers()
        self.registerAccessHandlers()
    }

    /// Adds a handler for all versions of its messages, or for fewer.
    mutating func register<H: RequestHandler>(_ handler: H.Type, versions: ClosedRange<Int16>? = nil) {
        var versions = versions ?? H.Request.supportedVersions
        if let override = self.overrides[H.Request.apiKey] {
            guard let override else { return }
            versions = override.clamped(to: versions)
        }
        self.endpoints[H.Request.apiKey] = Endpoint(
            versions: versions,
            flexibleSince: H.Request.flexibleSince,
            serve: { body, context, complete throws in
                try Self.serve(handler, body, context, complete)
            }
        )
    }

    private static func serve<H: RequestHandler>(
        _ handler: H.Type,
        _ body: ByteBuffer,
        _ context: RequestContext,
        _ complete: @escaping (WireOutcome) -> Void
    ) throws -> Abandon {
        // Like Kafka, bytes after the message are ignored: librdkafka appends one to Metadata.
        var body = body
        let request = try H.Request.decode(from: &body, version: context.version)
        let fault = context.cluster.faults.take(
            api: context.apiKey,
            broker: context.broker.id,
            failsPartitions: H.failsPartitions,
            topics: { handler.topics(request, context) }
        )
        let reply = Reply<H.Request.Response> { outcome in
            complete(Self.wireOutcome(handler, outcome, fault: fault, context))
        }
        switch fault {
        case nil, .dropAnswer, .closeAfter, .truncate, .garbage:
            handler.handle(request, context, reply)
        case .error(let code):
            reply(handler.failure(request, code, context))
        case .drop:
            complete(.silence)
        case .close:
            complete(.closeConnection)
        case .delay(let milliseconds):
            context.cluster.schedule(after: .milliseconds(milliseconds)) {
                if reply.isOpen { handler.handle(request, context, reply) }
            }
        }
        return { reply.abandon() }
    }

    private static func wireOutcome<H: RequestHandler>(
        _ handler: H.Type,
        _ outcome: Reply<H.Request.Response>.Outcome,
        fault: Fault?,
        _ context: RequestContext
    ) -> WireOutcome {
        switch (outcome, fault) {
        case (_, .dropAnswer): return .silence
        case (_, .closeAfter), (.closeConnection, _): return .closeConnection
        case (.nothing, _): return .nothing
        case (.response(let response), _):
            do {
                let header = ResponseHeader.with { $0.correlationID = context.correlationID }
                let parts = try response.encodeFrame(
                    header: header,
                    headerVersion: H.Request.responseHeaderVersion(for: context.version),
                    version: context.version
                )
                switch fault {
                case .truncate: return .truncated(parts)
                case .garbage: return .garbage(parts)
                default: return .frame(parts)
                }
            } catch {
                context.cluster.configuration.logger.error(
                    "An answer cannot be encoded",
                    metadata: [
                        "api": "\(context.apiKey)", "version": "\(context.version)", "error": "\(error)",
                    ]
                )
                return .closeConnection
            }
        }
    }
}
