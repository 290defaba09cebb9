import DequeModule
public import KafkaProtocol
public import NIOCore

/// Decides everything a producer does: which batches go to which broker when, and what the answers mean.
///
/// # Responsibilities
/// 1. At most one batch per partition in a request, several partitions per request, several requests per connection.
/// 2. Exactly once, in order: a batch that must be sent again keeps its sequence number and its bytes; the next one waits
///    until all batches of the partition that are out have been answered. What was on a lost connection is sent again.
/// 3. A partition that fails pauses alone. A definite refusal drops its unacknowledged batches and stops it until its
///    owner resumes it, which begins under a new producer id of its own: no other partition's sequence is touched.
/// 4. Leaders named in answers (KIP-951) are followed at once.
///
/// # Implementation
/// A value without clock, sockets or randomness. Batches are pulled from their owner while a request is built, so that
/// small ones that have come together by then can be joined and none is held twice. `PartitionProducer` (or a
/// simulation) calls one method per event, then `pump`, then carries out the actions of `takeActions()`.
public struct ProducerMachine: Sendable {
    /// What the shell has to do.
    public enum Action: Sendable {
        /// Connect, then call `connected` or `disconnected`.
        case connect(node: Int32)
        /// Send, then call `answered`, or `disconnected` when the connection is lost.
        case send(node: Int32, id: UInt64, ProduceRequest, version: Int16)
        /// Find the leaders, then call `located` or `notLocated` for each slot.
        case locate([LeaderQuestion])
        /// Ask for a producer id, then call `initialized` or `notInitialized`.
        case initialize(ProducerIDQuestion)
        /// An answer named a newer leader than the metadata has.
        case learned(TopicPartition, node: Int32, epoch: Int32)
        case report(ProduceEvent)
    }

    /// A partition whose leader is asked for.
    public struct LeaderQuestion: Sendable, Hashable {
        public var slot: Int
        public var identity: UInt64
        public var partition: TopicPartition
        /// The metadata at hand were wrong: ask a broker.
        public var refresh: Bool
    }

    /// Whom a producer id is for.
    public enum ProducerIDQuestion: Sendable, Hashable {
        /// All partitions that never had trouble share one.
        case shared
        /// One partition that begins again.
        case own(slot: Int, identity: UInt64)
    }

    let settings: ProduceSettings
    private var entries: [ProducePartition?] = []
    private var freeSlots: [Int] = []
    /// Partitions that were open once and closed.
    private var partitionsBefore: Set<TopicPartition> = []
    private var nextIdentity: UInt64 = 1
    private var nextRequest: UInt64 = 1
    private var brokers: [Int32: BrokerProduceQueue] = [:]
    /// Their ids in order, so that a run can be repeated exactly.
    private var nodes: [Int32] = []
    private var requests: [UInt64: SentRequest] = [:]
    private var shared = SharedIdentity.none
    private var sharedAttempts = 0
    private var sleeping: Set<Int> = []
    private var wakeForLinger: NIODeadline?
    private var actions: [Action] = []
    private var questions: [LeaderQuestion] = []
    private var now = NIODeadline.distantPast

    private enum SharedIdentity: Sendable {
        case none
        case requested
        case waiting(until: NIODeadline)
        case ready(ProducerIdentity)
    }

    private struct SentRequest: Sendable {
        var node: Int32
        var sentAt: NIODeadline
        var parts: [Part]

        struct Part: Sendable {
            var slot: Int
            var identity: UInt64
            var partition: TopicPartition
        }
    }

    public init(settings: ProduceSettings) {
        self.settings = settings
        if !settings.isIdempotent { self.shared = .ready(.none) }
    }

    /// Everything decided since the last call, in order.
    public mutating func takeActions() -> [Action] {
        if !self.questions.isEmpty {
            self.actions.append(.locate(self.questions))
            self.questions.removeAll(keepingCapacity: true)
        }
        let result = self.actions
        self.actions = []
        return result
    }

    /// Batches of a slot that are not acknowledged.
    public func unacknowledged(_ slot: Int) -> Int { self.entry(slot)?.outstanding.count ?? 0 }

    /// Requests without an answer.
    public var requestsInFlight: Int { self.requests.count }

    // MARK: The owner's wishes

    /// Opens a partition; the slot returned names it from now on.
    public mutating func add(_ partition: TopicPartition, now: NIODeadline) -> Int {
        self.now = now
        var entry = ProducePartition(partition: partition, identity: self.nextIdentity)
        self.nextIdentity += 1
        // The broker remembers the sequences of the shared producer id: batches that begin at 0 again would be taken for
        // repetitions of the first ones and dropped.
        entry.needsOwnIdentity = self.settings.isIdempotent && self.partitionsBefore.contains(partition)
        let slot: Int
        if let free = self.freeSlots.popLast() {
            slot = free
            self.entries[slot] = entry
        } else {
            slot = self.entries.count
            self.entries.append(entry)
        }
        self.prepare(slot, refresh: false)
        return slot
    }

    /// Forgets a partition; batches that are out may still be written.
    public mutating func remove(_ slot: Int, now: NIODeadline) {
        self.now = now
        guard let node = self.entries[slot]?.node else {
            if self.entry(slot) != nil { self.free(slot) }
            return
        }
        self.brokers[node]?.remove(slot)
        self.free(slot)
    }

    /// The owner has batches waiting; `bytes` is a hint how much.
    public mutating func ready(_ slot: Int, bytes: Int, now: NIODeadline) {
        self.now = now
        guard self.entry(slot) != nil else { return }
        self.entries[slot]?.waitingBytes = max(1, bytes)
        self.queue(slot)
    }

    /// Begins again after a refusal, under a new producer id.
    public mutating func resume(_ slot: Int, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.phase == .stopped else { return }
        self.entries[slot]?.needsOwnIdentity = self.settings.isIdempotent
        self.entries[slot]?.ids.invalidate()
        self.entries[slot]?.attempts = 0
        self.prepare(slot, refresh: true)
    }

    // MARK: Preparation

    /// The metadata know the partition's leader.
    public mutating func located(_ slot: Int, identity: UInt64, leader: PartitionLeader, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.identity == identity, entry.phase == .preparing, entry.isLocating
        else {
            return
        }
        self.entries[slot]?.isLocating = false
        if leader.epoch < 0 || leader.epoch >= entry.leaderEpoch {
            self.entries[slot]?.leaderEpoch = leader.epoch
            self.move(slot, to: leader.node)
        }
        self.activate(slot)
    }

    /// The partition has no leader now, or the cluster could not be asked.
    ///
    /// - Parameter isMissing: The topic or partition does not exist, as far as the cluster knows.
    public mutating func notLocated(
        _ slot: Int,
        identity: UInt64,
        reason: ProduceFailure,
        isMissing: Bool,
        now: NIODeadline
    ) {
        self.now = now
        guard let entry = self.entry(slot), entry.identity == identity, entry.phase == .preparing, entry.isLocating
        else {
            return
        }
        self.entries[slot]?.isLocating = false
        if isMissing, entry.attempts + 1 >= self.settings.missingTopicAttempts {
            self.entries[slot]?.decide(.refused(.missing, .unknownTopicOrPartition, nil, token: entry.firstToken))
            self.settle(slot)
        } else {
            self.pause(slot, reason)
        }
    }

    /// A producer id was handed out.
    public mutating func initialized(_ question: ProducerIDQuestion, _ identity: ProducerIdentity, now: NIODeadline) {
        self.now = now
        switch question {
        case .shared:
            self.shared = .ready(identity)
            self.sharedAttempts = 0
            for slot in self.entries.indices where self.entries[slot]?.needsOwnIdentity == false { self.activate(slot) }
        case .own(let slot, let owner):
            guard let entry = self.entry(slot), entry.identity == owner, entry.isInitializing else { return }
            self.entries[slot]?.isInitializing = false
            self.entries[slot]?.ids.begin(identity)
            self.activate(slot)
        }
    }

    /// No producer id: the broker is starting up, refuses, or cannot be reached.
    public mutating func notInitialized(_ question: ProducerIDQuestion, reason: String, now: NIODeadline) {
        self.now = now
        switch question {
        case .shared:
            self.sharedAttempts += 1
            self.shared = .waiting(until: now + self.settings.backoff(attempt: self.sharedAttempts, seed: 0))
            guard self.sharedAttempts >= 3 else { return }
            for slot in self.entries.indices {
                guard let entry = self.entry(slot), entry.phase == .preparing, !entry.needsOwnIdentity else { continue }
                self.reportFailing(slot, .noProducerID(reason))
            }
        case .own(let slot, let owner):
            guard let entry = self.entry(slot), entry.identity == owner, entry.isInitializing else { return }
            self.entries[slot]?.isInitializing = false
            self.pause(slot, .noProducerID(reason))
        }
    }

    // MARK: Connections

    /// The connection is there.
    ///
    /// - Parameter version: The newest Produce version both sides speak.
    public mutating func connected(_ node: Int32, version: Int16, now: NIODeadline) {
        self.now = now
        guard self.brokers[node]?.link == .connecting else { return }
        self.brokers[node]?.link = .ready(version: version)
        self.brokers[node]?.failures = 0
    }

    /// There is no connection, or no longer; every request on it failed, and nobody knows what was written.
    public mutating func disconnected(_ node: Int32, reason: String, now: NIODeadline) {
        self.now = now
        guard var broker = self.brokers[node] else { return }
        broker.failures += 1
        broker.link = .waiting(until: now + self.settings.backoff(attempt: broker.failures, seed: Int(node)))
        let lost = broker.lost()
        self.brokers[node] = broker
        for id in lost {
            guard let request = self.requests.removeValue(forKey: id) else { continue }
            for part in request.parts {
                guard let entry = self.entry(part.slot), entry.identity == part.identity else { continue }
                self.entries[part.slot]?.takeBack(request: id, isUncertain: true)
                self.entries[part.slot]?.decide(.retry(refresh: true, .disconnected(node: node, reason)))
                self.settle(part.slot)
            }
        }
        // Partitions that had nothing out may have moved as well.
        for slot in self.entries.indices {
            guard let entry = self.entry(slot), entry.node == node, entry.phase == .active, entry.onWire == 0 else {
                continue
            }
            self.pause(slot, .disconnected(node: node, reason))
        }
    }

    /// A broker's answer to a request.
    public mutating func answered(_ id: UInt64, _ response: ProduceResponse, now: NIODeadline) {
        self.now = now
        guard let request = self.requests.removeValue(forKey: id) else { return }
        self.brokers[request.node]?.ended(id)
        self.brokers[request.node]?.roundTrip.add(now - request.sentAt)
        self.brokers[request.node]?.failures = 0
        self.brokers[request.node]?.throttledUntil = now + .milliseconds(Int64(max(0, response.throttleTimeMs)))
        // Brokers answer in the order of the request, so the next part is nearly always the one looked for.
        var cursor = 0
        var isAnswered = [Bool](repeating: false, count: request.parts.count)
        for topic in response.responses {
            for result in topic.partitionResponses {
                let matches = { (part: SentRequest.Part) in
                    part.partition.partition == result.index && part.partition.topic == topic.name
                }
                let position: Int
                if cursor < request.parts.count, matches(request.parts[cursor]) {
                    position = cursor
                } else if let found = request.parts.firstIndex(where: matches) {
                    position = found
                } else {
                    continue
                }
                cursor = position + 1
                guard !isAnswered[position] else { continue }
                isAnswered[position] = true
                let part = request.parts[position]
                guard let entry = self.entry(part.slot), entry.identity == part.identity else { continue }
                self.take(part.slot, request: id, result)
            }
        }
        for (position, part) in request.parts.enumerated() where !isAnswered[position] {
            guard let entry = self.entry(part.slot), entry.identity == part.identity else { continue }
            self.entries[part.slot]?.takeBack(request: id, isUncertain: true)
            self.entries[part.slot]?.decide(.retry(refresh: false, .refused(.unknownServerError)))
            self.settle(part.slot)
        }
    }

    /// Time has passed.
    public mutating func tick(now: NIODeadline) {
        self.now = now
        self.wakeForLinger = nil
        for slot in self.sleeping.sorted() {
            guard case .waiting(let until)? = self.entry(slot)?.phase, until <= now else { continue }
            self.sleeping.remove(slot)
            self.prepare(slot, refresh: self.entries[slot]?.wantsRefresh ?? true)
        }
        for (node, broker) in self.brokers {
            if case .waiting(let until) = broker.link, until <= now { self.brokers[node]?.link = .idle }
        }
        if case .waiting(let until) = self.shared, until <= now { self.requestShared() }
    }

    /// When `tick` must be called next; nil when only other events matter.
    public var nextWake: NIODeadline? {
        var wake = self.wakeForLinger
        func consider(_ deadline: NIODeadline) {
            if wake.map({ deadline < $0 }) ?? true { wake = deadline }
        }
        for slot in self.sleeping {
            if case .waiting(let until)? = self.entry(slot)?.phase { consider(until) }
        }
        for broker in self.brokers.values {
            if case .waiting(let until) = broker.link, broker.hasWaiting { consider(until) }
        }
        if case .waiting(let until) = self.shared { consider(until) }
        return wake
    }

    // MARK: Sending

    /// Builds every request that may go out now.
    ///
    /// - Parameter pull: Asks the owner for the next batch of a slot. It must not call the machine.
    public mutating func pump(
        now: NIODeadline,
        pull: (ProducePullRequest) -> ProducePull
    ) {
        self.now = now
        for node in self.nodes {
            if self.brokers[node]?.link == .idle, self.brokers[node]?.hasWaiting == true {
                self.brokers[node]?.link = .connecting
                self.actions.append(.connect(node: node))
            }
            sending: while let permission = self.brokers[node]?.permission(settings: self.settings, now: now) {
                switch permission {
                case .hold: break sending
                case .linger(let until):
                    self.wakeForLinger = min(self.wakeForLinger ?? until, until)
                    break sending
                case .send:
                    guard self.buildRequest(node, pull: pull) else { break sending }
                }
            }
        }
    }

    private mutating func buildRequest(
        _ node: Int32,
        pull: (ProducePullRequest) -> ProducePull
    ) -> Bool {
        guard case .ready(let version)? = self.brokers[node]?.link else { return false }
        let order = self.brokers[node]?.takeTurns() ?? []
        let id = self.nextRequest
        var parts: [SentRequest.Part] = []
        var topics: [ProduceRequest.TopicProduceData] = []
        var positions: [TopicName: Int] = [:]
        var bytes = 0
        var served: [Int] = []
        var unserved: [Int] = []
        for slot in order {
            guard let batch = self.nextBatch(slot, request: id, room: self.settings.maximumRequestBytes - bytes, pull)
            else {
                unserved.append(slot)
                continue
            }
            served.append(slot)
            guard let entry = self.entry(slot) else { continue }
            bytes += batch.byteCount
            var data = ProduceRequest.PartitionProduceData()
            data.index = entry.partition.partition
            var records = RecordData(batch.header)
            if batch.body.readableBytes > 0 { records.append(batch.body) }
            data.records = records
            if let position = positions[entry.partition.topic] {
                topics[position].partitionData.append(data)
            } else {
                var topic = ProduceRequest.TopicProduceData()
                topic.name = entry.partition.topic
                topic.partitionData = [data]
                positions[entry.partition.topic] = topics.count
                topics.append(topic)
            }
            parts.append(SentRequest.Part(slot: slot, identity: entry.identity, partition: entry.partition))
            if bytes >= self.settings.maximumRequestBytes { break }
        }
        // `break` above leaves slots that were not looked at.
        let seen = Set(served).union(unserved)
        unserved.append(contentsOf: order.filter { !seen.contains($0) })
        self.brokers[node]?.putBack(unserved: unserved, served: served, now: self.now)
        guard !parts.isEmpty else { return false }
        self.nextRequest += 1
        self.brokers[node]?.began(id)
        self.requests[id] = SentRequest(node: node, sentAt: self.now, parts: parts)
        var request = ProduceRequest()
        request.acks = self.settings.acks
        request.timeoutMs = Int32(clamping: self.settings.requestTimeout.nanoseconds / 1_000_000)
        request.topicData = topics
        self.actions.append(.send(node: node, id: id, request, version: version))
        return true
    }

    /// The batch a partition sends next: one that was taken back, or a new one from its owner.
    private mutating func nextBatch(
        _ slot: Int,
        request: UInt64,
        room: Int,
        _ pull: (ProducePullRequest) -> ProducePull
    ) -> ProduceBatch? {
        let isEmpty = room == self.settings.maximumRequestBytes
        guard let entry = self.entry(slot), entry.phase == .active else {
            if let node = self.entry(slot)?.node { self.brokers[node]?.remove(slot) }
            return nil
        }
        defer { self.requeue(slot) }
        if let position = entry.firstUnsent {
            let batch = entry.outstanding[position].batch
            guard isEmpty || batch.byteCount <= room, entry.mayResend(position) else { return nil }
            self.entries[slot]?.markSent(position, request: request)
            return batch
        }
        guard entry.mayPull(limit: self.settings.maximumInFlight), let stamp = entry.ids.next else { return nil }
        let question = ProducePullRequest(
            slot: slot,
            room: room,
            isEmpty: isEmpty,
            stamp: stamp,
            roundTrip: entry.node.flatMap { self.brokers[$0]?.roundTrip.least } ?? .zero
        )
        switch pull(question) {
        case .batch(let batch):
            self.entries[slot]?.append(batch, request: request)
            return batch
        case .tooLargeNow:
            return nil
        case .nothing:
            self.entries[slot]?.waitingBytes = 0
            return nil
        }
    }

    // MARK: Answers

    private mutating func take(
        _ slot: Int,
        request: UInt64,
        _ result: ProduceResponse.PartitionProduceResponse
    ) {
        guard let entry = self.entry(slot),
            let position = entry.outstanding.firstIndex(where: { $0.request == request })
        else { return }
        let code = result.errorCode
        let token = entry.outstanding[position].batch.token
        let kind = ProduceErrorClass(code)
        if kind == .done {
            self.entries[slot]?.acknowledge(position)
            if entry.isReportedFailing {
                self.entries[slot]?.isReportedFailing = false
                self.actions.append(.report(.recovered(slot: slot)))
            }
            let offset = code == .none && result.baseOffset >= 0 ? result.baseOffset : nil
            self.actions.append(
                .report(
                    .acknowledged(
                        slot: slot,
                        token: token,
                        baseOffset: offset,
                        logAppendTime: result.logAppendTimeMs >= 0 ? result.logAppendTimeMs : nil
                    )
                )
            )
            self.settle(slot)
            self.queue(slot)
            return
        }
        self.entries[slot]?.takeBack(request: request, isUncertain: kind == .uncertain)
        let attempts = entry.attempts + 1
        switch kind {
        case .done: break
        case .leaderMoved:
            let node = result.currentLeader.leaderID
            let epoch = result.currentLeader.leaderEpoch
            if node >= 0, epoch > entry.leaderEpoch {
                self.entries[slot]?.leaderEpoch = epoch
                self.entries[slot]?.decide(.moved(node))
                self.actions.append(.learned(entry.partition, node: node, epoch: epoch))
            } else {
                self.entries[slot]?.decide(.retry(refresh: true, .refused(code)))
            }
        case .transient, .uncertain: self.entries[slot]?.decide(.retry(refresh: false, .refused(code)))
        case .missing where attempts < self.settings.missingTopicAttempts:
            self.entries[slot]?.decide(.retry(refresh: true, .refused(code)))
        case .missing:
            self.entries[slot]?.decide(.refused(.missing, code, result.errorMessage?.string, token: token))
        case .corrupt where attempts < 4: self.entries[slot]?.decide(.retry(refresh: false, .refused(code)))
        case .corrupt:
            self.entries[slot]?.decide(.refused(.invalid, code, result.errorMessage?.string, token: token))
        case .sequenceGap where position > 0:
            // An earlier batch was not written, so this one could not be; it follows when the other one is through.
            self.entries[slot]?.decide(.retry(refresh: false, .refused(code)))
        case .sequenceGap where entry.settlement != nil:
            break
        case .sequenceGap, .identityLost:
            self.entries[slot]?.decide(.refused(.sequenceLost, code, result.errorMessage?.string, token: token))
        case .refused(let kind):
            let words = result.errorMessage?.string ?? result.recordErrors.first?.batchIndexErrorMessage?.string
            self.entries[slot]?.decide(.refused(kind, code, words, token: token))
        }
        self.settle(slot)
    }

    /// Acts on a failure once everything that was out has been answered.
    private mutating func settle(_ slot: Int) {
        guard let entry = self.entry(slot), let settlement = entry.settlement else { return }
        if let node = entry.node { self.brokers[node]?.remove(slot) }
        guard entry.onWire == 0 else {
            self.entries[slot]?.phase = .settling
            return
        }
        self.entries[slot]?.clearSettlement()
        self.entries[slot]?.ids.doubt()
        switch settlement {
        case .moved(let node):
            self.move(slot, to: node)
            self.entries[slot]?.phase = .preparing
            self.activate(slot)
        case .retry(let refresh, let failure):
            self.pause(slot, failure)
            self.entries[slot]?.wantsRefresh = refresh
        case .refused(let kind, let code, let message, let token):
            let refusal = ProduceRefusal(
                kind: kind,
                code: code,
                message: message,
                token: token,
                isOutcomeUnknown: kind == .sequenceLost || entry.outstanding.contains(where: \.isUncertain)
            )
            self.entries[slot]?.stop()
            self.sleeping.remove(slot)
            self.actions.append(.report(.refused(slot: slot, refusal)))
        }
    }

    // MARK: Partitions

    private func entry(_ slot: Int) -> ProducePartition? {
        self.entries.indices.contains(slot) ? self.entries[slot] : nil
    }

    private mutating func free(_ slot: Int) {
        self.sleeping.remove(slot)
        if let entry = self.entries[slot] { self.partitionsBefore.insert(entry.partition) }
        self.entries[slot] = nil
        self.freeSlots.append(slot)
    }

    /// Looks for what the partition lacks: its leader, and an identity.
    private mutating func prepare(_ slot: Int, refresh: Bool) {
        guard let entry = self.entry(slot) else { return }
        self.entries[slot]?.phase = .preparing
        self.entries[slot]?.isLocating = true
        self.entries[slot]?.wantsRefresh = false
        self.questions.append(
            LeaderQuestion(slot: slot, identity: entry.identity, partition: entry.partition, refresh: refresh)
        )
        self.activate(slot)
    }

    /// Goes to work when nothing is missing any more.
    private mutating func activate(_ slot: Int) {
        guard let entry = self.entry(slot), entry.phase == .preparing else { return }
        if entry.ids.identity == nil {
            if entry.needsOwnIdentity {
                if !entry.isInitializing {
                    self.entries[slot]?.isInitializing = true
                    self.actions.append(.initialize(.own(slot: slot, identity: entry.identity)))
                }
                return
            }
            guard case .ready(let identity) = self.shared else {
                if case .none = self.shared { self.requestShared() }
                return
            }
            self.entries[slot]?.ids.begin(identity)
        }
        guard !entry.isLocating, entry.node != nil else { return }
        self.entries[slot]?.phase = .active
        self.queue(slot)
    }

    private mutating func requestShared() {
        self.shared = .requested
        self.actions.append(.initialize(.shared))
    }

    private mutating func move(_ slot: Int, to node: Int32) {
        guard let entry = self.entry(slot), entry.node != node else { return }
        if let old = entry.node { self.brokers[old]?.remove(slot) }
        self.entries[slot]?.node = node
        if self.brokers[node] == nil {
            self.brokers[node] = BrokerProduceQueue()
            self.nodes = self.brokers.keys.sorted()
        }
    }

    private mutating func pause(_ slot: Int, _ failure: ProduceFailure) {
        guard let entry = self.entry(slot) else { return }
        if let node = entry.node { self.brokers[node]?.remove(slot) }
        let attempts = entry.attempts + 1
        self.entries[slot]?.attempts = attempts
        self.entries[slot]?.wantsRefresh = true
        self.entries[slot]?.phase = .waiting(until: self.now + self.settings.backoff(attempt: attempts, seed: slot))
        self.sleeping.insert(slot)
        if attempts >= 5 { self.reportFailing(slot, failure) }
    }

    private mutating func reportFailing(_ slot: Int, _ failure: ProduceFailure) {
        guard let entry = self.entry(slot), !entry.isReportedFailing else { return }
        self.entries[slot]?.isReportedFailing = true
        self.actions.append(.report(.failing(slot: slot, failure)))
    }

    /// Puts a partition into its broker's queue if it could send something.
    private mutating func queue(_ slot: Int) {
        guard let entry = self.entry(slot), entry.phase == .active, let node = entry.node else { return }
        if let position = entry.firstUnsent {
            guard entry.mayResend(position) else { return }
            self.brokers[node]?.enqueue(slot, bytes: entry.outstanding[position].batch.byteCount, now: self.now)
        } else if entry.waitingBytes > 0, entry.mayPull(limit: self.settings.maximumInFlight) {
            self.brokers[node]?.enqueue(slot, bytes: entry.waitingBytes, now: self.now)
        }
    }

    /// After its turn: stays in the queue only if it could send more.
    private mutating func requeue(_ slot: Int) {
        guard let entry = self.entry(slot), let node = entry.node else { return }
        let maySend: Bool
        if let position = entry.firstUnsent {
            maySend = entry.mayResend(position)
        } else {
            maySend = entry.waitingBytes > 0 && entry.mayPull(limit: self.settings.maximumInFlight)
        }
        if entry.phase != .active || !maySend { self.brokers[node]?.remove(slot) }
    }
}
