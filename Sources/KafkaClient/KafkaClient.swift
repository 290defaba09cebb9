public import KafkaNetwork
import KafkaProtocol
public import Logging
public import NIOCore
import Synchronization

/// A client of one Kafka cluster: its metadata, its connections and every call built on them.
///
/// Overview: one instance serves a whole process side; the data path asks it for connections and leaders, the control
/// path calls its admin, group and transaction functions.
///
/// Responsibilities:
/// 1. Keep `metadata` current: at its maximum age, on request, and from leaders named in other answers.
/// 2. Open connections per broker, purpose, lane and event loop, on demand, with pauses after failures.
/// 3. Route calls to the right broker and repeat them until they succeed, cannot succeed, or run out of time.
///
/// Implementation notes: `run()` owns every task the client starts. Calls made before `run()` wait for it; calls made
/// after it has returned fail with `closed`. All state is a value behind one lock that is never held while anything
/// else is called.
public final class KafkaClient: Sendable {
    /// The alias of the cluster; every error and log entry carries it.
    public let name: String
    public let configuration: ClientConfiguration
    /// Who we are at the brokers: the user of SASL, or the subject of our certificate.
    public var principal: String? { configuration.errorContext().principal }
    public let settings: ClientSettings
    public let eventLoopGroup: any EventLoopGroup
    /// The loop of control connections and timers.
    public let controlLoop: any EventLoop
    public let logger: Logger

    typealias Registry = BrokerRegistry<KafkaConnection, Promise<KafkaConnection>>

    enum Lifecycle: Sendable {
        case created, running, closed
    }

    enum Work: Sendable {
        case connect(ConnectionKey, Registry.Attempt, loop: any EventLoop)
    }

    struct State: Sendable {
        var lifecycle = Lifecycle.created
        var metadata = ClusterMetadata()
        var refresh: MetadataRefreshMachine
        var refreshWaiters: [Promise<ClusterMetadata>] = []
        var lastRefreshError: KafkaClientError?
        /// What the next refresh asks for besides the topics tracked all the time.
        var wanted = MetadataQuestion()
        var tracksAllTopics = false
        var trackedTopics: [TopicName: Int] = [:]
        var listeners: [UInt64: @Sendable (ClusterMetadata, MetadataChange) -> Void] = [:]
        var lastListener: UInt64 = 0
        var registry: Registry
        var coordinators: [CoordinatorKey: Int32] = [:]
        var lastLane = 0
        /// Lanes of readers that exist at present.
        var readerLanes: Set<Int> = []
        /// Connections open at the end, which `run()` sees closed before it returns.
        var leftovers: [KafkaConnection] = []
    }

    let state: Mutex<State>
    let wakeup: Wakeup
    private let work: AsyncStream<Work>
    private let workContinuation: AsyncStream<Work>.Continuation

    /// Makes a client from what `ClientConfiguration` and `ClientSettings` read from Java client properties.
    public init(
        name: String,
        configuration: ClientConfiguration,
        settings: ClientSettings = ClientSettings(),
        eventLoopGroup: any EventLoopGroup,
        logger: Logger
    ) {
        self.name = name
        self.configuration = configuration
        self.settings = settings
        self.eventLoopGroup = eventLoopGroup
        self.controlLoop = eventLoopGroup.any()
        var logger = logger
        logger[metadataKey: "cluster"] = .string(name)
        self.logger = logger
        self.state = Mutex(
            State(
                refresh: MetadataRefreshMachine(
                    maximumAge: settings.metadataMaximumAge,
                    backoff: settings.retry.backoff
                ),
                registry: Registry(
                    reconnect: settings.reconnect,
                    limit: settings.maximumConnections,
                    maximumIdleTime: settings.maximumIdleTime
                )
            )
        )
        self.wakeup = Wakeup(on: controlLoop)
        (self.work, self.workContinuation) = AsyncStream.makeStream(of: Work.self)
    }

    /// Makes a client from Java client properties.
    public convenience init(
        name: String,
        properties: [String: String],
        eventLoopGroup: any EventLoopGroup,
        logger: Logger
    ) throws {
        self.init(
            name: name,
            configuration: try ClientConfiguration(properties: properties, clusterName: name),
            settings: try ClientSettings(properties: properties),
            eventLoopGroup: eventLoopGroup,
            logger: logger
        )
    }

    /// Runs the client until it is closed or the task is cancelled; every connection is closed when it returns.
    public func run() async {
        let mayRun = state.withLock { state -> Bool in
            guard state.lifecycle == .created else { return false }
            state.lifecycle = .running
            return true
        }
        guard mayRun else { return }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.refreshLoop() }
            group.addTask { await self.reapLoop() }
            for await work in self.work {
                switch work {
                case .connect(let key, let attempt, let loop):
                    group.addTask { await self.establish(key, attempt, on: loop) }
                }
            }
            group.cancelAll()
        }
        close()
        for connection in state.withLock({ $0.leftovers }) { await connection.close() }
    }

    /// Closes the client: calls under way fail and `run()` returns.
    ///
    /// Calling it twice does no harm.
    public func close() {
        let (connections, waiting, refreshing) = state.withLock {
            state -> ([KafkaConnection], [Promise<KafkaConnection>], [Promise<ClusterMetadata>]) in
            state.lifecycle = .closed
            let (close, fail) = state.registry.shutDown()
            defer { state.refreshWaiters = [] }
            state.listeners = [:]
            state.leftovers += close
            return (close, fail, state.refreshWaiters)
        }
        for promise in waiting { promise.complete(.failure(closedError())) }
        for promise in refreshing { promise.complete(.failure(closedError())) }
        for connection in connections { connection.closeSoon() }
        workContinuation.finish()
        wakeup.notify()
    }

    /// Runs a client for as long as `body` does.
    public static func withClient<Value: Sendable>(
        name: String,
        configuration: ClientConfiguration,
        settings: ClientSettings = ClientSettings(),
        eventLoopGroup: any EventLoopGroup,
        logger: Logger,
        _ body: (KafkaClient) async throws -> Value
    ) async throws -> Value {
        let client = KafkaClient(
            name: name,
            configuration: configuration,
            settings: settings,
            eventLoopGroup: eventLoopGroup,
            logger: logger
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await client.run() }
            let value: Value
            do {
                value = try await body(client)
            } catch {
                client.close()
                throw error
            }
            client.close()
            return value
        }
    }

    /// A lane nobody else uses, for callers whose requests may be answered late.
    func takeLane() -> Int {
        state.withLock { state in
            state.lastLane += 1
            return state.lastLane
        }
    }

    /// A lane for a reader of small topics, which `returnReaderLane` makes free for the next one.
    ///
    /// Its polls would hold up other readers on the same connection. Never positive: those belong to `PartitionFetcher`.
    func takeReaderLane() -> Int {
        state.withLock { state in
            var lane = 0
            while state.readerLanes.contains(lane) { lane -= 1 }
            state.readerLanes.insert(lane)
            return lane
        }
    }

    func returnReaderLane(_ lane: Int) {
        state.withLock { _ = $0.readerLanes.remove(lane) }
    }

    func enqueue(_ item: Work) {
        workContinuation.yield(item)
    }

    func closedError() -> KafkaClientError {
        KafkaClientError(.closed, "The client is closed", cluster: name)
    }

    /// A deadline for one call as configured, unless the caller brings one.
    func deadline(_ given: Deadline?) -> Deadline {
        given ?? .after(settings.callTimeout)
    }
}
