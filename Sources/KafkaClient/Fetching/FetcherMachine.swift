public import KafkaProtocol
import KafkaRecords
public import NIOCore

/// Decides everything a fetcher does: which broker is asked for which partitions and when, and what its answers mean.
///
/// # Responsibilities
/// 1. One session and at most one request per broker; partitions follow their leader (or the preferred replica).
/// 2. A partition that fails leaves its broker's session for a pause, so that it holds up no other.
/// 3. Bytes: an answer is reserved in the budget before it is asked for. A partition whose owner holds more than its
///    share is left out until bytes come back.
/// 4. A broker that answers empty at once, instead of waiting as asked, is asked again more and more slowly.
/// 5. A batch larger than every limit is asked for again with its own size as the limit.
///
/// # Implementation
/// A value without clock, sockets or randomness: `PartitionFetcher` (or a simulation) calls one method per event and
/// then carries out the actions from `takeActions()`, in order.
public struct FetcherMachine: Sendable {
    /// What the shell has to do.
    public enum Action: Sendable {
        /// Connect, then call `connected` or `disconnected`.
        case connect(node: Int32)
        /// Close the connection: its answers cannot be trusted any more.
        case disconnect(node: Int32)
        /// Send, then call `answered` or `disconnected`.
        case send(node: Int32, FetchRequest, version: Int16)
        /// Find the leaders, then call `located` or `notLocated` for each slot.
        case locate([LeaderQuestion])
        /// Find an offset, then call `resolved` or `notResolved`.
        case resolve(slot: Int, generation: UInt64, TopicPartition, StartPosition)
        /// Find both ends of the log, then call `foundBounds` or `notResolved`.
        case findBounds(slot: Int, generation: UInt64, TopicPartition)
        /// An answer named a newer leader than the metadata has.
        case learned(TopicPartition, node: Int32, epoch: Int32)
        case deliver(FetchedRecords)
        case report(FetchEvent)
    }

    /// A partition whose leader is asked for.
    public struct LeaderQuestion: Sendable, Hashable {
        public var slot: Int
        public var generation: UInt64
        public var partition: TopicPartition
        /// The metadata at hand were wrong: ask a broker.
        public var refresh: Bool
    }

    struct Entry: Sendable {
        var cursor: PartitionCursor
        /// Tells this use of the slot from earlier ones.
        let identity: UInt64
        /// Changes with each seek, so that late answers to earlier questions are told apart.
        var generation: UInt64
        /// The broker whose member it is.
        var node: Int32?
        /// `failing` was reported.
        var isReportedFailing = false
    }

    struct Frame: Sendable {
        var bytes: Int
        var parts: Int
    }

    let settings: FetchSettings
    var entries: [Entry?] = []
    private var freeSlots: [Int] = []
    private var nextGeneration: UInt64 = 1
    var brokers: [Int32: FetchBroker] = [:]
    /// Their ids in order, so that a run can be repeated exactly.
    private var nodes: [Int32] = []
    public private(set) var budget: ByteBudget
    private var frames: [UInt64: Frame] = [:]
    private var nextFrame: UInt64 = 1
    private var slotsByName: [TopicPartition: Int] = [:]
    private var sleeping: Set<Int> = []
    private var holding = 0
    private var actions: [Action] = []
    private var questions: [LeaderQuestion] = []
    private var now = NIODeadline.distantPast

    public init(settings: FetchSettings) {
        self.settings = settings
        self.budget = ByteBudget(capacity: settings.byteBudget)
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

    /// The cursor in a slot.
    public func cursor(_ slot: Int) -> PartitionCursor? {
        self.entries.indices.contains(slot) ? self.entries[slot]?.cursor : nil
    }

    // MARK: The owner's wishes

    /// Starts reading a partition; the slot returned names it from now on.
    public mutating func add(
        _ partition: TopicPartition,
        topicID: KafkaUUID,
        start: StartPosition,
        now: NIODeadline
    ) -> Int {
        self.now = now
        let cursor = PartitionCursor(partition: partition, topicID: topicID, start: start)
        let identity = self.takeGeneration()
        let entry = Entry(cursor: cursor, identity: identity, generation: identity)
        let slot: Int
        if let free = self.freeSlots.popLast() {
            slot = free
            self.entries[slot] = entry
        } else {
            slot = self.entries.count
            self.entries.append(entry)
        }
        self.slotsByName[partition] = slot
        self.ask(slot, refresh: false)
        return slot
    }

    /// Stops reading a partition; bytes that were delivered must still be given back.
    public mutating func remove(_ slot: Int, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot) else { return }
        self.leaveBroker(slot)
        self.sleeping.remove(slot)
        if entry.cursor.outstanding > 0 { self.holding -= 1 }
        if self.slotsByName[entry.cursor.partition] == slot { self.slotsByName[entry.cursor.partition] = nil }
        self.entries[slot] = nil
        self.freeSlots.append(slot)
        self.pump()
    }

    /// Goes on at another position; data on their way for the old one are dropped.
    public mutating func seek(_ slot: Int, to start: StartPosition, topicID: KafkaUUID? = nil, now: NIODeadline) {
        self.now = now
        guard self.entry(slot) != nil else { return }
        self.leaveBroker(slot)
        self.sleeping.remove(slot)
        let generation = self.takeGeneration()
        self.entries[slot]?.generation = generation
        if let topicID { self.entries[slot]?.cursor.topicID = topicID }
        self.entries[slot]?.cursor.seek(start)
        self.ask(slot, refresh: false)
        self.pump()
    }

    /// Stops or resumes fetching a partition without losing its place.
    public mutating func setPaused(_ slot: Int, _ isPaused: Bool, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.cursor.isPaused != isPaused else { return }
        self.entries[slot]?.cursor.isPaused = isPaused
        self.updateSession(slot)
        self.pump()
    }

    /// Takes delivered bytes back.
    public mutating func release(_ lease: FetchLease, now: NIODeadline) {
        self.now = now
        if var frame = self.frames[lease.frame] {
            frame.parts -= 1
            if frame.parts == 0 {
                self.frames[lease.frame] = nil
                self.budget.release(frame.bytes)
            } else {
                self.frames[lease.frame] = frame
            }
        }
        if let entry = self.entry(lease.slot), entry.identity == lease.identity, lease.bytes > 0 {
            self.entries[lease.slot]?.cursor.outstanding -= lease.bytes
            if entry.cursor.outstanding == lease.bytes { self.holding -= 1 }
            self.updateSession(lease.slot)
        }
        self.pump()
    }

    // MARK: Leaders and offsets

    /// The metadata know the partition's leader.
    public mutating func located(_ slot: Int, generation: UInt64, leader: PartitionLeader, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.generation == generation, entry.cursor.phase == .locating else {
            return
        }
        let epoch = entry.cursor.leaderEpoch
        switch self.entries[slot]?.cursor.located(leader) {
        case .ready:
            if leader.epoch > epoch, epoch >= 0 {
                self.report(.leaderChanged(slot: slot, node: leader.node, epoch: leader.epoch))
            }
            if let start = entry.cursor.unresolved {
                self.actions.append(
                    .resolve(slot: slot, generation: generation, entry.cursor.partition, start)
                )
            } else {
                self.joinBroker(slot)
            }
        case .recreated(let old, let new):
            self.report(.topicRecreated(slot: slot, old: old, new: new))
        case nil:
            break
        }
        self.pump()
    }

    /// The partition has no leader now, or the cluster could not be asked.
    public mutating func notLocated(_ slot: Int, generation: UInt64, reason: FetchFailure, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.generation == generation, entry.cursor.phase == .locating else {
            return
        }
        self.fail(slot, reason, blocked: false, reportFrom: 3)
    }

    /// The start offset was found.
    public mutating func resolved(_ slot: Int, generation: UInt64, offset: Int64, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.generation == generation, entry.cursor.phase == .resolving else {
            return
        }
        self.entries[slot]?.cursor.resolved(offset: offset)
        self.report(.started(slot: slot, offset: offset))
        self.joinBroker(slot)
        self.pump()
    }

    /// An offset could not be found.
    public mutating func notResolved(_ slot: Int, generation: UInt64, reason: FetchFailure, now: NIODeadline) {
        self.now = now
        guard let entry = self.entry(slot), entry.generation == generation else { return }
        switch entry.cursor.phase {
        case .resolving, .suspended: self.fail(slot, reason, blocked: false, reportFrom: 3)
        case .locating, .fetching, .waiting: break
        }
    }

    /// Both ends of the log of a partition that answered OFFSET_OUT_OF_RANGE.
    public mutating func foundBounds(
        _ slot: Int,
        generation: UInt64,
        logStart: Int64,
        logEnd: Int64,
        now: NIODeadline
    ) {
        self.now = now
        guard let entry = self.entry(slot), entry.generation == generation, entry.cursor.phase == .suspended else {
            return
        }
        let offset = entry.cursor.nextOffset
        if (logStart...max(logStart, logEnd)).contains(offset) {
            // In range after all: the leader changed in between, or the broker no longer knows the epoch we named.
            self.entries[slot]?.cursor.lastFetchedEpoch = -1
            self.fail(slot, .refused(.offsetOutOfRange), blocked: false, reportFrom: 5)
        } else {
            self.report(.offsetOutOfRange(slot: slot, offset: offset, logStart: logStart, logEnd: logEnd))
        }
    }

    // MARK: Connections

    /// The connection is there.
    ///
    /// - Parameter version: The newest Fetch version both sides speak.
    public mutating func connected(_ node: Int32, version: Int16, now: NIODeadline) {
        self.now = now
        guard self.brokers[node]?.link == .connecting else { return }
        self.brokers[node]?.link = .ready(version: version)
        self.brokers[node]?.session.reset()
        // Limits and epochs may be written differently than for the broker's last version.
        for slot in self.brokers[node]?.members ?? [] { self.updateSession(slot) }
        self.pump()
    }

    /// There is no connection, or no longer; every request on it failed.
    public mutating func disconnected(_ node: Int32, reason: String, now: NIODeadline) {
        self.now = now
        guard var broker = self.brokers[node] else { return }
        if let request = broker.inFlight { self.budget.release(request.reserved) }
        broker.inFlight = nil
        broker.failures += 1
        broker.session.reset()
        broker.link = .waiting(
            until: now + self.settings.backoff(attempt: broker.failures, blocked: false, seed: Int(node))
        )
        self.brokers[node] = broker
        for slot in broker.members.sorted() {
            self.entries[slot]?.cursor.dropPreference()
            self.fail(slot, .disconnected(node: node, reason), blocked: false, reportFrom: 3)
        }
        self.pump()
    }

    /// A broker's answer to the request that is out.
    public mutating func answered(_ node: Int32, _ response: FetchResponse, now: NIODeadline) {
        self.now = now
        guard let request = self.brokers[node]?.inFlight else { return }
        self.budget.release(request.reserved)
        self.brokers[node]?.inFlight = nil
        self.brokers[node]?.failures = 0
        self.brokers[node]?.throttledUntil = now + .milliseconds(Int64(max(0, response.throttleTimeMs)))
        switch self.brokers[node]?.session.answered(error: response.errorCode, sessionID: response.sessionID) {
        case .accepted:
            let signal = self.take(response, from: node)
            self.pace(node, request: request, isEmpty: !signal)
        case .restarted:
            self.pace(node, request: request, isEmpty: true)
        case nil:
            break
        case .failed(let code):
            self.brokers[node]?.idleUntil = now + self.settings.backoff(attempt: 1, blocked: true, seed: Int(node))
            for slot in (self.brokers[node]?.members ?? []).sorted() {
                self.fail(slot, .refused(code), blocked: FetchErrorClass(code) == .denied, reportFrom: 3)
            }
        }
        self.pump()
    }

    /// Time has passed.
    public mutating func tick(now: NIODeadline) {
        self.now = now
        for slot in self.sleeping.sorted() {
            guard case .waiting(let until)? = self.entry(slot)?.cursor.phase, until <= now else { continue }
            self.sleeping.remove(slot)
            self.entries[slot]?.cursor.phase = .locating
            self.ask(slot, refresh: true)
        }
        for (node, broker) in self.brokers {
            if case .waiting(let until) = broker.link, until <= now { self.brokers[node]?.link = .idle }
        }
        for slot in self.brokers.values.flatMap(\.followers).sorted() {
            guard let entry = self.entry(slot), let ends = entry.cursor.preferenceEnds, ends <= now else { continue }
            self.entries[slot]?.cursor.dropPreference()
            self.joinBroker(slot)
        }
        self.pump()
    }

    /// When `tick` must be called next; nil when only other events matter.
    public var nextWake: NIODeadline? {
        var wake: NIODeadline?
        func consider(_ deadline: NIODeadline) {
            if wake.map({ deadline < $0 }) ?? true { wake = deadline }
        }
        for slot in self.sleeping {
            if case .waiting(let until)? = self.entry(slot)?.cursor.phase { consider(until) }
        }
        for broker in self.brokers.values {
            switch broker.link {
            case .waiting(let until): if !broker.members.isEmpty { consider(until) }
            case .ready:
                if broker.inFlight == nil, broker.session.wantedCount > 0 {
                    let open = max(broker.idleUntil, broker.throttledUntil)
                    if open > self.now { consider(open) }
                }
            case .idle, .connecting: break
            }
            for slot in broker.followers {
                if let ends = self.entry(slot)?.cursor.preferenceEnds { consider(ends) }
            }
        }
        return wake
    }

    // MARK: Answers

    /// Takes the partitions of an answer; false when it told nothing that a broker need not wait for.
    private mutating func take(_ response: FetchResponse, from node: Int32) -> Bool {
        let frame = self.nextFrame
        self.nextFrame += 1
        var parts = 0
        var bytes = 0
        var signal = false
        for topic in response.responses {
            for answer in topic.partitions {
                let size = answer.records?.byteCount ?? 0
                // Bytes nobody wants any more stay in memory as long as their neighbours in the frame.
                bytes += size
                if size > 0 { signal = true }
                guard let slot = self.slot(topic, answer.partitionIndex, node),
                    let entry = self.entry(slot), entry.node == node,
                    let sent = self.brokers[node]?.session.sent(slot),
                    entry.cursor.phase == .fetching, sent.fetchOffset == entry.cursor.nextOffset
                else { continue }
                if answer.errorCode != .none {
                    signal = true
                    self.refused(slot, answer)
                } else if answer.divergingEpoch.endOffset >= 0 {
                    signal = true
                    self.diverged(slot, answer)
                } else if answer.preferredReadReplica >= 0, answer.preferredReadReplica != node, size == 0 {
                    signal = true
                    self.entries[slot]?.cursor.prefer(
                        replica: answer.preferredReadReplica,
                        until: self.now + self.settings.replicaPreference
                    )
                    self.joinBroker(slot)
                } else {
                    self.recover(slot)
                    let marks = FetchWatermarks(
                        highWatermark: answer.highWatermark,
                        lastStableOffset: answer.lastStableOffset,
                        logStartOffset: answer.logStartOffset
                    )
                    self.report(.watermarks(slot: slot, marks))
                    if size > 0, self.deliver(slot, answer, marks, frame: frame) { parts += 1 }
                }
            }
        }
        if parts > 0 {
            self.frames[frame] = Frame(bytes: bytes, parts: parts)
            self.budget.charge(bytes)
        }
        return signal
    }

    private func slot(_ topic: FetchResponse.FetchableTopicResponse, _ index: Int32, _ node: Int32) -> Int? {
        if topic.topicID != .zero {
            return self.brokers[node]?.slotsByID[FetchBroker.TopicIDPartition(id: topic.topicID, index: index)]
        }
        return self.slotsByName[TopicPartition(topic: topic.topic, partition: index)]
    }

    /// Hands the complete batches of an answer to the owner; false when there is none.
    private mutating func deliver(
        _ slot: Int,
        _ answer: FetchResponse.PartitionData,
        _ marks: FetchWatermarks,
        frame: UInt64
    ) -> Bool {
        guard let entry = self.entry(slot), let data = answer.records else { return false }
        var records = data.joined()
        let bounds = RecordBounds(scanning: records)
        guard bounds.completeBytes > 0 || bounds.isDamaged else {
            // The first batch is larger than the limit: ask for all of it, ahead of the others.
            let size = min(bounds.truncatedSize ?? FetchSettings.answerLimit, Int(Int32.max))
            self.entries[slot]?.cursor.enlargedBytes = Int32(size)
            if let node = entry.node {
                self.brokers[node]?.session.favour(slot)
                self.brokers[node]?.largeBatches[slot] = Int32(size)
            }
            self.updateSession(slot)
            return false
        }
        if !bounds.isDamaged, let whole = records.readSlice(length: bounds.completeBytes) { records = whole }
        let next = max(entry.cursor.nextOffset, bounds.nextOffset ?? 0)
        let lease = FetchLease(
            frame: frame,
            slot: slot,
            identity: entry.identity,
            bytes: records.readableBytes
        )
        let delivered = FetchedRecords(
            slot: slot,
            partition: entry.cursor.partition,
            records: records,
            fetchOffset: entry.cursor.nextOffset,
            nextOffset: next,
            watermarks: marks,
            abortedTransactions: (answer.abortedTransactions ?? []).map {
                AbortedTransaction(producerID: $0.producerID, firstOffset: $0.firstOffset)
            },
            isDamaged: bounds.isDamaged,
            lease: lease
        )
        if entry.cursor.outstanding == 0 { self.holding += 1 }
        self.entries[slot]?.cursor.outstanding += lease.bytes
        self.entries[slot]?.cursor.advanced(to: next, epoch: bounds.lastEpoch)
        if entry.cursor.enlargedBytes != nil, let node = entry.node { self.brokers[node]?.largeBatches[slot] = nil }
        if bounds.isDamaged {
            self.leaveBroker(slot)
            self.entries[slot]?.cursor.phase = .suspended
        } else {
            self.updateSession(slot)
        }
        self.actions.append(.deliver(delivered))
        return true
    }

    private mutating func refused(_ slot: Int, _ answer: FetchResponse.PartitionData) {
        guard let entry = self.entry(slot) else { return }
        let code = answer.errorCode
        let kind = FetchErrorClass(code)
        if entry.cursor.readsFromFollower, kind == .outOfRange || kind == .leaderMoved || kind == .brokerBehind {
            // A follower may be behind the offset or no replica any more; the leader decides.
            self.entries[slot]?.cursor.dropPreference()
            self.joinBroker(slot)
            return
        }
        switch kind {
        case .leaderMoved, .brokerBehind:
            let node = answer.currentLeader.leaderID
            let epoch = answer.currentLeader.leaderEpoch
            if self.entries[slot]?.cursor.moved(to: node, epoch: epoch) == true {
                self.actions.append(.learned(entry.cursor.partition, node: node, epoch: epoch))
                self.report(.leaderChanged(slot: slot, node: node, epoch: epoch))
                self.joinBroker(slot)
            } else {
                self.fail(slot, .refused(code), blocked: false, reportFrom: 10)
            }
        case .outOfRange:
            self.leaveBroker(slot)
            self.entries[slot]?.cursor.phase = .suspended
            self.actions.append(
                .findBounds(slot: slot, generation: entry.generation, entry.cursor.partition)
            )
        case .topicChanged: self.fail(slot, .refused(code), blocked: false, reportFrom: 3)
        case .denied, .unexpected: self.fail(slot, .refused(code), blocked: true, reportFrom: 1)
        case .transient: self.fail(slot, .refused(code), blocked: false, reportFrom: 10)
        }
    }

    private mutating func diverged(_ slot: Int, _ answer: FetchResponse.PartitionData) {
        guard let entry = self.entry(slot) else { return }
        self.leaveBroker(slot)
        self.entries[slot]?.cursor.phase = .suspended
        self.report(
            .diverged(
                slot: slot,
                offset: entry.cursor.nextOffset,
                epoch: answer.divergingEpoch.epoch,
                endOffset: answer.divergingEpoch.endOffset
            )
        )
    }

    /// Slows down for a broker that does not wait when it has nothing.
    private mutating func pace(_ node: Int32, request: FetchBroker.Request, isEmpty: Bool) {
        guard isEmpty, (self.now - request.sentAt).nanoseconds < request.wait.nanoseconds / 2 else {
            self.brokers[node]?.quickAnswers = 0
            return
        }
        let count = (self.brokers[node]?.quickAnswers ?? 0) + 1
        self.brokers[node]?.quickAnswers = count
        let pause = min(TimeAmount.milliseconds(5 << Int64(min(count - 1, 10))), request.wait)
        self.brokers[node]?.idleUntil = self.now + pause
    }

    // MARK: Partitions and brokers

    private func entry(_ slot: Int) -> Entry? {
        self.entries.indices.contains(slot) ? self.entries[slot] : nil
    }

    private mutating func takeGeneration() -> UInt64 {
        self.nextGeneration += 1
        return self.nextGeneration
    }

    private mutating func report(_ event: FetchEvent) {
        self.actions.append(.report(event))
    }

    private mutating func ask(_ slot: Int, refresh: Bool) {
        guard let entry = self.entry(slot) else { return }
        self.questions.append(
            LeaderQuestion(
                slot: slot,
                generation: entry.generation,
                partition: entry.cursor.partition,
                refresh: refresh
            )
        )
    }

    /// Counts a failure and takes the partition out of its session for a pause.
    private mutating func fail(_ slot: Int, _ failure: FetchFailure, blocked: Bool, reportFrom: Int) {
        guard let entry = self.entry(slot) else { return }
        self.leaveBroker(slot)
        let attempts = entry.cursor.attempts + 1
        self.entries[slot]?.cursor.attempts = attempts
        let pause = self.settings.backoff(attempt: attempts, blocked: blocked, seed: slot)
        self.entries[slot]?.cursor.pause(until: self.now + pause)
        self.sleeping.insert(slot)
        if attempts >= reportFrom, !entry.isReportedFailing {
            self.entries[slot]?.isReportedFailing = true
            self.report(.failing(slot: slot, failure))
        }
    }

    private mutating func recover(_ slot: Int) {
        guard let entry = self.entry(slot), entry.cursor.attempts > 0 || entry.isReportedFailing else { return }
        self.entries[slot]?.cursor.attempts = 0
        self.entries[slot]?.isReportedFailing = false
        if entry.isReportedFailing { self.report(.recovered(slot: slot)) }
    }

    private mutating func leaveBroker(_ slot: Int) {
        guard let node = self.entry(slot)?.node else { return }
        self.entries[slot]?.node = nil
        self.brokers[node]?.leave(slot)
        self.updateLimit(node)
    }

    private mutating func joinBroker(_ slot: Int) {
        guard let entry = self.entry(slot) else { return }
        let node = entry.cursor.source(now: self.now)
        guard node >= 0 else {
            self.fail(slot, .noLeader("the partition has no leader"), blocked: false, reportFrom: 3)
            return
        }
        if entry.node != node {
            self.leaveBroker(slot)
            self.entries[slot]?.node = node
            if self.brokers[node] == nil {
                self.brokers[node] = FetchBroker()
                self.nodes = self.brokers.keys.sorted()
            }
            self.brokers[node]?.join(slot, entry.cursor)
            self.updateLimit(node)
        }
        if entry.cursor.readsFromFollower {
            self.brokers[node]?.followers.insert(slot)
        } else {
            self.brokers[node]?.followers.remove(slot)
        }
        self.updateSession(slot)
    }

    /// The share of an answer each partition of a broker may take.
    private mutating func updateLimit(_ node: Int32) {
        guard let members = self.brokers[node]?.members.count else { return }
        let limit: Int
        if let fixed = self.settings.maximumPartitionBytes {
            limit = fixed
        } else {
            // A power of two, so that it rarely changes: each change renews every partition of the session.
            let fair = self.settings.maximumBytes / max(1, members)
            limit = max(1 << 20, fair <= 0 ? 1 : 1 << (Int.bitWidth - 1 - fair.leadingZeroBitCount))
        }
        let capped = Int32(min(limit, FetchSettings.answerLimit))
        guard capped != self.brokers[node]?.partitionLimit else { return }
        self.brokers[node]?.partitionLimit = capped
        for slot in self.brokers[node]?.members ?? [] { self.updateSession(slot) }
    }

    /// Brings a partition's place in its broker's session in line with its cursor.
    private mutating func updateSession(_ slot: Int) {
        // Scalars only: a copy of the broker held across a change would make that change copy its whole session.
        guard let entry = self.entry(slot), let node = entry.node, let link = self.brokers[node]?.link,
            let limit = self.brokers[node]?.partitionLimit
        else { return }
        let cursor = entry.cursor
        let share = self.budget.capacity / (2 * max(1, self.holding))
        guard cursor.phase == .fetching, !cursor.isPaused, cursor.outstanding == 0 || cursor.outstanding < share else {
            self.brokers[node]?.session.forget(slot)
            if !cursor.isPaused { self.brokers[node]?.starved.insert(slot) }
            return
        }
        var version: Int16 = 0
        if case .ready(let negotiated) = link { version = negotiated }
        if self.brokers[node]?.starved.remove(slot) != nil { self.brokers[node]?.idleUntil = .distantPast }
        self.brokers[node]?.session.want(
            slot,
            FetchSessionState.Partition(
                topic: cursor.partition.topic,
                topicID: cursor.topicID,
                index: cursor.partition.partition,
                fetchOffset: cursor.nextOffset,
                leaderEpoch: cursor.leaderEpoch,
                lastFetchedEpoch: version >= 12 ? cursor.lastFetchedEpoch : -1,
                maxBytes: max(cursor.enlargedBytes ?? 0, limit)
            )
        )
    }

    /// Sends whatever can be sent now.
    private mutating func pump() {
        for node in self.nodes { self.pump(node) }
    }

    private mutating func pump(_ node: Int32) {
        guard let link = self.brokers[node]?.link, self.brokers[node]?.members.isEmpty == false else { return }
        switch link {
        case .idle:
            self.brokers[node]?.link = .connecting
            self.actions.append(.connect(node: node))
        case .connecting, .waiting:
            break
        case .ready(let version):
            guard self.brokers[node]?.canSend(now: self.now) == true else { return }
            self.send(node, version: version)
        }
    }

    private mutating func send(_ node: Int32, version: Int16) {
        // Brokers share the budget: each leaves enough for one answer of every other that has none out.
        let waiting = self.brokers.values.count { $0.inFlight == nil && $0.session.wantedCount > 0 }
        let wish = min(self.settings.maximumBytes, max(self.budget.available / max(1, waiting), 64 << 10))
        guard let reserved = self.budget.reserve(upTo: wish, least: min(wish, 64 << 10)) else { return }
        let useIDs = version >= 13 && self.brokers[node]?.lacksTopicID == false
        // Others wait for room at their owner: do not let this poll hold them up when the room comes.
        let isStarving = self.brokers[node]?.starved.isEmpty == false
        let wait = isStarving ? min(self.settings.maximumWait, .milliseconds(10)) : self.settings.maximumWait
        guard let plan = self.brokers[node]?.session.nextRequest(topicIDs: useIDs) else {
            self.budget.release(reserved)
            return
        }
        var request = FetchRequest()
        request.maxWaitMs = Int32(clamping: wait.nanoseconds / 1_000_000)
        request.minBytes = self.settings.minimumBytes
        request.maxBytes = max(Int32(clamping: reserved), self.brokers[node]?.largestBatch ?? 0)
        request.isolationLevel = self.settings.isolation.rawValue
        request.sessionID = plan.sessionID
        request.sessionEpoch = plan.sessionEpoch
        request.topics = plan.topics
        request.forgottenTopicsData = plan.forgotten
        request.rackID = KafkaString(self.settings.rack)
        self.brokers[node]?.inFlight = FetchBroker.Request(sentAt: self.now, reserved: reserved, wait: wait)
        self.actions.append(.send(node: node, request, version: useIDs ? version : min(version, 12)))
    }
}
