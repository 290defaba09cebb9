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
    let errorContext: KafkaConnectionError.Context
    let logger: Logger
    let eventLoop: any EventLoop
    private(set) var machine: ConnectionStateMachine
    private(set) var inFlight: InFlightQueue<Completion>
    private var assembler: FrameAssembler
    private var context: ChannelHandlerContext?
    /// Requests that came while the session was being renewed.
    private var waiting: Deque<() -> Void> = []
    /// Told once: the connection can be used, or why not.
    private var onReady: ((Result<ApiVersionTable, KafkaConnectionError>) -> Void)?
    /// Told once, when the connection is gone; nil stands for a close that was asked for.
    private var onClose: [(KafkaConnectionError?) -> Void] = []
    private(set) var closeReason: KafkaConnectionError?
    private(set) var isClosed = false

    private var setupTimer: Scheduled<Void>?
    private var renewalTimer: Scheduled<Void>?
    private var idleTimer: Scheduled<Void>?
    /// When `timeoutTimer` fires; it stays after answers, to spare a timer per request.
    private var timeoutTimer: (timer: Scheduled<Void>, deadline: NIODeadline)?
    private var lastActivity: NIODeadline
    private var isReading = false
    private var needsFlush = false
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
        self.lastActivity = eventLoop.now
        self.onReady = onReady
    }

    var isWritable: Bool { self.context?.channel.isWritable ?? false }

    /// Calls `body` when the connection is gone, at once if it already is.
    func whenClosed(_ body: @escaping (KafkaConnectionError?) -> Void) {
        if self.isClosed { body(self.closeReason) } else { self.onClose.append(body) }
    }

    // MARK: Requests

    /// Sends a request when the connection's state allows it.
    ///
    /// - Parameters:
    ///   - deadline: when the request fails, and the connection with it.
    ///   - expectsAnswer: false only for Produce with acks 0, whose completion gets an empty buffer at once.
    func send<R: KafkaRequest>(
        _ request: R,
        version: Int16,
        deadline: NIODeadline,
        expectsAnswer: Bool,
        completion: @escaping Completion
    ) {
        switch self.machine.requestArrived() {
        case .refuse(let error): completion(.failure(error))
        case .send:
            write(request, version: version, deadline: deadline, expectsAnswer: expectsAnswer, completion: completion)
        case .wait:
            guard self.waiting.count < self.configuration.maximumInFlightRequests else {
                completion(.failure(overloaded(R.apiKey)))
                return
            }
            self.waiting.append { [weak self] in
                guard let self else { return completion(.failure(.init(.closed, "the connection is closed"))) }
                self.send(
                    request,
                    version: version,
                    deadline: deadline,
                    expectsAnswer: expectsAnswer,
                    completion: completion
                )
            }
        }
    }

    /// Writes a request whatever the state is; the messages of the set-up come here directly.
    private func write<R: KafkaRequest>(
        _ request: R,
        version: Int16,
        deadline: NIODeadline,
        expectsAnswer: Bool,
        completion: @escaping Completion
    ) {
        guard let context = self.context else {
            completion(.failure(KafkaConnectionError(.closed, "the connection is closed", context: self.errorContext)))
            return
        }
        let correlationID = self.inFlight.makeCorrelationID()
        var header = RequestHeader()
        header.requestApiKey = R.apiKey.rawValue
        header.requestApiVersion = version
        header.correlationID = correlationID
        header.clientID = KafkaString(self.configuration.clientID)
        let frame: [ByteBuffer]
        do throws(WireError) {
            frame = try request.encodeFrame(
                header: header,
                headerVersion: R.requestHeaderVersion(for: version),
                version: version
            )
        } catch {
            let text = "the \(R.apiKey) request cannot be written in version \(version): \(error)"
            completion(.failure(KafkaConnectionError(.invalidRequest, text, context: self.errorContext, cause: error)))
            return
        }
        let byteCount = frame.reduce(0) { $0 + $1.readableBytes }
        guard self.inFlight.admits(byteCount: byteCount) else {
            completion(.failure(overloaded(R.apiKey)))
            return
        }
        let now = self.eventLoop.now
        self.lastActivity = now
        if expectsAnswer {
            self.inFlight.append(
                .init(
                    correlationID: correlationID,
                    apiKey: R.apiKey,
                    sentAt: now,
                    deadline: deadline,
                    byteCount: byteCount,
                    payload: completion
                )
            )
            watch(deadline)
        } else {
            self.inFlight.noteUnanswered(correlationID)
        }
        // Separate writes and one flush: the channel gathers them into one writev without copying the records.
        for part in frame { context.write(self.wrapOutboundOut(part), promise: nil) }
        if self.isReading { self.needsFlush = true } else { context.flush() }
        if !expectsAnswer { completion(.success(ByteBuffer())) }
    }

    private func overloaded(_ api: ApiKey) -> KafkaConnectionError {
        KafkaConnectionError(
            .overloaded,
            "the \(api) request was not sent: \(self.inFlight.count) requests of \(self.inFlight.byteCount) bytes wait for "
                + "their answers",
            context: self.errorContext
        )
    }

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
        do throws(FrameError) {
            while !self.isClosed, let frame = try self.assembler.next() { received(frame) }
        } catch {
            let message = error.message
            fail(.protocolViolation, message, nextStep: error.nextStep, cause: error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isReading = false
        if self.needsFlush {
            self.needsFlush = false
            context.flush()
        }
        context.fireChannelReadComplete()
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

    private func run(_ action: ConnectionStateMachine.Action) {
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

    private func sendApiVersions(_ version: Int16) {
        var request = ApiVersionsRequest()
        request.clientSoftwareName = KafkaString(self.configuration.softwareName)
        request.clientSoftwareVersion = KafkaString(self.configuration.softwareVersion)
        // The broker has no work with this one. A peer that takes the connection and stays silent must not use up the
        // time in which another address would have answered.
        let limit = min(self.configuration.requestTimeout, self.configuration.connectionSetupTimeout)
        sendSetup(request, version: version, limit: limit) { body in
            let answer = VersionNegotiation.read(body, version: version)
            self.run(self.machine.versionsAnswered(answer, nonce: Self.makeNonce()))
        }
    }

    private func sendHandshake(_ mechanism: SASLMechanism, _ version: Int16) {
        var request = SaslHandshakeRequest()
        request.mechanism = KafkaString(mechanism.rawValue)
        sendSetup(request, version: version) { body in
            guard let response = self.decode(SaslHandshakeRequest.self, body, version) else { return }
            self.run(self.machine.handshakeAnswered(response))
        }
    }

    private func sendToken(_ bytes: [UInt8], _ version: Int16) {
        var request = SaslAuthenticateRequest()
        request.authBytes = ByteBuffer(bytes: bytes)
        sendSetup(request, version: version) { body in
            guard let response = self.decode(SaslAuthenticateRequest.self, body, version) else { return }
            self.run(self.machine.exchangeAnswered(response, random: Double.random(in: 0..<1)))
        }
    }

    private func sendSetup<R: KafkaRequest>(
        _ request: R,
        version: Int16,
        limit: Duration? = nil,
        then: @escaping (ByteBuffer) -> Void
    ) {
        let deadline = self.eventLoop.now + TimeAmount(limit ?? self.configuration.requestTimeout)
        write(request, version: version, deadline: deadline, expectsAnswer: true) { result in
            switch result {
            case .success(let body): then(body)
            case .failure(let error): self.run(self.machine.failed(error))
            }
        }
    }

    private func decode<R: KafkaRequest>(_: R.Type, _ body: ByteBuffer, _ version: Int16) -> R.Response? {
        do throws(KafkaConnectionError) {
            return try Self.decodeAnswer(R.self, body, version: version, context: self.errorContext)
        } catch {
            run(self.machine.failed(error))
            return nil
        }
    }

    /// Reads what follows the correlation id: the rest of the header and the body.
    static func decodeAnswer<R: KafkaRequest>(
        _: R.Type,
        _ body: ByteBuffer,
        version: Int16,
        context: KafkaConnectionError.Context
    ) throws(KafkaConnectionError) -> R.Response {
        var body = body
        do throws(WireError) {
            let headerVersion = R.responseHeaderVersion(for: version)
            if headerVersion > 0 {
                // The correlation id was read already; the header has it in front.
                body.moveReaderIndex(to: body.readerIndex - 4)
                _ = try ResponseHeader.decode(from: &body, version: headerVersion)
            }
            return try R.Response.decode(from: &body, version: version)
        } catch {
            throw KafkaConnectionError(
                .protocolViolation,
                "the broker's answer to \(R.apiKey) version \(version) cannot be read: \(error)",
                context: context,
                cause: error
            )
        }
    }

    private func becomeReady(renewAfter: Duration?) {
        self.logger.debug("Connection is ready", metadata: metadata)
        self.assembler.maximumLength = self.configuration.maximumFrameBytes
        if let renewAfter {
            self.renewalTimer = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(renewAfter)) {
                self.logger.debug("Session is renewed", metadata: self.metadata)
                self.run(self.machine.sessionNeedsRenewal(nonce: Self.makeNonce()))
            }
        }
        if let onReady = self.onReady {
            self.onReady = nil
            onReady(.success(self.machine.versions))
            watchIdleness()
        }
        let waiting = self.waiting
        self.waiting.removeAll()
        for request in waiting { request() }
    }

    /// Closes the transport and tells everybody who waits; nil means that our side wanted it.
    private func end(_ error: KafkaConnectionError?) {
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

    /// Sees to it that somebody looks at the requests at `deadline`.
    private func watch(_ deadline: NIODeadline) {
        if let timer = self.timeoutTimer {
            if timer.deadline <= deadline { return }
            timer.timer.cancel()
        }
        let timer = self.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timeoutTimer = nil
            self.checkDeadlines()
        }
        self.timeoutTimer = (timer, deadline)
    }

    private func checkDeadlines() {
        let now = self.eventLoop.now
        guard let late = self.inFlight.removeExpired(now: now) else {
            if let next = self.inFlight.earliestDeadline { watch(next) }
            return
        }
        let waited = Duration.nanoseconds((now - late.sentAt).nanoseconds)
        let isFirst = late.apiKey == .apiVersions
        let error = KafkaConnectionError(
            .timedOut,
            (isFirst ? "the peer took the connection but gave " : "")
                + "no answer to \(late.apiKey) within \(Duration.milliseconds(waited.inMilliseconds).forPeople)",
            nextStep: isFirst
                ? "check that a Kafka broker that is alive listens there, and that security.protocol fits this listener"
                : "check that the broker is alive and reachable; request.timeout.ms sets the limit",
            context: self.errorContext
        )
        // The machine first: a completion that sends again must already find the connection closing.
        let action = self.machine.failed(error)
        late.payload(.failure(error))
        run(action)
    }

    private func watchIdleness() {
        guard let limit = self.configuration.connectionMaxIdle else { return }
        let end = self.lastActivity + TimeAmount(limit)
        self.idleTimer = self.eventLoop.assumeIsolated().scheduleTask(deadline: end) {
            let isIdle = self.eventLoop.now >= self.lastActivity + TimeAmount(limit)
            guard isIdle, self.inFlight.isEmpty else {
                if isIdle { self.lastActivity = self.eventLoop.now }
                return self.watchIdleness()
            }
            self.logger.debug("Idle connection is closed", metadata: self.metadata)
            self.close()
        }
    }

    var metadata: Logger.Metadata {
        ["cluster": "\(self.configuration.clusterName)", "broker": "\(self.address)"]
    }

    private static func makeNonce() -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<26).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
