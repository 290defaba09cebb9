import KafkaProtocol
import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// Serves one connection: cuts frames, hands one request at a time to its handler, writes the answers.
///
/// Like Kafka, a connection carries out its requests one after the other, so answers come in the order of
/// the requests and a long poll holds up what was sent behind it.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Frames read ahead of the one being served before reading stops.
    private static let readAhead = 64

    private let cluster: Cluster
    private let connection: ClientConnection
    private var assembler: FrameAssembler
    private var waiting = CircularBuffer<ByteBuffer>()
    private var context: ChannelHandlerContext?
    private var abandon: HandlerTable.Abandon?
    /// A request is being served.
    private var isBusy = false
    /// ``serveWaiting()`` is on the stack; answers given meanwhile are flushed at its end.
    private var isServing = false
    /// A read that was held back because too many frames wait.
    private var hasHeldRead = false
    private var isClosed = false

    init(cluster: Cluster, connection: ClientConnection) {
        self.cluster = cluster
        self.connection = connection
        self.assembler = FrameAssembler(limit: 100 << 20)
    }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.cluster.connections[self.connection.id] = self.connection
        self.connection.close = { [weak self] in self?.closeConnection() }
        if !self.connection.broker.isUp { self.closeConnection() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isClosed = true
        self.abandon?()
        self.abandon = nil
        self.waiting.removeAll()
        self.cluster.connections[self.connection.id] = nil
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event, let principal = self.certificatePrincipal(context) {
            self.connection.principal = principal
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var chunk = self.unwrapInboundIn(data)
        do {
            while let frame = try self.assembler.next(&chunk) {
                self.waiting.append(frame)
            }
        } catch {
            self.closeConnection()
            return
        }
        self.serveWaiting()
    }

    func read(context: ChannelHandlerContext) {
        if self.waiting.count >= Self.readAhead {
            self.hasHeldRead = true
        } else {
            context.read()
        }
    }

    // MARK: - Requests

    private func serveWaiting() {
        guard !self.isServing else { return }
        self.isServing = true
        while !self.isBusy, !self.isClosed, let frame = self.waiting.popFirst() {
            self.serve(frame)
        }
        self.isServing = false
        self.context?.flush()
        if self.hasHeldRead, self.waiting.count < Self.readAhead {
            self.hasHeldRead = false
            self.context?.read()
        }
    }

    private func serve(_ frame: ByteBuffer) {
        let size = frame.readableBytes
        if self.connection.authentication.expectsRawMessage {
            self.serveRawAuthentication(frame)
            return
        }
        var frame = frame
        let endpoints = self.cluster.handlers.endpoints
        guard let header = RequestFrame(&frame, flexibleSince: { endpoints[$0]?.flexibleSince }) else {
            self.closeConnection()
            return
        }
        self.cluster.counters.received(header.apiKey, bytes: size + 4)
        guard self.connection.authentication.mayServe(header.apiKey, now: self.cluster.now) else {
            self.closeConnection()
            return
        }
        guard let endpoint = endpoints[header.apiKey], endpoint.versions.contains(header.version) else {
            self.refuseVersion(header)
            return
        }
        let context = RequestContext(
            cluster: self.cluster,
            broker: self.connection.broker,
            connection: self.connection,
            apiKey: header.apiKey,
            version: header.version,
            correlationID: header.correlationID,
            clientID: header.clientID,
            requestBytes: size
        )
        self.isBusy = true
        do {
            let abandon = try endpoint.serve(frame, context) { outcome in
                self.finish(outcome, header)
            }
            if self.isBusy { self.abandon = abandon }
        } catch {
            self.cluster.configuration.logger.debug(
                "A request cannot be read",
                metadata: ["api": "\(header.apiKey)", "version": "\(header.version)", "error": "\(error)"]
            )
            self.closeConnection()
        }
    }

    /// Kafka closes the connection, except that ApiVersions gets an answer that every client understands.
    private func refuseVersion(_ header: RequestFrame) {
        guard header.apiKey == .apiVersions, self.cluster.handlers.endpoints[.apiVersions] != nil else {
            self.closeConnection()
            return
        }
        let response = ApiVersionsHandler.unsupportedVersion(self.cluster)
        let responseHeader = ResponseHeader.with { $0.correlationID = header.correlationID }
        guard let parts = try? response.encodeFrame(header: responseHeader, headerVersion: 0, version: 0) else {
            self.closeConnection()
            return
        }
        self.finish(.frame(parts), header)
    }

    /// A message of a SASL exchange that was begun with version 0 of the handshake.
    private func serveRawAuthentication(_ frame: ByteBuffer) {
        do {
            let result = try self.connection.authentication.receive(
                Array(frame.readableBytesView),
                credentials: self.cluster.credentials
            )
            if result.isDone, let user = self.connection.authentication.user {
                self.connection.principal = "User:\(user)"
            }
            var answer = ByteBuffer()
            answer.writeInteger(Int32(result.answer.count))
            answer.writeBytes(result.answer)
            self.context?.write(self.wrapOutboundOut(answer), promise: nil)
        } catch {
            self.closeConnection()
        }
    }

    // MARK: - Answers

    private func finish(_ outcome: HandlerTable.WireOutcome, _ header: RequestFrame) {
        self.abandon = nil
        guard !self.isClosed else { return }
        switch outcome {
        case .frame(let parts):
            self.write(parts, header)
        case .nothing:
            break
        case .silence:
            // Still busy: nothing more is served on this connection.
            return
        case .truncated(let parts):
            self.writeHalf(parts)
            self.closeConnection()
            return
        case .garbage(let parts):
            self.write([Self.garbage(like: parts)], header)
        case .closeConnection:
            self.closeConnection()
            return
        }
        self.isBusy = false
        self.serveWaiting()
    }

    private func write(_ parts: [ByteBuffer], _ header: RequestFrame) {
        guard let context = self.context else { return }
        var bytes = 0
        for part in parts {
            bytes += part.readableBytes
            context.write(self.wrapOutboundOut(part), promise: nil)
        }
        self.cluster.counters.sent(header.apiKey, bytes: bytes)
    }

    private func writeHalf(_ parts: [ByteBuffer]) {
        guard let context = self.context else { return }
        var left = parts.reduce(0) { $0 + $1.readableBytes } / 2
        for part in parts where left > 0 {
            if let piece = part.getSlice(at: part.readerIndex, length: min(left, part.readableBytes)) {
                left -= piece.readableBytes
                context.write(self.wrapOutboundOut(piece), promise: nil)
            }
        }
    }

    /// Length and correlation id of `parts`, then noise that is the same each time.
    private static func garbage(like parts: [ByteBuffer]) -> ByteBuffer {
        var result = ByteBuffer()
        for part in parts { result.writeImmutableBuffer(part) }
        var state: UInt32 = 0x9E37_79B9
        for index in stride(from: result.readerIndex + 8, to: result.writerIndex, by: 1) {
            state = state &* 1_664_525 &+ 1_013_904_223
            result.setInteger(UInt8(truncatingIfNeeded: state >> 24), at: index)
        }
        return result
    }

    private func closeConnection() {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.context?.flush()
        self.context?.close(promise: nil)
    }

    private func certificatePrincipal(_ context: ChannelHandlerContext) -> String? {
        guard
            let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
            let certificate = handler.peerCertificate,
            let der = try? certificate.toDERBytes(),
            let name = DistinguishedName(subjectOf: der)
        else { return nil }
        return "User:\(name.description)"
    }
}
