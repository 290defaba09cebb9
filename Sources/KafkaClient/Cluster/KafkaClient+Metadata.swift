import KafkaNetwork
public import KafkaProtocol
import Logging
import NIOCore
import Synchronization

/// Why metadata is asked for again; for logs.
public enum MetadataRefreshReason: Sendable, Equatable, CustomStringConvertible {
    /// A broker answered with this error.
    case error(ErrorCode)
    /// A connection to a broker broke or could not be made.
    case disconnected(Int32)
    /// A leader or topic that somebody needs is not known.
    case missing
    /// Somebody wants to see changes now.
    case requested

    public var description: String {
        switch self {
        case .error(let code): "error \(code.name)"
        case .disconnected(let nodeID): "disconnected from \(nodeID)"
        case .missing: "missing"
        case .requested: "requested"
        }
    }
}

/// Which topics a refresh covers.
public enum MetadataScope: Sendable, Equatable {
    /// Every topic of the cluster.
    case all
    case topics(Set<TopicName>)
    /// The topics `track` named, or all after `trackAllTopics`.
    case tracked
}

/// A registration of `KafkaClient.onMetadataChange`; it lasts until cancelled.
public struct MetadataSubscription: Sendable {
    let client: KafkaClient
    let id: UInt64

    public func cancel() {
        client.state.withLock { $0.listeners[id] = nil }
    }
}

extension KafkaClient {
    /// The newest metadata; empty until the first broker has answered.
    public var metadata: ClusterMetadata {
        state.withLock { $0.metadata }
    }

    /// Calls back after every change, on any thread; the callback must be quick and must not block.
    public func onMetadataChange(
        _ listener: @escaping @Sendable (ClusterMetadata, MetadataChange) -> Void
    ) -> MetadataSubscription {
        let id = state.withLock { state -> UInt64 in
            state.lastListener += 1
            state.listeners[state.lastListener] = listener
            return state.lastListener
        }
        return MetadataSubscription(client: self, id: id)
    }

    /// The metadata now and after every change; a slow reader sees only the newest.
    public func metadataUpdates() -> AsyncStream<ClusterMetadata> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ClusterMetadata.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        let subscription = onMetadataChange { metadata, _ in continuation.yield(metadata) }
        continuation.onTermination = { _ in subscription.cancel() }
        continuation.yield(metadata)
        return stream
    }

    /// Refreshes these topics with every periodic refresh from now on.
    ///
    /// Calls are counted, and each is undone by one `untrack`.
    public func track(topics: some Sequence<TopicName>) {
        let names = Set(topics)
        let isNew = state.withLock { state -> Bool in
            for name in names { state.trackedTopics[name, default: 0] += 1 }
            let unknown = names.filter { state.metadata.topics[$0] == nil }
            return !unknown.isEmpty
        }
        if isNew { requestMetadataRefresh(.missing, topics: names) }
    }

    /// Undoes one `track` of each topic.
    public func untrack(topics: some Sequence<TopicName>) {
        state.withLock { state in
            for name in Set(topics) {
                guard let count = state.trackedTopics[name] else { continue }
                state.trackedTopics[name] = count > 1 ? count - 1 : nil
            }
        }
    }

    /// Refreshes all topics of the cluster with every periodic refresh from now on.
    public func trackAllTopics() {
        state.withLock { $0.tracksAllTopics = true }
    }

    /// Asks for newer metadata without waiting for it; many calls cause one request.
    ///
    /// - Parameter topics: Topics to ask for besides the tracked ones.
    public func requestMetadataRefresh(_ reason: MetadataRefreshReason, topics: Set<TopicName> = []) {
        logger.trace(
            "requesting metadata refresh",
            metadata: ["reason": "\(reason)", "topics": "\(topics.count)"]
        )
        state.withLock { state in
            state.wanted.topics.formUnion(topics)
            state.refresh.request()
        }
        wakeup.notify()
    }

    /// Refreshes the metadata and returns the snapshot that a request sent after this call led to.
    @discardableResult
    public func refreshMetadata(
        _ scope: MetadataScope = .tracked,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> ClusterMetadata {
        let promise = Promise<ClusterMetadata>()
        let isClosed = state.withLock { state -> Bool in
            guard state.lifecycle != .closed else { return true }
            switch scope {
            case .all: state.wanted.all = true
            case .topics(let names): state.wanted.topics.formUnion(names)
            case .tracked:
                state.wanted.all = state.wanted.all || state.tracksAllTopics
                state.wanted.topics.formUnion(state.trackedTopics.keys)
            }
            state.refresh.request()
            state.refreshWaiters.append(promise)
            return false
        }
        guard !isClosed else { throw closedError() }
        wakeup.notify()
        return try await promise.value(deadline: self.deadline(deadline), on: controlLoop) {
            var error =
                self.state.withLock { $0.lastRefreshError }
                ?? KafkaClientError(
                    .timedOut,
                    "No broker answered in time; asked were \(self.bootstrapList)",
                    cluster: self.name,
                    nextStep: "Check bootstrap.servers, that Kafka brokers which are alive listen there, firewalls, "
                        + "and that security.protocol fits the listener"
                )
            error.cluster = self.name
            return error
        }
    }

    /// The first addresses to ask, for messages.
    private var bootstrapList: String {
        let servers = configuration.bootstrapServers
        let shown = servers.prefix(3).map { "\($0)" }.joined(separator: ", ")
        return servers.count > 3 ? shown + ", ..." : shown
    }

    /// Waits until the client has talked to the cluster once.
    @discardableResult
    public func waitUntilConnected(deadline: Deadline? = nil) async throws(KafkaClientError) -> ClusterMetadata {
        let known = metadata
        return known.isEmpty ? try await refreshMetadata(deadline: deadline) : known
    }

    /// Who leads the partition; asks the cluster when it is not known.
    public func leader(
        of partition: TopicPartition,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> ClusterMetadata.Leader {
        let deadline = self.deadline(deadline)
        let unknownUntil = min(deadline, .after(settings.unknownTopicGrace))
        var attempt = 0
        while true {
            let snapshot = metadata
            if let leader = snapshot.leader(of: partition) { return leader }
            if attempt > 0 {
                try check(partition, in: snapshot, deadline: deadline, unknownUntil: unknownUntil)
                await pause(attempt: attempt, deadline: deadline)
            }
            attempt += 1
            do throws(KafkaClientError) {
                try await refreshMetadata(.topics([partition.topic]), deadline: deadline)
            } catch {
                guard error.isOwnDeadline, attempt > 1 else { throw error.about(partition) }
                let cause = missingLeader(
                    of: partition,
                    in: snapshot,
                    deadline: .after(.zero),
                    unknownUntil: unknownUntil
                )
                throw cause ?? error.about(partition)
            }
        }
    }

    /// Takes over a leader that a Produce or Fetch answer named (KIP-951).
    public func noteLeader(
        _ leader: ClusterMetadata.Leader,
        of partition: TopicPartition,
        endpoints: [ClusterMetadata.Broker] = []
    ) {
        update { $0.applyLeader(leader, of: partition, endpoints: endpoints) }
    }

    /// Throws when a partition without a leader will not get one in time.
    private func check(
        _ partition: TopicPartition,
        in snapshot: ClusterMetadata,
        deadline: Deadline,
        unknownUntil: Deadline
    ) throws(KafkaClientError) {
        if let error = missingLeader(of: partition, in: snapshot, deadline: deadline, unknownUntil: unknownUntil) {
            throw error
        }
    }

    /// Why the partition has no leader, when waiting longer is of no use.
    func missingLeader(
        of partition: TopicPartition,
        in snapshot: ClusterMetadata,
        deadline: Deadline,
        unknownUntil: Deadline
    ) -> KafkaClientError? {
        let topic = snapshot.topics[partition.topic]
        let code = topic?.error ?? .unknownTopicOrPartition
        if code == .none || code.recovery.isRetriable && code != .unknownTopicOrPartition {
            guard topic?.partition(partition.partition) != nil || code != .none else {
                return unknownUntil.hasPassed ? unknownTopic(partition) : nil
            }
            guard deadline.hasPassed else { return nil }
            return KafkaClientError(
                .noLeader,
                "The partition has no leader",
                cluster: name,
                topic: partition.topic,
                partition: partition.partition,
                kafkaError: code == .none ? .leaderNotAvailable : code,
                nextStep: "Check that the brokers holding its replicas are up."
            )
        }
        if code == .unknownTopicOrPartition {
            return unknownUntil.hasPassed ? unknownTopic(partition) : nil
        }
        return refused(code, "The broker refuses to describe the topic", topic: partition.topic)
    }

    private func unknownTopic(_ partition: TopicPartition) -> KafkaClientError {
        KafkaClientError(
            .unknownTopic,
            "The topic or partition does not exist, or may not be described",
            cluster: name,
            topic: partition.topic,
            partition: partition.partition,
            kafkaError: .unknownTopicOrPartition
        )
    }

    /// Changes the metadata and tells everyone concerned.
    func update(_ change: (inout ClusterMetadata) -> MetadataChange) {
        typealias Listener = @Sendable (ClusterMetadata, MetadataChange) -> Void
        let (metadata, changes, listeners, dropped, orphans) = state.withLock {
            state -> (ClusterMetadata, MetadataChange, [Listener], [KafkaConnection], [Promise<KafkaConnection>]) in
            let changes = change(&state.metadata)
            guard !changes.isEmpty else { return (state.metadata, changes, [], [], []) }
            var dropped: [KafkaConnection] = []
            var orphans: [Promise<KafkaConnection>] = []
            if !changes.changedBrokers.isEmpty || !changes.removedBrokers.isEmpty {
                let brokers = state.metadata.brokers
                (dropped, orphans) = state.registry.update { nodeID in
                    brokers[nodeID].map { BrokerAddress(host: $0.host, port: $0.port) }
                }
            }
            return (state.metadata, changes, Array(state.listeners.values), dropped, orphans)
        }
        for connection in dropped { connection.closeSoon() }
        for promise in orphans {
            promise.complete(
                .failure(KafkaClientError(.unreachable, "The broker's address changed", cluster: name))
            )
        }
        for listener in listeners { listener(metadata, changes) }
    }

    // MARK: The refresher

    func refreshLoop() async {
        while !Task.isCancelled {
            let now = ContinuousClock.now
            let (action, question, waiters) = state.withLock {
                state -> (MetadataRefreshMachine.Action, MetadataQuestion, [Promise<ClusterMetadata>]) in
                let action = state.refresh.next(now: now)
                guard action == .refresh else { return (action, MetadataQuestion(), []) }
                var question = state.wanted
                question.all = question.all || state.tracksAllTopics
                if !question.all { question.topics.formUnion(state.trackedTopics.keys) }
                defer {
                    state.wanted = MetadataQuestion()
                    state.refreshWaiters = []
                }
                return (action, question, state.refreshWaiters)
            }
            switch action {
            case .wait(let until): await wakeup.wait(until: Deadline(until))
            case .refresh: await refresh(question, waiters: waiters)
            }
        }
    }

    private func refresh(_ question: MetadataQuestion, waiters: [Promise<ClusterMetadata>]) async {
        do {
            for topics in question.requests(limit: settings.topicsPerMetadataRequest) {
                let response = try await askForMetadata(topics)
                update { $0.apply(response, scope: topics == nil ? .all : .some) }
            }
            let metadata = state.withLock { state in
                state.lastRefreshError = nil
                state.refresh.succeeded(now: .now)
                return state.metadata
            }
            for waiter in waiters { waiter.complete(.success(metadata)) }
        } catch {
            logger.debug("metadata refresh failed", metadata: ["error": "\(error)"])
            // Wrong credentials do not mend themselves within a call's time, so nobody is kept waiting for them.
            let isHopeless = error.code == .authenticationFailed || error.code == .tlsFailed || error.code == .closed
            state.withLock { state in
                state.lastRefreshError = error
                state.refresh.failed(now: .now, random: Double.random(in: 0..<1))
                if !isHopeless {
                    state.refreshWaiters.append(contentsOf: waiters)
                    state.wanted.formUnion(question)
                    if !waiters.isEmpty { state.refresh.request() }
                }
            }
            if isHopeless {
                for waiter in waiters { waiter.complete(.failure(error)) }
            }
        }
    }

    private enum MetadataEvent: Sendable {
        case answer(Result<MetadataResponse, KafkaClientError>)
        case tick
    }

    /// Asks one broker, then also the next when it fails or takes long, until one answers.
    ///
    /// A broker that hangs must not keep the others' news from us for as long as a request may take.
    private func askForMetadata(_ topics: [TopicName]?) async throws(KafkaClientError) -> MetadataResponse {
        let candidates = metadataCandidates(bootstrap: await bootstrapAddresses())
        let patience = min(settings.requestTimeout / 4, .seconds(1))
        let result = await withTaskGroup(of: MetadataEvent.self) { group in
            var next = candidates.makeIterator()
            var running = 0
            var last: KafkaClientError?
            func ask() {
                guard let (target, address) = next.next() else { return }
                running += 1
                group.addTask { .answer(await self.askForMetadata(topics, target, address)) }
            }
            func startTimer() {
                group.addTask {
                    try? await Task.sleep(for: patience)
                    return .tick
                }
            }
            ask()
            startTimer()
            while running > 0, let event = await group.next() {
                switch event {
                case .answer(.success(let response)):
                    group.cancelAll()
                    return Result<MetadataResponse, KafkaClientError>.success(response)
                case .answer(.failure(let error)):
                    if error.code != .cancelled || last == nil { last = error }
                    running -= 1
                    if !Task.isCancelled { ask() }
                case .tick:
                    if !Task.isCancelled {
                        ask()
                        startTimer()
                    }
                }
            }
            group.cancelAll()
            return .failure(last ?? self.closedError())
        }
        return try result.get()
    }

    private func askForMetadata(
        _ topics: [TopicName]?,
        _ target: ConnectionKey.Target,
        _ address: BrokerAddress
    ) async -> Result<MetadataResponse, KafkaClientError> {
        do throws(KafkaClientError) {
            let deadline = Deadline.after(settings.requestTimeout)
            let connection = try await connection(
                to: target,
                address: address,
                purpose: .control,
                lane: 0,
                on: controlLoop,
                deadline: deadline
            )
            let response = try await send(MetadataRequest.self, on: connection, deadline: deadline) { version in
                Self.metadataRequest(topics, version: version)
            }
            guard !response.brokers.isEmpty else {
                throw KafkaClientError(
                    .invalidAnswer,
                    "The broker knows of no brokers yet",
                    cluster: name,
                    address: address
                )
            }
            return .success(response)
        } catch {
            logger.debug(
                "broker did not answer with metadata",
                metadata: ["broker": "\(address)", "error": "\(error)"]
            )
            return .failure(error)
        }
    }

    private static func metadataRequest(_ topics: [TopicName]?, version: Int16) -> MetadataRequest {
        var request = MetadataRequest()
        if let topics {
            request.topics = topics.map { name in
                var topic = MetadataRequest.MetadataRequestTopic()
                topic.name = name
                return topic
            }
        } else {
            // In version 0 the empty list asks for all topics; later it asks for none.
            request.topics = version == 0 ? [] : nil
        }
        if version >= 4 { request.allowAutoTopicCreation = false }
        return request
    }

    /// The bootstrap addresses, under the names that `client.dns.lookup` asks for.
    private func bootstrapAddresses() async -> [BrokerAddress] {
        guard configuration.dnsLookup == .resolveCanonicalBootstrapServersOnly else {
            return configuration.bootstrapServers
        }
        do {
            return try await configuration.resolvedBootstrapServers()
        } catch {
            // Connecting under the names as they are tells what is wrong with them.
            logger.debug("no canonical names", metadata: ["error": "\(error)"])
            return configuration.bootstrapServers
        }
    }

    /// Brokers to ask, best first: connected ones, other known ones, bootstrap addresses, then those that just failed.
    private func metadataCandidates(bootstrap: [BrokerAddress]) -> [(ConnectionKey.Target, BrokerAddress)] {
        let now = ContinuousClock.now
        let loop = ObjectIdentifier(controlLoop)
        return state.withLock { state in
            var ranked: [(rank: Int, ConnectionKey.Target, BrokerAddress)] = []
            for broker in state.metadata.brokers.values.shuffled() {
                let target = ConnectionKey.Target.node(broker.nodeID)
                let key = ConnectionKey(target: target, purpose: .control, lane: 0, loop: loop)
                let rank =
                    state.registry.isConnected(key) ? 0 : state.registry.isBackingOff(key, now: now) ? 3 : 1
                ranked.append((rank, target, BrokerAddress(host: broker.host, port: broker.port)))
            }
            for address in bootstrap {
                let target = ConnectionKey.Target.bootstrap(address)
                let key = ConnectionKey(target: target, purpose: .control, lane: 0, loop: loop)
                ranked.append((state.registry.isBackingOff(key, now: now) ? 3 : 2, target, address))
            }
            return ranked.enumerated()
                .sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
                .map { ($0.element.1, $0.element.2) }
        }
    }
}
