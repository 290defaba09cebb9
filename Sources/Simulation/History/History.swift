import KafkaCompression
import KafkaProtocol
import KafkaRecords
import Mirror
import MirrorModel
import NIOCore

/// One history: two model clusters, producers, the mirror and everything that goes wrong, on virtual time.
///
/// Every choice comes from the seed; nothing depends on clocks, threads or the order of a dictionary. Brokers, network
/// and processes are callbacks on one agenda.
final class History {
    /// A broker's health.
    struct Node {
        /// Nothing gets through to it or from it until then; what was sent arrives afterwards.
        var cutOffUntil = NIODeadline.distantPast
        /// It does not run; connections are refused.
        var downUntil = NIODeadline.distantPast
        var slowUntil = NIODeadline.distantPast
        var slowness = TimeAmount.zero
    }

    /// One partition, by the same index everywhere.
    struct Pair {
        var source: TopicPartition
        var target: TopicPartition
        var topic: Int
    }

    let seed: UInt64
    let plan: HistoryPlan
    let mutation: Mutation?
    let codecs: StandardCodecs
    let pairs: [Pair]
    var random: SimulationRandom
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    var log: EventLog
    var source: ModelCluster
    var target: ModelCluster
    var truth: [PartitionTruth]
    /// The progress topic at the target.
    var progress: [(partition: TopicPartition, value: [UInt8])] = []
    /// Which process has written each partition's last record.
    private var progressWriters: [TopicPartition: Int] = [:]
    /// The gap ledger at the target.
    var gaps: [[UInt8]: Gap] = [:]
    /// Offset maps that are too long for a progress record, at the target.
    var maps: [TopicPartition: [UInt8]] = [:]
    var nodes: [Int32: Node] = [:]
    var processes: [MirrorProcess] = []
    var rates: [Fault: Int]
    var isCalm = false
    /// When the last of what closed connections had sent arrives.
    var lastLateArrival = NIODeadline.distantPast
    var statistics = Statistics()
    var violations: [Violation] = []
    private var agenda = Agenda()
    private var nextProcess = 1
    private var steps = 0

    init(seed: UInt64, mutation: Mutation? = nil, isKept: Bool = false, codecs: StandardCodecs = StandardCodecs()) {
        self.seed = seed
        self.mutation = mutation
        self.codecs = codecs
        random = SimulationRandom(seed: seed)
        plan = HistoryPlan(random: &random)
        log = EventLog(isKept: isKept)
        rates = plan.rates
        source = ModelCluster(nodes: plan.sourceNodes)
        target = ModelCluster(nodes: plan.targetNodes)
        var pairs: [Pair] = []
        for (index, topic) in plan.topics.enumerated() {
            source.createTopic(topic.name, partitions: topic.partitions)
            for partition in 0..<Int32(topic.partitions) {
                pairs.append(
                    Pair(
                        source: TopicPartition(topic: topic.name, partition: partition),
                        target: TopicPartition(topic: topic.targetName, partition: partition),
                        topic: index
                    )
                )
            }
        }
        if plan.isExactlyOnce {
            target.createTopic(Self.progressTopic, partitions: plan.progressPartitions)
            target.verifiesTransactions = plan.verifiesTransactions
        }
        self.pairs = pairs
        truth = Array(repeating: PartitionTruth(), count: pairs.count)
        for node in plan.sourceNodes + plan.targetNodes { nodes[node] = Node() }
    }

    func index(ofSource partition: TopicPartition) -> Int? { pairs.firstIndex { $0.source == partition } }
    func index(ofTarget partition: TopicPartition) -> Int? { pairs.firstIndex { $0.target == partition } }

    /// Adds records to the progress topic.
    func keep(_ entries: ArraySlice<(partition: TopicPartition, value: [UInt8])>, of process: Int) {
        for entry in entries {
            if progressWriters[entry.partition, default: 0] > process, let index = index(ofSource: entry.partition) {
                truth[index].hadStaleProgress = true
            }
            progressWriters[entry.partition] = process
        }
        progress += entries
    }

    // MARK: Time

    func at(_ time: NIODeadline, _ body: @escaping () -> Void) {
        agenda.add(at: max(time, now), body)
    }

    func later(_ delay: TimeAmount, _ body: @escaping () -> Void) {
        agenda.add(at: now + delay, body)
    }

    func milliseconds(_ range: ClosedRange<Int>) -> TimeAmount { .milliseconds(Int64(random.int(range))) }

    /// Whether a fault of this kind happens now.
    func strikes(_ fault: Fault) -> Bool {
        guard let rate = rates[fault], random.chance(rate) else { return false }
        count(fault)
        return true
    }

    func count(_ fault: Fault) {
        statistics.faults[fault, default: 0] += 1
    }

    /// Lets go of what was still to come, which holds the history itself.
    func forget() {
        agenda = Agenda()
    }

    // MARK: The run

    private static let stepLimit = 3_000_000

    func run() {
        scheduleProducers()
        for timed in plan.timed { later(timed.at) { self.strike(timed.fault) } }
        startProcess()
        let calmAt = now + plan.storm
        advance(until: calmAt) { false }
        calm()
        // What is still under way comes first, and whatever it does has to be noticed.
        let settled = max(now, lastLateArrival) + .seconds(6)
        let limit = now + .minutes(6)
        var throughSince: NIODeadline?
        advance(until: limit) {
            // A log that took another course is noticed with the next answer.
            guard self.isThrough else {
                throughSince = nil
                return false
            }
            throughSince = throughSince ?? self.now
            return self.now >= settled && self.now >= (throughSince ?? self.now) + .seconds(2)
        }
        if !isThrough { reportStuck() }
        check()
        statistics.virtualNanoseconds = Int64(now.uptimeNanoseconds) - 1_000_000_000
        statistics.steps = steps
    }

    private func advance(until end: NIODeadline, _ isDone: () -> Bool) {
        while !isDone() {
            guard let next = agenda.next, next <= end, steps < Self.stepLimit else { break }
            guard let entry = agenda.pop() else { break }
            now = max(now, entry.at)
            steps += 1
            entry.body()
        }
        now = max(now, min(end, isDone() ? now : end))
    }

    /// Faults are over: links and brokers are well, the damage on disks is repaired, transactions end.
    private func calm() {
        isCalm = true
        rates = [:]
        log.add(now, "calm")
        for node in nodes.keys { nodes[node] = Node() }
        for process in processes { process.pausedUntil = now }
        repairBatches()
        while processes.count(where: \.isAlive) > 1 {
            processes.first { $0.isAlive }?.die()
        }
        if !processes.contains(where: { $0.isAlive }) { startProcess() }
        later(.milliseconds(400)) { self.endTransactions() }
        later(.milliseconds(800)) { self.writeEverywhere() }
        later(.seconds(4)) { self.writeEverywhere() }
    }

    /// Everything is mirrored.
    private var isThrough: Bool {
        // An answer that never comes is noticed when its time is over.
        guard let process = processes.last(where: { $0.isAlive }),
            process.fetchLinks.values.allSatisfy({ !$0.isBroken })
        else { return false }
        return pairs.allSatisfy { pair in
            // Consumers see what is committed once its marker is there.
            guard let log = source[pair.source], target[pair.target]?.open.isEmpty ?? true,
                let cell = process.cell(of: pair.source),
                let position = cell.flow.position
            else { return false }
            return position.sourceOffset == log.end - 1 && cell.flow.status.pendingBatches == 0
                && cell.sourceTopicID == source.topicID(of: pair.source.topic)
        }
    }

    private func reportStuck() {
        let process = processes.last { $0.isAlive }
        for pair in pairs {
            let cell = process?.cell(of: pair.source)
            let end = source[pair.source]?.end ?? -1
            if cell?.flow.position?.sourceOffset == end - 1 { continue }
            violations.append(
                Violation(
                    kind: .stuck,
                    text: "\(pair.source) is at \(cell?.flow.position?.sourceOffset ?? -2) of \(end - 1): "
                        + "\(cell.map { "\($0.flow.state)" } ?? "not mirrored")"
                )
            )
        }
        if violations.isEmpty { violations.append(Violation(kind: .stuck, text: "no process mirrors")) }
    }

    // MARK: Processes

    @discardableResult
    func startProcess() -> MirrorProcess {
        let process = MirrorProcess(history: self, number: nextProcess)
        nextProcess += 1
        statistics.incarnations += 1
        processes.removeAll { !$0.isAlive }
        processes.append(process)
        log.add(now, "process starts", Int64(process.number))
        process.start()
        return process
    }

    /// The process is gone; another one takes its place.
    func restart(after pause: TimeAmount) {
        later(pause) {
            guard !self.processes.contains(where: { $0.isAlive }) else { return }
            self.startProcess()
        }
    }
}
