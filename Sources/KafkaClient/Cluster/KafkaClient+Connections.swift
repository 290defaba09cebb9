public import KafkaNetwork
import Logging
public import NIOCore
import Synchronization

extension KafkaClient {
    /// A connection to a broker, ready for requests; opened when there is none.
    ///
    /// The connection stays the client's: it is shared with every caller that asks for the same broker, purpose, lane
    /// and loop, and must not be closed by them unless it is found broken.
    ///
    /// - Parameters:
    ///   - lane: Tells several connections of one purpose apart.
    ///   - loop: The event loop to live on; the control loop when nil.
    public func connection(
        to nodeID: Int32,
        purpose: ConnectionPurpose,
        lane: Int = 0,
        on loop: (any EventLoop)? = nil,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> KafkaConnection {
        let deadline = self.deadline(deadline)
        if metadata.brokers[nodeID] == nil {
            try await refreshMetadata(.topics([]), deadline: deadline)
        }
        guard let broker = metadata.brokers[nodeID] else { throw unknownBroker(nodeID) }
        return try await connection(
            to: .node(nodeID),
            address: BrokerAddress(host: broker.host, port: broker.port),
            purpose: purpose,
            lane: lane,
            on: loop ?? controlLoop,
            deadline: deadline
        )
    }

    /// The same for callers on an event loop: completes on `loop`, fails when one attempt to connect fails.
    public func connectionFuture(
        to nodeID: Int32,
        purpose: ConnectionPurpose,
        lane: Int = 0,
        on loop: any EventLoop
    ) -> EventLoopFuture<KafkaConnection> {
        guard let broker = metadata.brokers[nodeID] else {
            requestMetadataRefresh(.missing)
            return loop.makeFailedFuture(unknownBroker(nodeID))
        }
        let key = ConnectionKey(target: .node(nodeID), purpose: purpose, lane: lane, loop: ObjectIdentifier(loop))
        let pending = lookUp(key, address: BrokerAddress(host: broker.host, port: broker.port), on: loop)
        let promise = loop.makePromise(of: KafkaConnection.self)
        pending.whenComplete { outcome in
            switch outcome {
            case .success(let connection): promise.succeed(connection)
            case .failure(let error): promise.fail(error)
            }
        }
        return promise.futureResult
    }

    func connection(
        to target: ConnectionKey.Target,
        address: BrokerAddress,
        purpose: ConnectionPurpose,
        lane: Int,
        on loop: any EventLoop,
        deadline: Deadline
    ) async throws(KafkaClientError) -> KafkaConnection {
        let key = ConnectionKey(target: target, purpose: purpose, lane: lane, loop: ObjectIdentifier(loop))
        return try await lookUp(key, address: address, on: loop).value(deadline: deadline, on: controlLoop) {
            KafkaClientError(
                .timedOut,
                "No connection to the broker in time",
                cluster: self.name,
                address: address,
                nextStep: "Check that the address is reachable from here."
            )
        }
    }

    private func lookUp(
        _ key: ConnectionKey,
        address: BrokerAddress,
        on loop: any EventLoop
    ) -> Promise<KafkaConnection> {
        let lookup = state.withLock { state -> Registry.Lookup? in
            guard state.lifecycle != .closed else { return nil }
            return state.registry.lookup(key, address: address, now: .now) { Promise() }
        }
        switch lookup {
        case .use(let connection):
            return Promise(.success(connection))
        case .wait(let pending):
            return pending
        case .connect(let attempt, let pending, let evicted):
            evicted?.closeSoon()
            enqueue(.connect(key, attempt, loop: loop))
            return pending
        case .tooMany:
            return Promise(
                .failure(
                    KafkaClientError(
                        .tooManyConnections,
                        "The client has \(settings.maximumConnections) connections open already",
                        cluster: name,
                        address: address
                    )
                )
            )
        case nil:
            return Promise(.failure(closedError()))
        }
    }

    /// Opens the connection that `lookUp` asked for; runs as a child of `run()`.
    func establish(_ key: ConnectionKey, _ attempt: Registry.Attempt, on loop: any EventLoop) async {
        let address = attempt.address
        if attempt.delay > .zero { try? await Task.sleep(for: attempt.delay) }
        do {
            try Task.checkCancellation()
            let connection = try await KafkaConnection.connect(
                to: address,
                configuration: configuration,
                on: loop,
                purpose: key.purpose,
                failures: attempt.failures,
                logger: logger
            )
            let waiting = state.withLock { state in
                state.registry.connected(key, attempt: attempt.number, connection: connection)
            }
            guard let waiting else {
                await connection.close()
                return
            }
            connection.onClose { [weak self] error in
                self?.connectionClosed(key, attempt, error)
            }
            waiting.complete(.success(connection))
        } catch {
            let waiting = state.withLock { state in
                state.registry.failed(key, attempt: attempt.number, now: .now, random: Double.random(in: 0..<1))
            }
            logger.debug("connection failed", metadata: ["broker": "\(address)", "error": "\(error)"])
            waiting?.complete(.failure(clientError(error, address: address)))
            // The broker may have moved; bootstrap connections are made by the refresher itself.
            if case .node(let nodeID) = key.target { requestMetadataRefresh(.disconnected(nodeID)) }
        }
    }

    private func connectionClosed(
        _ key: ConnectionKey,
        _ attempt: Registry.Attempt,
        _ error: KafkaConnectionError?
    ) {
        state.withLock { $0.registry.closed(key, attempt: attempt.number) }
        guard let error else { return }
        logger.debug("connection lost", metadata: ["broker": "\(attempt.address)", "error": "\(error)"])
    }

    /// Forgets brokers nobody has asked for during the idle time.
    func reapLoop() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: settings.maximumIdleTime)
            state.withLock { $0.registry.reap(now: .now) }
        }
    }

    private func unknownBroker(_ nodeID: Int32) -> KafkaClientError {
        KafkaClientError(.unreachable, "The cluster names no broker with the id \(nodeID)", cluster: name)
    }

    /// Puts what a connection reports into the client's terms.
    func clientError(_ error: any Error, address: BrokerAddress?) -> KafkaClientError {
        if let error = error as? KafkaClientError { return error }
        if error is CancellationError {
            return KafkaClientError(.cancelled, "The call was cancelled", cluster: name, address: address)
        }
        guard let failure = error as? KafkaConnectionError else {
            return KafkaClientError(
                .unreachable,
                "The connection failed",
                cluster: name,
                address: address,
                underlying: error
            )
        }
        let code: KafkaClientError.Code =
            switch failure.code {
            case .unreachable, .unknownHost, .closed, .overloaded: .unreachable
            case .tlsFailed: .tlsFailed
            case .authenticationFailed: .authenticationFailed
            case .timedOut: .timedOut
            case .protocolViolation: .invalidAnswer
            case .unsupportedVersion: .unsupportedByBroker
            case .cancelled: .cancelled
            case .invalidConfiguration, .invalidRequest: .invalidConfiguration
            default: .unreachable
            }
        var result = KafkaClientError(
            code,
            failure.message,
            cluster: name,
            address: failure.context.address ?? address,
            nextStep: failure.nextStep
        )
        result.principal = failure.context.principal
        return result
    }
}

extension KafkaConnection {
    /// Begins to close from any thread.
    func closeSoon() {
        eventLoop.execute { self.closeNow() }
    }
}
