public import KafkaProtocol
import NIOConcurrencyHelpers
public import NIOCore

/// One connection to a broker, pinned to one event loop: TLS, version negotiation and SASL are done when it is handed out.
///
/// ## Use
/// - `send(_:)` with `async` works from anywhere.
/// - `send(_:version:timeout:completion:)` works on the connection's event loop only and costs neither a promise nor a
///   hop; the data path uses it.
///
/// Requests are pipelined and answered in order. One that is not answered in time fails with `timedOut` and closes the
/// connection, so that later answers cannot be taken for others; the rest fails with `closed`.
public final class KafkaConnection: Sendable {
    /// Where the broker was reached.
    public let address: BrokerAddress
    public let eventLoop: any EventLoop
    /// What the broker said it speaks.
    public let apiVersions: ApiVersionTable
    public let purpose: ConnectionPurpose
    /// Succeeds when the connection is gone, for whatever reason.
    public let closeFuture: EventLoopFuture<Void>

    private let channel: any Channel
    private let handler: NIOLoopBound<KafkaChannelHandler>
    private let defaultTimeout: Duration
    private let errorContext: KafkaConnectionError.Context

    init(
        channel: any Channel,
        handler: NIOLoopBound<KafkaChannelHandler>,
        apiVersions: ApiVersionTable,
        address: BrokerAddress,
        purpose: ConnectionPurpose,
        configuration: ClientConfiguration
    ) {
        self.channel = channel
        self.handler = handler
        self.eventLoop = channel.eventLoop
        self.apiVersions = apiVersions
        self.address = address
        self.purpose = purpose
        self.closeFuture = channel.closeFuture
        self.defaultTimeout = configuration.requestTimeout
        self.errorContext = configuration.errorContext(address)
    }

    /// Whether requests may still be sent; may change at any moment.
    public var isActive: Bool { self.channel.isActive }

    // MARK: From anywhere

    /// Sends a request and waits for the answer.
    ///
    /// Cancelling the task ends the waiting with `cancelled`; the request itself cannot be called back.
    ///
    /// - Parameters:
    ///   - version: nil for the newest version that both sides speak.
    ///   - timeout: nil for `request.timeout.ms`.
    public func send<R: KafkaRequest>(
        _ request: R,
        version: Int16? = nil,
        timeout: Duration? = nil
    ) async throws(KafkaConnectionError) -> R.Response {
        let slot = AnswerSlot<R.Response>(context: self.errorContext)
        let limit = timeout.map { TimeAmount($0) }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard slot.wait(continuation) else { return }
                if self.eventLoop.inEventLoop {
                    self.send(request, version: version, timeout: limit) { slot.fill($0) }
                } else {
                    self.eventLoop.execute {
                        self.send(request, version: version, timeout: limit) { slot.fill($0) }
                    }
                }
            }
        } onCancel: {
            slot.cancel()
        }
        return try result.get()
    }

    /// Closes the connection and waits until it is gone; requests under way fail with `closed`.
    public func close() async {
        self.eventLoop.execute { self.handler.value.close() }
        try? await self.closeFuture.get()
    }

    // MARK: On the event loop

    /// Sends a request from the connection's event loop.
    ///
    /// `completion` runs on the event loop, exactly once, possibly before this method returns.
    ///
    /// - Parameter flushes: False leaves the request for `flush()`, so that several leave with one system call.
    public func send<R: KafkaRequest>(
        _ request: R,
        version: Int16? = nil,
        timeout: TimeAmount? = nil,
        flushes: Bool = true,
        completion: @escaping (Result<R.Response, KafkaConnectionError>) -> Void
    ) {
        let handler = self.handler.value
        guard let version = version ?? self.apiVersions.negotiate(R.self) else {
            completion(.failure(unsupported(R.self)))
            return
        }
        // The number first: a cast costs more than a comparison, and few requests are Produce.
        let expectsAnswer = R.apiKey != .produce || (request as? ProduceRequest)?.acks != 0
        let context = self.errorContext
        handler.send(
            request,
            version: version,
            deadline: self.eventLoop.now + (timeout ?? TimeAmount(self.defaultTimeout)),
            expectsAnswer: expectsAnswer,
            flushes: flushes
        ) { result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(let body):
                guard expectsAnswer else { return completion(.success(R.Response())) }
                do throws(KafkaConnectionError) {
                    completion(
                        .success(
                            try KafkaChannelHandler.decodeAnswer(R.self, body, version: version, context: context)
                        )
                    )
                } catch {
                    completion(.failure(error))
                }
            }
        }
    }

    /// Sends what was left for it; on the event loop.
    public func flush() {
        self.handler.value.flush()
    }

    /// Closes the connection from its event loop without waiting.
    public func closeNow() {
        self.handler.value.close()
    }

    /// How many requests wait for their answers; on the event loop.
    public var inFlightCount: Int { self.handler.value.inFlight.count }

    /// The bytes of these requests; on the event loop.
    public var inFlightBytes: Int { self.handler.value.inFlight.byteCount }

    /// Whether the socket takes more bytes without piling them up; on the event loop.
    public var isWritable: Bool { self.handler.value.isWritable }

    /// Calls `body` on the event loop once the connection is gone; nil stands for a close that our side asked for.
    public func onClose(_ body: @escaping @Sendable (KafkaConnectionError?) -> Void) {
        if self.eventLoop.inEventLoop {
            self.handler.value.whenClosed(body)
        } else {
            self.eventLoop.execute { self.handler.value.whenClosed(body) }
        }
    }

    private func unsupported<R: KafkaRequest>(_: R.Type) -> KafkaConnectionError {
        let ours = R.supportedVersions
        let theirs = self.apiVersions.range(for: R.apiKey)
        let text = theirs.map { "speaks \(R.apiKey) in versions \($0.lowerBound) to \($0.upperBound)" }
        return KafkaConnectionError(
            .unsupportedVersion,
            "the broker \(text ?? "has no \(R.apiKey)"), this client speaks versions \(ours.lowerBound) to \(ours.upperBound)",
            context: self.errorContext
        )
    }
}

/// Hands one answer to one waiting task, whichever of answer and cancellation comes first.
private final class AnswerSlot<Answer: Sendable>: Sendable {
    private typealias Outcome = Result<Answer, KafkaConnectionError>

    private enum State {
        case idle
        case waiting(CheckedContinuation<Outcome, Never>)
        case done
    }

    private let state = NIOLockedValueBox(State.idle)
    private let context: KafkaConnectionError.Context

    init(context: KafkaConnectionError.Context) {
        self.context = context
    }

    /// False when the task was cancelled before; the continuation has been resumed then.
    func wait(_ continuation: CheckedContinuation<Result<Answer, KafkaConnectionError>, Never>) -> Bool {
        let isWaiting = self.state.withLockedValue { state in
            guard case .idle = state else { return false }
            state = .waiting(continuation)
            return true
        }
        if !isWaiting { continuation.resume(returning: .failure(self.cancelled)) }
        return isWaiting
    }

    func fill(_ result: Result<Answer, KafkaConnectionError>) {
        take()?.resume(returning: result)
    }

    func cancel() {
        take()?.resume(returning: .failure(self.cancelled))
    }

    private func take() -> CheckedContinuation<Outcome, Never>? {
        self.state.withLockedValue { state in
            defer { state = .done }
            guard case .waiting(let continuation) = state else { return nil }
            return continuation
        }
    }

    private var cancelled: KafkaConnectionError {
        KafkaConnectionError(.cancelled, "nobody waits for the answer any more", context: self.context)
    }
}
