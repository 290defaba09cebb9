import KafkaNetwork
public import KafkaProtocol
public import Logging
public import NIOCore
import Synchronization

/// Writes partitions of one cluster from one event loop, exactly once and in order.
///
/// Overview: carries out what `ProducerMachine` decides: one connection per target broker with several requests in
/// flight, leader look-ups, producer ids, timers. Everything happens on the event loop, and so do the callbacks; there
/// is no promise, task or hop per batch.
///
/// Where bytes are copied: nowhere here. A batch is a patched header and a slice of the frame it was received in; both
/// go to the socket in one gathering write (TLS copies them into its records).
public final class PartitionProducer: @unchecked Sendable {
    // Unchecked: all state is read and changed on `eventLoop` only, which every entry point checks.

    /// What the owner is asked and told; called on the event loop.
    public struct Handlers {
        /// Asks for the next batch of a slot; it must not call the producer.
        public var pull: (ProducePullRequest) -> ProducePull
        public var event: (ProduceEvent) -> Void

        public init(
            pull: @escaping (ProducePullRequest) -> ProducePull,
            event: @escaping (ProduceEvent) -> Void
        ) {
            self.pull = pull
            self.event = event
        }
    }

    /// Tells the connections of several producers on one loop apart, so that each keeps its own order and window.
    private static let lanes = Atomic<Int>(1)

    public let eventLoop: any EventLoop
    private let client: KafkaClient
    private let logger: Logger
    private let settings: ProduceSettings
    private let lane: Int
    private var machine: ProducerMachine
    private var handlers: Handlers?
    private var connections: [Int32: KafkaConnection] = [:]
    private var timer: Scheduled<Void>?
    private var timerDeadline: NIODeadline?
    private var isRunningActions = false
    private var isPumpScheduled = false
    private var isClosed = false
    /// Brokers that requests were written to in this turn.
    private var unflushed: [Int32] = []

    public init(client: KafkaClient, eventLoop: any EventLoop, settings: ProduceSettings, logger: Logger) {
        self.client = client
        self.eventLoop = eventLoop
        self.settings = settings
        self.logger = logger
        self.lane = Self.lanes.wrappingAdd(1, ordering: .relaxed).oldValue
        self.machine = ProducerMachine(settings: settings)
    }

    /// Sets the callbacks; before the first partition is added.
    public func start(_ handlers: Handlers) {
        self.eventLoop.preconditionInEventLoop()
        self.handlers = handlers
    }

    /// Opens a partition; the slot returned names it from now on.
    ///
    /// - Parameter stamp: The identity to go on with, and the sequence number of the next record.
    public func add(_ partition: TopicPartition, continuing stamp: ProducerStamp? = nil) -> Int {
        self.eventLoop.preconditionInEventLoop()
        let slot = self.machine.add(partition, continuing: stamp, now: self.eventLoop.now)
        self.run()
        return slot
    }

    /// Forgets a partition; batches that are out may still be written.
    public func remove(_ slot: Int) {
        self.eventLoop.preconditionInEventLoop()
        self.machine.remove(slot, now: self.eventLoop.now)
    }

    /// Batches wait at the owner; `bytes` is a hint how much.
    ///
    /// They are pulled at the end of the current turn of the event loop, when all partitions of an answer have been
    /// announced: one request then takes a batch of each.
    public func ready(_ slot: Int, bytes: Int) {
        self.eventLoop.preconditionInEventLoop()
        self.machine.ready(slot, bytes: bytes, now: self.eventLoop.now)
        guard !self.isPumpScheduled, !self.isRunningActions else { return }
        self.isPumpScheduled = true
        self.eventLoop.execute {
            self.isPumpScheduled = false
            self.run()
        }
    }

    /// Begins again after a refusal.
    ///
    /// - Parameter stamp: The identity to go on with, and the sequence number of the next record; nil for a new one.
    public func resume(_ slot: Int, continuing stamp: ProducerStamp? = nil) {
        self.eventLoop.preconditionInEventLoop()
        self.machine.resume(slot, continuing: stamp, now: self.eventLoop.now)
        self.run()
    }

    /// Writes from now on in the transactions of an identity; only with `ProduceSettings.isTransactional`.
    public func begin(_ identity: ProducerIdentity, transactionalID: KafkaString) {
        self.eventLoop.preconditionInEventLoop()
        self.machine.begin(identity, transactionalID: transactionalID, now: self.eventLoop.now)
        self.run()
    }

    /// Forgets everything that is not acknowledged and sends nothing until `begin`; for transactions that are lost.
    public func halt() {
        self.eventLoop.preconditionInEventLoop()
        self.machine.halt(now: self.eventLoop.now)
        self.run()
    }

    /// Batches of a slot that are sent and not acknowledged.
    public func unacknowledged(_ slot: Int) -> Int { self.machine.unacknowledged(slot) }

    /// Stops everything; no callback comes any more.
    public func close() {
        self.eventLoop.preconditionInEventLoop()
        guard !self.isClosed else { return }
        self.isClosed = true
        self.timer?.cancel()
        self.handlers = nil
        for connection in self.connections.values { connection.closeNow() }
        self.connections.removeAll()
    }

    // MARK: Carrying out

    /// Builds requests and carries out what was decided; what callbacks decide meanwhile follows in the same loop.
    private func run() {
        guard !self.isRunningActions, !self.isClosed else { return }
        self.isRunningActions = true
        while !self.isClosed, let handlers = self.handlers {
            self.machine.pump(now: self.eventLoop.now, pull: handlers.pull)
            let actions = self.machine.takeActions()
            if actions.isEmpty { break }
            for action in actions { self.perform(action) }
            // All requests of this turn leave with one system call for each broker.
            for node in self.unflushed { self.connections[node]?.flush() }
            self.unflushed.removeAll(keepingCapacity: true)
        }
        self.isRunningActions = false
        self.schedule()
    }

    private func perform(_ action: ProducerMachine.Action) {
        switch action {
        case .connect(let node): self.connect(node)
        case .send(let node, let id, let request, let version): self.send(request, id: id, version: version, to: node)
        case .locate(let questions): self.locate(questions)
        case .initialize(let question): self.initialize(question)
        case .learned(let partition, let node, let epoch):
            self.client.noteLeader(ClusterMetadata.Leader(nodeID: node, epoch: epoch), of: partition)
        case .report(let event): self.handlers?.event(event)
        }
    }

    private func connect(_ node: Int32) {
        self.client.connectionFuture(to: node, purpose: .produce, lane: self.lane, on: self.eventLoop)
            .whenComplete { result in
                guard !self.isClosed else { return }
                switch result {
                case .success(let connection):
                    guard let newest = connection.apiVersions.negotiate(ProduceRequest.self), newest >= 3 else {
                        self.lost(node, "the broker is older than Kafka 0.11 or offers no Produce")
                        return
                    }
                    // From version 12 on a broker takes partitions into the transaction by itself, and expects the
                    // newer way of ending it, which changes the epoch each time (KIP-890, part 2).
                    let version = self.settings.isTransactional ? min(newest, 11) : newest
                    self.connections[node] = connection
                    self.machine.connected(node, version: version, now: self.eventLoop.now)
                    self.run()
                case .failure(let error):
                    self.lost(node, "\(error)")
                }
            }
    }

    private func send(_ request: ProduceRequest, id: UInt64, version: Int16, to node: Int32) {
        guard let connection = self.connections[node] else {
            self.lost(node, "the connection is closed")
            return
        }
        if self.unflushed.last != node { self.unflushed.append(node) }
        connection.send(request, version: version, timeout: self.settings.requestTimeout, flushes: false) { result in
            guard !self.isClosed, self.connections[node] === connection else { return }
            switch result {
            case .success(let response):
                self.machine.answered(id, response, now: self.eventLoop.now)
                self.run()
            case .failure(let error):
                // A batch still on its way there must not be written after its repetition elsewhere.
                connection.closeNow()
                self.lost(node, "\(error)")
            }
        }
    }

    private func lost(_ node: Int32, _ reason: String) {
        self.connections[node] = nil
        self.logger.debug("produce connection lost", metadata: ["node": "\(node)", "reason": "\(reason)"])
        self.machine.disconnected(node, reason: reason, now: self.eventLoop.now)
        self.run()
    }

    private func locate(_ questions: [ProducerMachine.LeaderQuestion]) {
        let metadata = self.client.metadata
        var missing: [ProducerMachine.LeaderQuestion] = []
        for question in questions {
            if !question.refresh, let leader = metadata.partitionLeader(of: question.partition) {
                self.machine.located(
                    question.slot,
                    identity: question.identity,
                    leader: leader,
                    now: self.eventLoop.now
                )
            } else {
                missing.append(question)
            }
        }
        guard !missing.isEmpty else { return }
        let wanted = missing
        self.client.lookUpLeaders(Set(missing.map(\.partition)), on: self.eventLoop) { found in
            guard !self.isClosed else { return }
            let now = self.eventLoop.now
            for question in wanted {
                switch found[question.partition] {
                case .success(let leader):
                    self.machine.located(question.slot, identity: question.identity, leader: leader, now: now)
                case .failure(let error):
                    self.machine.notLocated(
                        question.slot,
                        identity: question.identity,
                        reason: .noLeader("\(error)"),
                        isMissing: error.code == .unknownTopic,
                        now: now
                    )
                case nil:
                    break
                }
            }
            self.run()
        }
    }

    private func initialize(_ question: ProducerMachine.ProducerIDQuestion) {
        self.client.findProducerID(on: self.eventLoop) { result in
            guard !self.isClosed else { return }
            let now = self.eventLoop.now
            switch result {
            case .success(let identity): self.machine.initialized(question, identity, now: now)
            case .failure(let error): self.machine.notInitialized(question, reason: "\(error)", now: now)
            }
            self.run()
        }
    }

    private func schedule() {
        guard !self.isClosed else { return }
        let wake = self.machine.askNextWake()
        guard wake != self.timerDeadline else { return }
        self.timer?.cancel()
        self.timer = nil
        self.timerDeadline = wake
        guard let wake else { return }
        self.timer = self.eventLoop.scheduleTask(deadline: wake) {
            self.timerDeadline = nil
            guard !self.isClosed else { return }
            self.machine.tick(now: self.eventLoop.now)
            self.run()
        }
    }
}
