package import KafkaProtocol

/// Decides which offset syncs are written and when, as MirrorMaker 2 does (4.5 of its rules), with a bound on those
/// that are not acknowledged yet.
///
/// Per partition at most one sync is in flight, so that they arrive in order, and at most two wait: the end of the
/// run before a change of the difference, and the newest one.
package struct OffsetSyncEmitter: Sendable {
    private struct State {
        var previousUpstream: Int64 = -1
        var previousDownstream: Int64 = -1
        var lastSyncDownstream: Int64 = -1
        var pending: [OffsetSync] = []
        var delayed: OffsetSync?
        var inFlight: OffsetSync?
        var lastUrgent: Int64?
        /// Whether it is among those that wait.
        var isWaiting = false
    }

    private let offsetLagMax: Int64
    private let maximumInFlight: Int
    private let minimumInterval: Int64
    private let publishesChanges: Bool
    private var states: [TopicPartition: State] = [:]
    private var waiting: [TopicPartition] = []
    package private(set) var inFlightCount = 0
    /// Syncs that a newer one replaced before they were sent.
    package private(set) var replacedCount = 0

    /// - Parameters:
    ///   - offsetLagMax: how far the target's offsets go on without a sync.
    ///   - maximumInFlight: how many syncs may be unacknowledged.
    ///   - minimumInterval: the least time between two syncs of a partition that are not its first, in the unit
    ///     of `now`; what comes sooner waits for the next flush. 0 is as MirrorMaker 2.
    ///   - publishesChanges: whether every change of the difference is due, with the last position before it;
    ///     MirrorMaker 2 does not look at target offsets that jump ahead.
    package init(
        offsetLagMax: Int64,
        maximumInFlight: Int = 10,
        minimumInterval: Int64 = 0,
        publishesChanges: Bool = true
    ) {
        self.offsetLagMax = max(offsetLagMax, 0)
        self.maximumInFlight = max(maximumInFlight, 1)
        self.minimumInterval = minimumInterval
        self.publishesChanges = publishesChanges
    }

    /// Notes that records at consecutive offsets were acknowledged by the target.
    /// - Returns: whether a sync is due.
    @discardableResult
    package mutating func acknowledged(
        _ partition: TopicPartition,
        source: Int64,
        target: Int64,
        count: Int64 = 1,
        now: Int64 = 0
    ) -> Bool {
        guard count > 0 else { return false }
        var state = states[partition] ?? State()
        let isFirst = state.previousUpstream < 0
        let isChange =
            publishesChanges && !isFirst
            && (source - state.previousUpstream != 1 || target - state.previousDownstream != 1)
        let isDueAtStart =
            isFirst || target - (state.lastSyncDownstream + 1) >= offsetLagMax
            || source - state.previousUpstream != 1 || target < state.previousDownstream
        let last = OffsetSync(
            partition: partition,
            upstreamOffset: source + count - 1,
            downstreamOffset: target + count - 1
        )
        var due: [OffsetSync] = []
        if isDueAtStart || isChange {
            // The end of the run that the change ends makes the whole run exact for whoever reads the syncs.
            if isChange, let delayed = state.delayed { due.append(delayed) }
            due.append(OffsetSync(partition: partition, upstreamOffset: source, downstreamOffset: target))
            state.lastSyncDownstream = target
        }
        // Within the run only the lag makes a sync due; the newest one stands for all.
        let rest = last.downstreamOffset - (state.lastSyncDownstream + 1)
        if last.downstreamOffset > target, rest >= offsetLagMax {
            let dueAt =
                offsetLagMax == 0
                ? last.downstreamOffset
                : state.lastSyncDownstream + (rest - offsetLagMax) / (offsetLagMax + 1) * (offsetLagMax + 1)
                    + offsetLagMax + 1
            due.append(
                OffsetSync(partition: partition, upstreamOffset: source + (dueAt - target), downstreamOffset: dueAt)
            )
            state.lastSyncDownstream = dueAt
        }
        state.previousUpstream = last.upstreamOffset
        state.previousDownstream = last.downstreamOffset
        let isTooSoon = state.lastUrgent.map { now - $0 < minimumInterval } ?? false
        if !due.isEmpty, !isTooSoon {
            state.lastUrgent = now
            replacedCount += state.pending.count
            if let newest = state.pending.last, due.count == 1, isChange { due.insert(newest, at: 0) }
            state.pending = Array(due.suffix(2))
            state.delayed = due.last == last ? nil : last
            enqueue(&state, partition)
        } else {
            state.delayed = last
        }
        states[partition] = state
        return !due.isEmpty
    }

    /// Notes the end of a partition's map, which may have grown by any number of records since it was noted last.
    ///
    /// - Parameter began: the source offset from which on records were written since the start; syncs of earlier ones
    ///   would take those who read them back.
    package mutating func observed(
        _ partition: TopicPartition,
        _ latest: OffsetMap.Latest,
        began: Int64,
        now: Int64 = 0
    ) {
        let run = latest.run
        let end = run.source + run.count
        let state = states[partition]
        let previous = (source: state?.previousUpstream ?? -1, target: state?.previousDownstream ?? -1)
        var from = max(run.source, state == nil ? began : 0)
        if state != nil, previous.source >= run.source, previous.source < end,
            previous.source - run.source == previous.target - run.target
        {
            from = previous.source + 1
        } else if let before = latest.previous, before.source > previous.source, before.source >= began {
            acknowledged(partition, source: before.source, target: before.target, now: now)
        }
        guard from < end else { return }
        acknowledged(
            partition,
            source: from,
            target: run.target + (from - run.source),
            count: end - from,
            now: now
        )
    }

    /// Makes the last position of every partition due; called once per flush interval.
    package mutating func flush() {
        for (partition, var state) in states {
            guard let delayed = state.delayed else { continue }
            state.delayed = nil
            if state.pending.count > 1 {
                state.pending.removeFirst()
                replacedCount += 1
            }
            state.pending.append(delayed)
            state.lastSyncDownstream = delayed.downstreamOffset
            enqueue(&state, partition)
            states[partition] = state
        }
    }

    /// Takes the syncs that may be sent now.
    package mutating func takeReady() -> [OffsetSync] {
        var ready: [OffsetSync] = []
        var blocked: [TopicPartition] = []
        var index = 0
        while index < waiting.count, inFlightCount < maximumInFlight {
            let partition = waiting[index]
            index += 1
            guard var state = states[partition] else { continue }
            guard !state.pending.isEmpty else {
                states[partition]?.isWaiting = false
                continue
            }
            guard state.inFlight == nil else {
                blocked.append(partition)
                continue
            }
            let sync = state.pending.removeFirst()
            state.inFlight = sync
            inFlightCount += 1
            ready.append(sync)
            state.isWaiting = !state.pending.isEmpty
            if state.isWaiting { blocked.append(partition) }
            states[partition] = state
        }
        waiting = blocked + waiting[index...]
        return ready
    }

    /// Notes that a sync was acknowledged, or failed: it is then sent again unless a newer one waits.
    package mutating func finished(_ sync: OffsetSync, isWritten: Bool) {
        guard var state = states[sync.partition], state.inFlight == sync else { return }
        state.inFlight = nil
        inFlightCount -= 1
        if !isWritten, state.pending.isEmpty {
            state.pending = [sync]
            enqueue(&state, sync.partition)
        }
        states[sync.partition] = state
    }

    /// Forgets a partition that is no longer mirrored here.
    package mutating func remove(_ partition: TopicPartition) {
        if let state = states.removeValue(forKey: partition), state.inFlight != nil { inFlightCount -= 1 }
        waiting.removeAll { $0 == partition }
    }

    private mutating func enqueue(_ state: inout State, _ partition: TopicPartition) {
        guard !state.isWaiting else { return }
        state.isWaiting = true
        waiting.append(partition)
    }
}
