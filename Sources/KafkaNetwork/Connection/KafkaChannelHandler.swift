import DequeModule
import KafkaProtocol
import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// The shell around `ConnectionStateMachine`, `InFlightQueue` and `FrameAssembler`: owns the channel, runs the actions.
///
/// Everything happens on the channel's event loop.
final class KafkaChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Gets an answer behind its correlation id, or the reason why there is none.
    typealias Completion = (Result<ByteBuffer, KafkaConnectionError>) -> Void

    let configuration: ClientConfiguration
    let address: BrokerAddress
    let clientID: KafkaString
    let errorContext: KafkaConnectionError.Context
    let logger: Logger
    let eventLoop: any EventLoop
    var machine: ConnectionStateMachine
    var inFlight: InFlightQueue<Completion>
    var assembler: FrameAssembler
    var context: ChannelHandlerContext?
    /// Requests that came while the session was being renewed.
    var waiting: Deque<() -> Void> = []
    /// Told once: the connection can be used, or why not.
    var onReady: ((Result<ApiVersionTable, KafkaConnectionError>) -> Void)?
    /// Told once, when the connection is gone; nil stands for a close that was asked for.
    private var onClose: [(KafkaConnectionError?) -> Void] = []
    private(set) var closeReason: KafkaConnectionError?
    private(set) var isClosed = false

    private var setupTimer: Scheduled<Void>?
    var renewalTimer: Scheduled<Void>?
    var idleTimer: Scheduled<Void>?
    /// When `timeoutTimer` fires; it stays after answers, to spare a timer per request.
    var timeoutTimer: (timer: Scheduled<Void>, deadline: NIODeadline)?
    var lastActivity: NIODeadline
    var isReading = false
    var needsFlush = false
    /// What waits to be encrypted; only with TLS.
    var outbox = PlaintextQueue()
    var isEncrypting = false
    private var socketError: (any Error)?
    private var hasAnswered = false

    init(
        configuration: ClientConfiguration,
        address: BrokerAddress,
        eventLoop: any EventLoop,
        logger: Logger,
        onReady: @escaping (Result<ApiVersionTable, KafkaConnectionError>) -> Void
    ) {
        self.configuration = configuration
        self.address = address
        self.clientID = KafkaString(configuration.clientID)
        self.errorContext = configuration.errorContext(address)
        self.eventLoop = eventLoop
        self.logger = logger
        let sasl = configuration.securityProtocol.usesSASL ? configuration.sasl : nil
        self.machine = ConnectionStateMachine(sasl: sasl, context: self.errorContext)
        self.inFlight = InFlightQueue(
            maximumCount: configuration.maximumInFlightRequests,
            maximumBytes: configuration.maximumInFlightBytes
        )
        // Answers are short until the connection is ready; the lower limit unmasks peers that send something else.
        self.assembler = FrameAssembler(maximumLength: min(configuration.maximumFrameBytes, 1 << 20))
        // What TLS has decrypted stands in a buffer that it uses again.
        self.assembler.slicesChunks = !configuration.securityProtocol.usesTLS
        self.lastActivity = eventLoop.now
        self.onReady = onReady
    }

    var isWritable: Bool { self.context?.channel.isWritable ?? false }

    /// Calls `body` when the connection is gone, at once if it already is.
    func whenClosed(_ body: @escaping (KafkaConnectionError?) -> Void) {
        if self.isClosed { body(self.closeReason) } else { self.onClose.append(body) }
    }

    // MARK: Requests

    /// Ends the connection; everything under way fails.
    func close() {
        run(self.machine.closeRequested())
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        // Also without channelInactive nobody may wait for ever.
        run(transportClosed())
        finish()
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    private func begin() {
        guard self.setupTimer == nil, case .connecting = self.machine.state else { return }
        self.lastActivity = self.eventLoop.now
        guard self.configuration.securityProtocol.usesTLS else {
            run(self.machine.transportEstablished())
            return
        }
        let limit = self.configuration.connectionSetupTimeout
        self.setupTimer = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) {
            guard case .connecting = self.machine.state else { return }
            let error = KafkaConnectionError(
                .timedOut,
                "no answer to the TLS handshake within \(limit.forPeople)",
                nextStep: "check that this listener speaks TLS and that the broker is alive",
                context: self.errorContext
            )
            self.run(self.machine.failed(error))
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            self.setupTimer?.cancel()
            run(self.machine.transportEstablished())
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.isReading = true
        self.lastActivity = self.eventLoop.now
        self.assembler.feed(self.unwrapInboundIn(data))
        guard !self.assembler.hasLostBytes else {
            return fail(.closed, "the socket announced bytes that were not there; the connection begins anew")
        }
        do throws(FrameError) {
            while !self.isClosed, let frame = try self.assembler.next() { received(frame) }
        } catch {
            let message = error.message
            fail(.protocolViolation, message, nextStep: error.nextStep, cause: error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isReading = false
        flush()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { encrypt(context) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .connecting = self.machine.state, self.configuration.securityProtocol.usesTLS {
            let certificate = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
                .peerCertificate
            run(self.machine.failed(TLSFailure.explain(error, certificate: certificate, context: self.errorContext)))
        } else if let failure = TLSFailure.afterHandshake(error, context: self.errorContext) {
            run(self.machine.failed(failure))
        } else {
            // The socket closes after this; what waits is told then, with this error as the cause.
            self.socketError = self.socketError ?? error
            if self.context != nil { context.close(promise: nil) }
        }
    }

    private func transportClosed() -> ConnectionStateMachine.Action {
        let isUnanswered = !self.hasAnswered && !self.inFlight.isEmpty
        return self.machine.transportClosed(cause: self.socketError, isUnanswered: isUnanswered)
    }

    func channelInactive(context: ChannelHandlerContext) {
        run(transportClosed())
        finish()
        context.fireChannelInactive()
    }

    // MARK: Answers

    private func received(_ frame: ByteBuffer) {
        var body = frame
        guard let correlationID = body.readInteger(as: Int32.self) else {
            return fail(
                .protocolViolation,
                "the peer answered something that is not Kafka: a frame of \(frame.readableBytes) bytes",
                nextStep: "check that host and port belong to a Kafka broker"
            )
        }
        switch self.inFlight.match(correlationID) {
        case .entry(let entry):
            if case .ready = self.machine.state { self.hasAnswered = true }
            entry.payload(.success(body))
        case .unexpectedButHarmless:
            self.logger.trace("Ignored an answer to a request that has none", metadata: metadata)
        case .mismatch(let expected):
            let wanted = expected.map { "answer \($0) was due" } ?? "no answer was due"
            fail(
                .protocolViolation,
                "the peer sent answer \(correlationID) while \(wanted)",
                nextStep: "check that host and port belong to a Kafka broker"
            )
        }
    }

    private func fail(
        _ code: KafkaConnectionError.Code,
        _ message: String,
        nextStep: String? = nil,
        cause: (any Error)? = nil
    ) {
        let error = KafkaConnectionError(
            code,
            message,
            nextStep: nextStep,
            context: self.errorContext,
            cause: cause
        )
        run(self.machine.failed(error))
    }

    // MARK: Actions

    func run(_ action: ConnectionStateMachine.Action) {
        switch action {
        case .none: break
        case .sendApiVersions(let version): sendApiVersions(version)
        case .sendSaslHandshake(let mechanism, let version): sendHandshake(mechanism, version)
        case .sendSaslToken(let bytes, let version): sendToken(bytes, version)
        case .ready(let renewAfter): becomeReady(renewAfter: renewAfter)
        case .fail(let error): end(error)
        case .close: end(nil)
        }
    }

    /// Closes the transport and tells everybody who waits; nil means that our side wanted it.
    func end(_ error: KafkaConnectionError?) {
        if self.closeReason == nil { self.closeReason = error }
        if let error {
            self.logger.debug("Connection ends", metadata: metadata.merging(["reason": "\(error)"]) { $1 })
        }
        failEverything()
        if let context = self.context, context.channel.isActive { context.close(promise: nil) } else { finish() }
    }

    private func failEverything() {
        let reason =
            self.closeReason ?? KafkaConnectionError(.closed, "the connection was closed", context: self.errorContext)
        let lost = reason.forOtherRequests
        if let onReady = self.onReady {
            self.onReady = nil
            onReady(.failure(reason))
        }
        self.outbox.removeAll()
        for entry in self.inFlight.removeAll() { entry.payload(.failure(lost)) }
        let waiting = self.waiting
        self.waiting.removeAll()
        // They ask the machine again, which refuses now.
        for request in waiting { request() }
    }

    private func finish() {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.setupTimer?.cancel()
        self.renewalTimer?.cancel()
        self.idleTimer?.cancel()
        self.timeoutTimer?.timer.cancel()
        let callbacks = self.onClose
        self.onClose = []
        for callback in callbacks { callback(self.closeReason) }
    }

    // MARK: Timers

    var metadata: Logger.Metadata {
        ["cluster": "\(self.configuration.clusterName)", "broker": "\(self.address)"]
    }
}
