import KafkaProtocol
import NIOCore
import NIOPosix

/// The smallest Kafka client: one connection, whole frames in and out.
final class RawClient {
    struct Closed: Error {}

    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    private let frames: Frames
    private var correlationID: Int32 = 0

    /// Runs `body` with a connection to `address` (`host:port`).
    static func with<Result>(_ address: String, _ body: (RawClient) async throws -> Result) async throws -> Result {
        let parts = address.split(separator: ":")
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: String(parts[0]), port: Int(parts[1]) ?? 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let client = RawClient(channel, inbound.makeAsyncIterator(), outbound)
            return try await body(client)
        }
    }

    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>

    private init(
        _ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>,
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.channel = channel
        self.frames = Frames(inbound)
        self.outbound = outbound
    }

    func send<R: KafkaRequest>(_ request: R, version: Int16) async throws -> R.Response {
        try await self.post(request, version: version)
        return try await self.receive(R.self, version: version)
    }

    /// Sends a request without waiting for its answer.
    func post<R: KafkaRequest>(_ request: R, version: Int16) async throws {
        var body = ByteBuffer()
        try request.encode(into: &body, version: version)
        try await self.postRaw(R.self, version: version, body: body)
    }

    /// Sends the bytes of a request's body.
    func postRaw<R: KafkaRequest>(_ type: R.Type, version: Int16, body: ByteBuffer) async throws {
        self.correlationID += 1
        var frame = ByteBuffer()
        frame.writeInteger(Int32(0))
        let header = RequestHeader.with {
            $0.requestApiKey = R.apiKey.rawValue
            $0.requestApiVersion = version
            $0.correlationID = self.correlationID
            $0.clientID = "raw"
        }
        try header.encode(into: &frame, version: R.requestHeaderVersion(for: version))
        frame.writeImmutableBuffer(body)
        frame.setInteger(Int32(frame.readableBytes - 4), at: 0)
        try await self.outbound.write(frame)
    }

    func receive<R: KafkaRequest>(_ type: R.Type, version: Int16) async throws -> R.Response {
        let (_, body) = try await self.receiveRaw(headerVersion: R.responseHeaderVersion(for: version))
        return try R.Response.decode(exactly: body, version: version)
    }

    /// The next frame's correlation id and body.
    func receiveRaw(headerVersion: Int16) async throws -> (Int32, ByteBuffer) {
        guard var frame = try await self.frames.next() else { throw Closed() }
        let header = try ResponseHeader.decode(from: &frame, version: headerVersion)
        return (header.correlationID, frame)
    }

    func writeBytes(_ bytes: ByteBuffer) async throws {
        try await self.outbound.write(bytes)
    }

    func nextFrame() async throws -> ByteBuffer? {
        try await self.frames.next()
    }

    /// Cuts what comes in into frames.
    private final class Frames {
        private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        private var received = ByteBuffer()

        init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) {
            self.inbound = inbound
        }

        func next() async throws -> ByteBuffer? {
            while true {
                if let length = self.received.getInteger(at: self.received.readerIndex, as: Int32.self),
                    self.received.readableBytes >= Int(length) + 4
                {
                    self.received.moveReaderIndex(forwardBy: 4)
                    return self.received.readSlice(length: Int(length))
                }
                guard var chunk = try await self.inbound.next(isolation: #isolation) else { return nil }
                self.received.writeBuffer(&chunk)
            }
        }
    }
}
