import KafkaNetwork
import KafkaProtocol
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// A server for tests that does exactly what a script says, right or wrong; it knows frames but no Kafka.
final class RawServer: Sendable {
    /// A request as it came: header fields that every version has, and all bytes of the frame.
    struct Request: Sendable {
        let apiKey: ApiKey
        let version: Int16
        let correlationID: Int32
        let frame: ByteBuffer
    }

    /// What a script can do with a connection.
    final class Peer: Sendable {
        let channel: any Channel
        /// Requests so far on this connection.
        let requests = NIOLockedValueBox<[Request]>([])

        init(channel: any Channel) { self.channel = channel }

        /// Sends bytes as they are.
        func write(_ bytes: ByteBuffer) { self.channel.writeAndFlush(bytes, promise: nil) }
        func write(_ text: String) { write(ByteBuffer(string: text)) }

        /// Sends a frame with a correlation id and what follows it.
        func answer(_ correlationID: Int32, _ body: ByteBuffer) {
            var frame = ByteBuffer()
            frame.writeInteger(Int32(4 + body.readableBytes))
            frame.writeInteger(correlationID)
            frame.writeImmutableBuffer(body)
            write(frame)
        }

        func close() { self.channel.close(promise: nil) }
    }

    let address: BrokerAddress
    /// Connections so far.
    let peers: NIOLockedValueBox<[Peer]>
    private let channel: any Channel

    private init(channel: any Channel, peers: NIOLockedValueBox<[Peer]>) {
        self.channel = channel
        self.peers = peers
        self.address = BrokerAddress(host: "127.0.0.1", port: channel.localAddress?.port ?? 0)
    }

    /// Starts a server on a free loopback port.
    ///
    /// - Parameters:
    ///   - host: where to listen.
    ///   - port: 0 for a free port.
    ///   - tls: speaks TLS when given.
    ///   - onConnect: called for every connection.
    ///   - onRequest: called for every frame.
    static func start(
        host: String = "127.0.0.1",
        port: Int = 0,
        tls: NIOSSLContext? = nil,
        onConnect: @escaping @Sendable (Peer) -> Void = { _ in },
        onRequest: @escaping @Sendable (Peer, Request) -> Void = { _, _ in }
    ) async throws -> RawServer {
        let peers = NIOLockedValueBox<[Peer]>([])
        let channel = try await ServerBootstrap(group: NIOSingletons.posixEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    let peer = Peer(channel: channel)
                    peers.withLockedValue { $0.append(peer) }
                    try channel.pipeline.syncOperations.addHandler(
                        FrameReader(peer: peer, onConnect: onConnect, onRequest: onRequest)
                    )
                }
            }
            .bind(host: host, port: port).get()
        return RawServer(channel: channel, peers: peers)
    }

    func stop() async {
        try? await self.channel.close()
        for peer in self.peers.withLockedValue({ $0 }) { try? await peer.channel.close() }
    }

    /// Runs `body` with a server and stops it in any case.
    static func with<Result>(
        tls: NIOSSLContext? = nil,
        onConnect: @escaping @Sendable (Peer) -> Void = { _ in },
        onRequest: @escaping @Sendable (Peer, Request) -> Void = { _, _ in },
        _ body: (RawServer) async throws -> Result
    ) async throws -> Result {
        let server = try await start(tls: tls, onConnect: onConnect, onRequest: onRequest)
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    private final class FrameReader: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let peer: Peer
        private let onConnect: @Sendable (Peer) -> Void
        private let onRequest: @Sendable (Peer, Request) -> Void
        private var buffer = ByteBuffer()

        init(
            peer: Peer,
            onConnect: @escaping @Sendable (Peer) -> Void,
            onRequest: @escaping @Sendable (Peer, Request) -> Void
        ) {
            self.peer = peer
            self.onConnect = onConnect
            self.onRequest = onRequest
        }

        func channelActive(context: ChannelHandlerContext) {
            self.onConnect(self.peer)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.buffer.writeImmutableBuffer(unwrapInboundIn(data))
            while let length = self.buffer.getInteger(at: self.buffer.readerIndex, as: Int32.self),
                self.buffer.readableBytes >= 4 + Int(length)
            {
                self.buffer.moveReaderIndex(forwardBy: 4)
                guard let frame = self.buffer.readSlice(length: Int(length)) else { return }
                var header = frame
                guard let (key, version, id) = header.readMultipleIntegers(as: (Int16, Int16, Int32).self) else {
                    return
                }
                let request = Request(apiKey: ApiKey(key), version: version, correlationID: id, frame: frame)
                self.peer.requests.withLockedValue { $0.append(request) }
                self.onRequest(self.peer, request)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}

extension RawServer.Peer {
    /// Answers a request as its API wants it, with the response header that goes with the version.
    func answer<R: KafkaRequest>(_ request: RawServer.Request, _: R.Type, _ response: R.Response) throws {
        var body = ByteBuffer()
        if R.responseHeaderVersion(for: request.version) > 0 { body.writeInteger(UInt8(0)) }
        try response.encode(into: &body, version: request.version)
        answer(request.correlationID, body)
    }

    /// Answers ApiVersions with these ranges; does nothing for other requests.
    ///
    /// - Returns: whether it was ApiVersions.
    @discardableResult
    func answerVersions(
        _ request: RawServer.Request,
        _ ranges: [ApiKey: ClosedRange<Int16>] = RawServer.usualRanges
    ) -> Bool {
        guard request.apiKey == .apiVersions else { return false }
        var response = ApiVersionsResponse()
        for (key, range) in ranges {
            var api = ApiVersionsResponse.ApiVersion()
            api.apiKey = key.rawValue
            api.minVersion = range.lowerBound
            api.maxVersion = range.upperBound
            response.apiKeys.append(api)
        }
        try? answer(request, ApiVersionsRequest.self, response)
        return true
    }
}

extension RawServer {
    static let usualRanges: [ApiKey: ClosedRange<Int16>] = [
        .apiVersions: 0...3, .metadata: 0...12, .saslHandshake: 0...1, .saslAuthenticate: 0...2, .produce: 3...9,
        .heartbeat: 0...4, .fetch: 4...12,
    ]

    /// Header fields and body of a request, decoded.
    static func decode<R: KafkaRequest>(_: R.Type, _ request: Request) throws -> (RequestHeader, R) {
        var frame = request.frame
        let header = try RequestHeader.decode(
            from: &frame,
            version: R.requestHeaderVersion(for: request.version)
        )
        return (header, try R.decode(exactly: frame, version: request.version))
    }
}
