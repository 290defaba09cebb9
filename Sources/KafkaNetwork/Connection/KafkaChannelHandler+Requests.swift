import DequeModule
import KafkaProtocol
import NIOCore

/// Sending requests.
extension KafkaChannelHandler {
    /// Sends a request when the connection's state allows it.
    ///
    /// - Parameters:
    ///   - deadline: when the request fails, and the connection with it.
    ///   - expectsAnswer: false only for Produce with acks 0, whose completion gets an empty buffer at once.
    ///   - flushes: false when the caller calls `flush()` after further requests.
    func send<R: KafkaRequest>(
        _ request: R,
        version: Int16,
        deadline: NIODeadline,
        expectsAnswer: Bool,
        flushes: Bool = true,
        completion: @escaping Completion
    ) {
        // To ask the machine means to copy it.
        let isReady = if case .ready = self.machine.state { true } else { false }
        switch isReady ? .send : self.machine.requestArrived() {
        case .refuse(let error): completion(.failure(error))
        case .send:
            write(
                request,
                version: version,
                deadline: deadline,
                expectsAnswer: expectsAnswer,
                flushes: flushes,
                completion: completion
            )
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
    func write<R: KafkaRequest>(
        _ request: R,
        version: Int16,
        deadline: NIODeadline,
        expectsAnswer: Bool,
        flushes: Bool = true,
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
        header.clientID = self.clientID
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
        if self.configuration.securityProtocol.usesTLS {
            self.outbox.append(frame)
        } else {
            // Separate writes and one flush: the channel gathers them into one writev without copying the records.
            for part in frame { context.write(self.wrapOutboundOut(part), promise: nil) }
        }
        self.needsFlush = true
        if flushes { flush() }
        if !expectsAnswer { completion(.success(ByteBuffer())) }
    }

    /// Sends what was written; while answers are read, at the end of that.
    func flush() {
        guard self.needsFlush, !self.isReading, let context = self.context else { return }
        self.needsFlush = false
        if self.configuration.securityProtocol.usesTLS {
            encrypt(context)
        } else {
            context.flush()
        }
    }

    /// Hands over to TLS what the socket takes.
    ///
    /// What is encrypted lies in memory of its own, beside the records it was made of. So only as much is as can leave.
    func encrypt(_ context: ChannelHandlerContext) {
        guard !self.isEncrypting else { return }
        self.isEncrypting = true
        while context.channel.isWritable, let pieces = self.outbox.next() {
            for piece in pieces { context.write(self.wrapOutboundOut(piece), promise: nil) }
            context.flush()
        }
        self.isEncrypting = false
    }

    private func overloaded(_ api: ApiKey) -> KafkaConnectionError {
        KafkaConnectionError(
            .overloaded,
            "the \(api) request was not sent: \(self.inFlight.count) requests of \(self.inFlight.byteCount) bytes wait for "
                + "their answers",
            context: self.errorContext
        )
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
}
