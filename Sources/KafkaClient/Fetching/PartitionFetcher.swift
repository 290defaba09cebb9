import KafkaNetwork
public import KafkaProtocol
public import Logging
public import NIOCore
import Synchronization

/// Reads partitions of one cluster from one event loop, as fast as their owner takes the data.
///
/// Overview: carries out what `FetcherMachine` decides: one connection and one fetch session per source broker, long
/// polls, leader look-ups, timers. Everything happens on the event loop, and so do the callbacks; there is no promise,
/// task or hop per answer.
///
/// Where bytes are copied: the socket is read into a frame buffer by `KafkaConnection`; the records delivered are slices
/// of that frame. Nothing here copies them (an answer whose records are in several pieces, which no broker sends, is
/// joined).
public final class PartitionFetcher: @unchecked Sendable {
    // Unchecked: all state is read and changed on `eventLoop` only, which every entry point checks.

    /// What the owner is told; called on the event loop.
    public struct Handlers {
        public var records: (FetchedRecords) -> Void
        public var event: (FetchEvent) -> Void

        public init(records: @escaping (FetchedRecords) -> Void, event: @escaping (FetchEvent) -> Void) {
            self.records = records
            self.event = event
        }
    }

    /// Tells the connections of several fetchers on one loop apart: a long poll holds up what is behind it.
    private static let lanes = Atomic<Int>(1)

    public let eventLoop: any EventLoop
    private let client: KafkaClient
    private let logger: Logger
    private let settings: FetchSettings
    private let lane: Int
    private let aheadLane: Int
    private var machine: FetcherMachine
    private var handlers: Handlers?
    private var connections: [Int32: KafkaConnection] = [:]
    /// Second connections, for reading ahead.
    private var aheadConnections: [Int32: KafkaConnection] = [:]
    private var timer: Scheduled<Void>?
    private var timerDeadline: NIODeadline?
    private var isRunningActions = false
    /// Offsets to look up at the end of this turn.
    private var searches: [Search] = []
    private var isClosed = false

    public init(client: KafkaClient, eventLoop: any EventLoop, settings: FetchSettings, logger: Logger) {
        self.client = client
        self.eventLoop = eventLoop
        self.settings = settings
        self.logger = logger
        self.lane = Self.lanes.wrappingAdd(2, ordering: .relaxed).oldValue
        self.aheadLane = self.lane + 1
        self.machine = FetcherMachine(settings: settings)
    }

    private struct Search {
        var slot: Int
        var generation: UInt64
        var partition: TopicPartition
        var start: StartPosition
    }

    /// Sets the callbacks; before the first partition is added.
    public func start(_ handlers: Handlers) {
        self.eventLoop.preconditionInEventLoop()
        self.handlers = handlers
    }

    /// Starts reading a partition; the slot returned names it from now on.
    public func add(
        _ partition: TopicPartition,
        topicID: KafkaUUID = .zero,
        start: StartPosition,
        lastFetchedEpoch: Int32 = -1
    ) -> Int {
        self.eventLoop.preconditionInEventLoop()
        let slot = self.machine.add(
            partition,
            topicID: topicID,
            start: start,
            lastFetchedEpoch: lastFetchedEpoch,
            now: self.eventLoop.now
        )
        self.run()
        return slot
    }

    /// Stops reading a partition.
    public func remove(_ slot: Int) {
        self.eventLoop.preconditionInEventLoop()
        self.machine.remove(slot, now: self.eventLoop.now)
        self.run()
    }

    /// Goes on at another position; data on their way for the old one are dropped.
    public func seek(
        _ slot: Int,
        to start: StartPosition,
        topicID: KafkaUUID? = nil,
        lastFetchedEpoch: Int32 = -1
    ) {
        self.eventLoop.preconditionInEventLoop()
        self.machine.seek(
            slot,
            to: start,
            topicID: topicID,
            lastFetchedEpoch: lastFetchedEpoch,
            now: self.eventLoop.now
        )
        self.run()
    }

    /// Stops or resumes fetching a partition without losing its place.
    public func setPaused(_ slot: Int, _ isPaused: Bool) {
        self.eventLoop.preconditionInEventLoop()
        self.machine.setPaused(slot, isPaused, now: self.eventLoop.now)
        self.run()
    }

    /// Takes delivered bytes back: they count against the budget until then.
    public func release(_ lease: FetchLease) {
        self.eventLoop.preconditionInEventLoop()
        self.machine.release(lease, now: self.eventLoop.now)
        self.run()
    }

    /// Counts memory that the owner takes for fetched data, such as joined batches, against the budget; negative gives
    /// it back.
    public func charge(_ bytes: Int) {
        self.eventLoop.preconditionInEventLoop()
        self.machine.charge(bytes, now: self.eventLoop.now)
        if bytes < 0 { self.run() }
    }

    /// How long the owner's target takes to answer: with both clusters close by less is read ahead.
    public var targetDistance: TimeAmount? {
        get { self.machine.targetDistance }
        set { self.machine.targetDistance = newValue }
    }

    /// Bytes in memory or on their way.
    public var bytesInUse: Int { self.machine.budget.used }

    /// The most bytes that ever were.
    public var peakBytesInUse: Int { self.machine.budget.peak }

    /// Stops everything; no callback comes any more.
    public func close() {
        self.eventLoop.preconditionInEventLoop()
        guard !self.isClosed else { return }
        self.isClosed = true
        self.timer?.cancel()
        self.handlers = nil
        for connection in self.connections.values { connection.closeNow() }
        for connection in self.aheadConnections.values { connection.closeNow() }
        self.connections.removeAll()
        self.aheadConnections.removeAll()
    }

    // MARK: Carrying out

    /// Carries out what was decided; decisions made by callbacks meanwhile follow in the same loop.
    private func run() {
        guard !self.isRunningActions, !self.isClosed else { return }
        self.isRunningActions = true
        while !self.isClosed {
            let actions = self.machine.takeActions()
            if actions.isEmpty { break }
            for action in actions { self.perform(action) }
        }
        self.isRunningActions = false
        self.schedule()
    }

    private func perform(_ action: FetcherMachine.Action) {
        switch action {
        case .connect(let node): self.connect(node)
        case .disconnect(let node): self.connections.removeValue(forKey: node)?.closeNow()
        case .send(let node, let request, let version): self.send(request, version: version, to: node)
        case .connectAhead(let node): self.connectAhead(node)
        case .sendAhead(let node, let request, let version): self.sendAhead(request, version: version, to: node)
        case .locate(let questions): self.locate(questions)
        case .resolve(let slot, let generation, let partition, let start):
            self.resolve(slot, generation, partition, start)
        case .findBounds(let slot, let generation, let partition): self.findBounds(slot, generation, partition)
        case .learned(let partition, let node, let epoch):
            self.client.noteLeader(ClusterMetadata.Leader(nodeID: node, epoch: epoch), of: partition)
        case .deliver(let records): self.handlers?.records(records)
        case .report(let event): self.handlers?.event(event)
        }
    }

    private func connect(_ node: Int32) {
        self.client.connectionFuture(to: node, purpose: .fetch, lane: self.lane, on: self.eventLoop)
            .whenComplete { result in
                guard !self.isClosed else { return }
                switch result {
                case .success(let connection):
                    guard let version = connection.apiVersions.negotiate(FetchRequest.self) else {
                        self.lost(node, "the broker is too old or offers no Fetch")
                        return
                    }
                    self.connections[node] = connection
                    self.machine.connected(node, version: version, now: self.eventLoop.now)
                    self.run()
                case .failure(let error):
                    self.lost(node, "\(error)")
                }
            }
    }

    private func send(_ request: FetchRequest, version: Int16, to node: Int32) {
        guard let connection = self.connections[node] else {
            self.lost(node, "the connection is closed")
            return
        }
        let patience =
            TimeAmount.milliseconds(Int64(request.maxWaitMs)) + self.client.settings.requestTimeout.timeAmount
        connection.send(request, version: version, timeout: patience) { result in
            guard !self.isClosed, self.connections[node] === connection else { return }
            switch result {
            case .success(let response):
                self.machine.answered(node, response, memory: response.heldMemory, now: self.eventLoop.now)
                self.run()
            case .failure(let error):
                // Whatever else was on this connection must not be answered any more.
                connection.closeNow()
                self.lost(node, "\(error)")
            }
        }
    }

    private func connectAhead(_ node: Int32) {
        self.client.connectionFuture(to: node, purpose: .fetch, lane: self.aheadLane, on: self.eventLoop)
            .whenComplete { result in
                guard !self.isClosed else { return }
                guard case .success(let connection) = result,
                    let version = connection.apiVersions.negotiate(FetchRequest.self)
                else { return self.lostAhead(node) }
                self.aheadConnections[node] = connection
                self.machine.aheadConnected(node, version: version, now: self.eventLoop.now)
                self.run()
            }
    }

    private func sendAhead(_ request: FetchRequest, version: Int16, to node: Int32) {
        guard let connection = self.aheadConnections[node] else { return self.lostAhead(node) }
        connection.send(request, version: version, timeout: self.client.settings.requestTimeout.timeAmount) { result in
            guard !self.isClosed, self.aheadConnections[node] === connection else { return }
            switch result {
            case .success(let response):
                self.machine.aheadAnswered(node, response, memory: response.heldMemory, now: self.eventLoop.now)
                self.run()
            case .failure:
                connection.closeNow()
                self.lostAhead(node)
            }
        }
    }

    private func lostAhead(_ node: Int32) {
        self.aheadConnections[node] = nil
        self.machine.aheadDisconnected(node, now: self.eventLoop.now)
        self.run()
    }

    private func lost(_ node: Int32, _ reason: String) {
        self.connections[node] = nil
        self.logger.debug("fetch connection lost", metadata: ["node": "\(node)", "reason": "\(reason)"])
        self.machine.disconnected(node, reason: reason, now: self.eventLoop.now)
        self.run()
    }

    private func locate(_ questions: [FetcherMachine.LeaderQuestion]) {
        let metadata = self.client.metadata
        var missing: [FetcherMachine.LeaderQuestion] = []
        for question in questions {
            if !question.refresh, let leader = metadata.partitionLeader(of: question.partition) {
                self.machine.located(
                    question.slot,
                    generation: question.generation,
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
                    self.machine.located(question.slot, generation: question.generation, leader: leader, now: now)
                case .failure(let error):
                    self.machine.notLocated(
                        question.slot,
                        generation: question.generation,
                        reason: .noLeader("\(error)"),
                        now: now
                    )
                case nil:
                    break
                }
            }
            self.run()
        }
    }

    private func resolve(_ slot: Int, _ generation: UInt64, _ partition: TopicPartition, _ start: StartPosition) {
        switch start {
        case .offset(let offset):
            self.machine.resolved(slot, generation: generation, offset: offset, now: self.eventLoop.now)
            return
        case .earliest, .latest:
            break
        }
        // Many partitions begin at once: they are asked for together at the end of this turn.
        if self.searches.isEmpty { self.eventLoop.execute { self.search() } }
        self.searches.append(Search(slot: slot, generation: generation, partition: partition, start: start))
    }

    private func search() {
        let searches = self.searches
        self.searches = []
        guard !self.isClosed else { return }
        self.search(.earliest, searches.filter { $0.start == .earliest })
        self.search(.latest, searches.filter { $0.start == .latest })
    }

    private func search(_ query: OffsetQuery, _ searches: [Search]) {
        guard !searches.isEmpty else { return }
        self.client.findOffsets(
            query,
            of: searches.map(\.partition),
            isolation: self.settings.isolation,
            on: self.eventLoop
        ) { found in
            guard !self.isClosed else { return }
            let now = self.eventLoop.now
            for search in searches {
                switch found[search.partition] {
                case .success(let offset):
                    self.machine.resolved(search.slot, generation: search.generation, offset: offset, now: now)
                case .failure(let error):
                    self.machine.notResolved(
                        search.slot,
                        generation: search.generation,
                        reason: .noLeader("\(error)"),
                        now: now
                    )
                case nil: break
                }
            }
            self.run()
        }
    }

    private func findBounds(_ slot: Int, _ generation: UInt64, _ partition: TopicPartition) {
        self.client.findOffset(.earliest, of: partition, isolation: .readUncommitted, on: self.eventLoop) { first in
            guard !self.isClosed else { return }
            self.client.findOffset(.latest, of: partition, isolation: .readUncommitted, on: self.eventLoop) { last in
                guard !self.isClosed else { return }
                let now = self.eventLoop.now
                switch (first, last) {
                case (.success(let start), .success(let end)):
                    self.machine.foundBounds(slot, generation: generation, logStart: start, logEnd: end, now: now)
                case (.failure(let error), _), (_, .failure(let error)):
                    self.machine.notResolved(slot, generation: generation, reason: .noLeader("\(error)"), now: now)
                }
                self.run()
            }
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

extension FetchResponse {
    /// What the records keep in memory together: all are slices of the buffer that the answer was received in.
    fileprivate var heldMemory: Int {
        for topic in self.responses {
            for partition in topic.partitions {
                if let records = partition.records, records.byteCount > 0 { return records.storageCapacity }
            }
        }
        return 0
    }
}
