package import KafkaProtocol
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A broker whose answers are well-formed and mean nothing: limits of integers, duplicates, things nobody asked for.
///
/// Version negotiation and metadata are honest, and most answers about coordinators and positions, so that clients go on
/// to ask for more.
package final class HostileBroker: Sendable {
    /// The topic that it says it has, with four partitions.
    package static let topic: TopicName = "topic"

    private struct State: Sendable {
        var generator: SeededGenerator
        var requests: [ApiKey: Int] = [:]
    }

    package let port: Int
    private let channel: any Channel
    private let state: NIOLockedValueBox<State>

    private init(channel: any Channel, state: NIOLockedValueBox<State>) {
        self.channel = channel
        self.port = channel.localAddress?.port ?? 0
        self.state = state
    }

    package var bootstrapServers: String { "127.0.0.1:\(self.port)" }

    /// How often each API was asked.
    package var requests: [ApiKey: Int] { self.state.withLockedValue { $0.requests } }

    package static func start(seed: UInt64) async throws -> HostileBroker {
        let state = NIOLockedValueBox(State(generator: SeededGenerator(seed: seed)))
        let channel = try await ServerBootstrap(group: NIOSingletons.posixEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(state: state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return HostileBroker(channel: channel, state: state)
    }

    package func stop() async {
        try? await self.channel.close()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let state: NIOLockedValueBox<State>
        private var received = ByteBuffer()

        init(state: NIOLockedValueBox<State>) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.received.writeImmutableBuffer(self.unwrapInboundIn(data))
            while let length = self.received.getInteger(at: self.received.readerIndex, as: Int32.self),
                self.received.readableBytes >= 4 + Int(length)
            {
                self.received.moveReaderIndex(forwardBy: 4)
                guard var frame = self.received.readSlice(length: Int(length)),
                    let (key, version, id) = frame.readMultipleIntegers(as: (Int16, Int16, Int32).self),
                    let request = ApiKey(key).request
                else { return context.close(promise: nil) }
                self.answer(request, version: version, id: id, context)
            }
        }

        private func answer<R: KafkaRequest>(
            _: R.Type,
            version: Int16,
            id: Int32,
            _ context: ChannelHandlerContext
        ) {
            let port = Int32(context.channel.localAddress?.port ?? 0)
            let (seed, choice) = self.state.withLockedValue { state in
                state.requests[R.apiKey, default: 0] += 1
                return (state.generator.next(), Int.random(in: 0..<20, using: &state.generator))
            }
            if R.apiKey != .apiVersions {
                if choice == 0 { return context.close(promise: nil) }
                if choice == 1 { return }
            }
            guard var response = try? RandomWalker.message(R.Response.self, version: version, seed: seed) else {
                return
            }
            if R.apiKey == .apiVersions, let honest = Self.versions as? R.Response { response = honest }
            if choice < 15 || R.apiKey == .metadata,
                let honest = Self.honest(R.self, version: version, port: port, response)
            {
                response = honest
            }
            response = Self.withoutEnd(response)
            var header = ResponseHeader()
            header.correlationID = id
            let parts = try? response.encodeFrame(
                header: header,
                headerVersion: R.responseHeaderVersion(for: version),
                version: version
            )
            for part in parts ?? [] { context.write(self.wrapOutboundOut(part), promise: nil) }
            context.flush()
        }

        private static let versions = ApiVersionsResponse.with {
            $0.apiKeys = ApiKey.requests.map { request in
                ApiVersionsResponse.ApiVersion.with {
                    $0.apiKey = request.apiKey.rawValue
                    $0.minVersion = request.supportedVersions.lowerBound
                    $0.maxVersion = request.supportedVersions.upperBound
                }
            }
        }

        /// Without what would silence a client for good: a minute of throttling each time, or a leader of an epoch above
        /// all others.
        private static func withoutEnd<Response: KafkaMessage>(_ response: Response) -> Response {
            switch response {
            case var answer as FetchResponse:
                answer.throttleTimeMs = 0
                for topic in answer.responses.indices {
                    for index in answer.responses[topic].partitions.indices {
                        answer.responses[topic].partitions[index].currentLeader = .init()
                    }
                }
                return answer as? Response ?? response
            case var answer as ProduceResponse:
                answer.throttleTimeMs = 0
                for topic in answer.responses.indices {
                    for index in answer.responses[topic].partitionResponses.indices {
                        answer.responses[topic].partitionResponses[index].currentLeader = .init()
                    }
                }
                return answer as? Response ?? response
            default: return response
            }
        }

        /// Enough truth to be asked again: who leads, who coordinates, and names of what was asked for.
        private static func honest<R: KafkaRequest>(
            _: R.Type,
            version: Int16,
            port: Int32,
            _ response: R.Response
        ) -> R.Response? {
            switch response {
            case is MetadataResponse:
                return MetadataResponse.with {
                    $0.brokers = [.with { ($0.nodeID, $0.host, $0.port) = (1, "127.0.0.1", port) }]
                    $0.controllerID = 1
                    $0.topics = [
                        .with {
                            $0.name = HostileBroker.topic
                            $0.partitions = (0..<Int32(4)).map { index in
                                .with {
                                    ($0.partitionIndex, $0.leaderID, $0.leaderEpoch) = (index, 1, 0)
                                    ($0.replicaNodes, $0.isrNodes) = ([1], [1])
                                }
                            }
                        }
                    ]
                } as? R.Response
            case is FindCoordinatorResponse:
                return FindCoordinatorResponse.with {
                    if version >= 4 {
                        $0.coordinators = [.with { ($0.nodeID, $0.host, $0.port) = (1, "127.0.0.1", port) }]
                    } else {
                        ($0.nodeID, $0.host, $0.port) = (1, "127.0.0.1", port)
                    }
                } as? R.Response
            case var answer as FetchResponse:
                answer.errorCode = .none
                for index in answer.responses.indices { answer.responses[index].topic = HostileBroker.topic }
                return answer as? R.Response
            case var answer as ProduceResponse:
                for index in answer.responses.indices { answer.responses[index].name = HostileBroker.topic }
                return answer as? R.Response
            case var answer as ListOffsetsResponse:
                answer.topics = [
                    .with {
                        $0.name = HostileBroker.topic
                        $0.partitions = ([0, 3, 0, .max] as [Int64]).enumerated().map { index, offset in
                            .with { ($0.partitionIndex, $0.offset) = (Int32(index), offset) }
                        }
                    }
                ]
                return answer as? R.Response
            default: return nil
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
