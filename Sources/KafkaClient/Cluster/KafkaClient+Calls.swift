public import KafkaNetwork
public import KafkaProtocol
import Logging
import NIOCore
import Synchronization

/// Which broker a request goes to.
public enum Route: Sendable, Hashable {
    /// Whichever is at hand.
    case anyBroker
    /// The controller, or any broker where the controller's id is not known.
    case controller
    case broker(Int32)
    case coordinator(CoordinatorKey)
}

extension KafkaClient {
    /// Sends one request on a connection and waits for the answer, no longer than the deadline.
    ///
    /// - Parameters:
    ///   - maximumVersion: The newest version to use when it is not the newest that both sides know.
    ///   - timeout: How long the broker may take before the connection counts as dead; `request.timeout.ms` when nil.
    ///   - build: Makes the request for the version agreed on.
    public func send<R: KafkaRequest>(
        _ type: R.Type,
        on connection: KafkaConnection,
        maximumVersion: Int16? = nil,
        timeout: Duration? = nil,
        deadline: Deadline,
        _ build: (Int16) throws(KafkaClientError) -> R
    ) async throws(KafkaClientError) -> R.Response {
        guard let newest = connection.apiVersions.negotiate(R.self) else {
            throw KafkaClientError(
                .unsupportedByBroker,
                "The broker has no version of \(R.apiKey) that this client speaks",
                cluster: name,
                address: connection.address
            )
        }
        let version = maximumVersion.map { min($0, newest) } ?? newest
        let request = try build(version)
        let promise = Promise<R.Response>()
        let address = connection.address
        let limit = (timeout ?? settings.requestTimeout).timeAmount
        connection.eventLoop.execute {
            connection.send(request, version: version, timeout: limit) { result in
                promise.complete(result.mapError { self.clientError($0, address: address) })
            }
        }
        return try await promise.value(deadline: deadline, on: controlLoop) {
            KafkaClientError(
                .timedOut,
                "The broker did not answer \(R.apiKey) in time",
                cluster: self.name,
                address: address,
                nextStep: "Check that the broker is alive and reachable"
            )
        }
    }

    /// Sends a request to the broker that `route` leads to, again and again while the error passes by itself.
    ///
    /// Answers whose error code no repetition cures are returned, not thrown: only the caller knows what they mean.
    ///
    /// - Parameter errorCode: The code that decides about a repetition.
    public func call<R: KafkaRequest>(
        _ type: R.Type,
        _ route: Route,
        purpose: ConnectionPurpose = .control,
        lane: Int = 0,
        maximumVersion: Int16? = nil,
        timeout: Duration? = nil,
        deadline: Deadline,
        errorCode: (R.Response) -> ErrorCode = { _ in .none },
        build: (Int16) throws(KafkaClientError) -> R
    ) async throws(KafkaClientError) -> R.Response {
        var attempt = 0
        var last: KafkaClientError?
        while true {
            attempt += 1
            var node: Int32?
            do {
                let target = try await resolve(route, deadline: deadline)
                node = target
                let connection = try await connection(
                    to: target,
                    purpose: purpose,
                    lane: lane,
                    deadline: deadline
                )
                let response = try await send(
                    R.self,
                    on: connection,
                    maximumVersion: maximumVersion,
                    timeout: timeout,
                    deadline: deadline,
                    build
                )
                let code = errorCode(response)
                let recovery = code.recovery
                guard recovery.isRetriable else { return response }
                last = KafkaClientError(
                    .timedOut,
                    "The broker kept refusing \(R.apiKey)",
                    cluster: name,
                    address: connection.address,
                    kafkaError: code
                )
                logger.debug(
                    "request refused, trying again",
                    metadata: ["api": "\(R.apiKey)", "error": "\(code.name)", "attempt": "\(attempt)"]
                )
                act(on: recovery, code: code, route: route)
            } catch {
                guard mayRetry(error, deadline: deadline) else {
                    throw error.code == .timedOut ? last ?? error : error
                }
                last = error.orCause(last)
                logger.debug(
                    "request failed, trying again",
                    metadata: ["api": "\(R.apiKey)", "error": "\(error)", "attempt": "\(attempt)"]
                )
                if case .coordinator(let key) = route { forgetCoordinator(key) }
                if let node { requestMetadataRefresh(.disconnected(node)) }
            }
            guard await pause(attempt: attempt, deadline: deadline) else {
                throw last
                    ?? KafkaClientError(.timedOut, "\(R.apiKey) did not succeed in time", cluster: name)
            }
        }
    }

    /// Whether a failed attempt may be followed by another.
    func mayRetry(_ error: KafkaClientError, deadline: Deadline) -> Bool {
        guard !deadline.hasPassed, !Task.isCancelled else { return false }
        switch error.code {
        case .unreachable, .timedOut, .noLeader, .tooManyConnections, .invalidAnswer: return true
        default: return false
        }
    }

    /// Does what makes the next attempt go to the right place.
    func act(on recovery: ErrorRecovery, code: ErrorCode, route: Route, topics: Set<TopicName> = []) {
        switch recovery {
        case .refreshMetadata:
            requestMetadataRefresh(.error(code), topics: topics)
        case .findCoordinator:
            if case .coordinator(let key) = route { forgetCoordinator(key) }
        case .retry, .none, .rejoinGroup, .reinitializeProducer, .resetFetchSession, .resetPosition, .alreadyDone,
            .abortTransaction, .fatal:
            break
        }
    }

    /// Waits before attempt number `attempt` + 1; false when the deadline comes first or the task is cancelled.
    @discardableResult
    func pause(attempt: Int, deadline: Deadline) async -> Bool {
        let pause = settings.retry.backoff.delay(failures: max(0, attempt - 1))
        guard pause < deadline.remaining else { return false }
        do {
            try await Task.sleep(for: pause)
            return true
        } catch {
            return false
        }
    }

    /// The broker a route leads to at this moment.
    func resolve(_ route: Route, deadline: Deadline) async throws(KafkaClientError) -> Int32 {
        switch route {
        case .broker(let nodeID):
            return nodeID
        case .coordinator(let key):
            return try await coordinator(for: key, deadline: deadline)
        case .controller:
            let metadata = try await waitUntilConnected(deadline: deadline)
            if let controller = metadata.controllerID, metadata.brokers[controller] != nil { return controller }
            return try anyBroker(in: metadata)
        case .anyBroker:
            return try anyBroker(in: try await waitUntilConnected(deadline: deadline))
        }
    }

    /// A broker with an open control connection if there is one.
    private func anyBroker(in metadata: ClusterMetadata) throws(KafkaClientError) -> Int32 {
        let loop = ObjectIdentifier(controlLoop)
        let connected = state.withLock { state in
            metadata.brokers.keys.filter {
                state.registry.isConnected(
                    ConnectionKey(target: .node($0), purpose: .control, lane: 0, loop: loop)
                )
            }
        }
        guard let node = connected.randomElement() ?? metadata.brokers.keys.randomElement() else {
            throw KafkaClientError(.unreachable, "No broker of the cluster is known", cluster: name)
        }
        return node
    }

    /// An error code that ends a call.
    func refused(
        _ code: ErrorCode,
        _ message: String,
        detail: KafkaString? = nil,
        topic: TopicName? = nil,
        partition: Int32? = nil,
        group: GroupID? = nil
    ) -> KafkaClientError {
        let kind: KafkaClientError.Code =
            switch code {
            case .unknownTopicOrPartition, .unknownTopicID: .unknownTopic
            case .producerFenced, .fencedInstanceID, .invalidProducerEpoch, .transactionCoordinatorFenced: .fenced
            case .unsupportedVersion: .unsupportedByBroker
            default: .refused
            }
        let subject: String? =
            switch code {
            case .topicAuthorizationFailed: "topic"
            case .groupAuthorizationFailed: "group"
            case .clusterAuthorizationFailed: "cluster"
            case .transactionalIDAuthorizationFailed: "transactional id"
            default: nil
            }
        return KafkaClientError(
            kind,
            detail.map { "\(message): \($0)" } ?? message,
            cluster: name,
            topic: topic,
            partition: partition,
            group: group,
            kafkaError: code,
            principal: subject == nil ? nil : principal,
            nextStep: subject.map { "Give the principal permission for the \($0)" }
        )
    }
}
