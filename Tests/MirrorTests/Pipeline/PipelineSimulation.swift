import KafkaClient
import KafkaCompression
import KafkaProtocol
import KafkaRecords
import NIOCore

@testable import Mirror

/// Runs fetcher, flows and producer against two model clusters in virtual time: every answer may be late, wrong or lost.
final class PipelineSimulation {
    struct Faults {
        /// Per cent of requests whose connection breaks, before or after the broker has acted.
        var disconnect = 0
        /// Per cent of batches that are answered with an error, written or not.
        var uncertain = 0
        /// Per cent of requests that bring a leader move along.
        var move = 0
        /// Per cent of fetches that find their session gone.
        var session = 0
    }

    private enum Event {
        case fetcher((inout FetcherMachine, NIODeadline) -> Void)
        case producer((inout ProducerMachine, NIODeadline) -> Void)
        case flow(Int, (inout PartitionFlow, NIODeadline) -> Void)
        case run((PipelineSimulation) -> Void)
    }

    /// A connection; requests on it are answered in order.
    private struct Link {
        var isOpen = true
        var lastArrival = NIODeadline.uptimeNanoseconds(0)
        var lastAnswer = NIODeadline.uptimeNanoseconds(0)
    }

    var source: ModelCluster
    var target: ModelCluster
    var random: SplitMix
    var faults: Faults
    private(set) var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private(set) var fetcher: FetcherMachine
    private(set) var producer: ProducerMachine
    private(set) var flows: [PartitionFlow] = []
    private(set) var events: [PartitionEvent] = []
    /// Requests built, for what they looked like.
    private(set) var produceRequests = 0
    private(set) var largestRequest = 0
    private(set) var mostUnacknowledged = 0
    private var agenda: [(at: NIODeadline, order: Int, Event)] = []
    private var order = 0
    private var fetchLinks: [Int32: Link] = [:]
    private var produceLinks: [Int32: Link] = [:]
    private var aheadLinks: [Int32: Link] = [:]
    private var aheadConnections: [Int32: Int] = [:]
    private(set) var aheadRequests = 0
    private let codecs = StandardCodecs()
    /// Requests that came to nothing, by kind.
    private(set) var brokenConnections = 0

    init(
        partitions: [TopicPartition],
        seed: UInt64,
        faults: Faults = Faults(),
        fetch: FetchSettings = FetchSettings(),
        produce: ProduceSettings = ProduceSettings(),
        flow: PartitionFlow.Settings = PartitionFlow.Settings()
    ) {
        self.source = ModelCluster(nodes: [1, 2], partitions: partitions)
        self.target = ModelCluster(nodes: [11, 12, 13], partitions: partitions)
        self.random = SplitMix(state: seed)
        self.faults = faults
        self.fetcher = FetcherMachine(settings: fetch)
        self.producer = ProducerMachine(settings: produce)
        for partition in partitions {
            let assignment = PartitionAssignment(source: partition, target: partition, start: .offset(0))
            self.flows.append(PartitionFlow(assignment: assignment, settings: flow))
            // Slots are handed out in order, so they equal the flow's index on both sides.
            _ = self.fetcher.add(partition, topicID: .zero, start: .offset(0), now: self.now)
            _ = self.producer.add(partition, now: self.now)
        }
        self.settle()
    }

    /// Runs until the condition holds or virtual time is over.
    func run(for limit: TimeAmount, until isDone: (PipelineSimulation) -> Bool) -> Bool {
        let end = self.now + limit
        while !isDone(self) {
            let timers = [self.fetcher.nextWake, self.producer.nextWake] + self.flows.map(\.nextWake)
            let wake = timers.compactMap { $0 }.min()
            self.agenda.sort { ($0.at, $0.order) < ($1.at, $1.order) }
            if let next = self.agenda.first, wake.map({ next.at <= $0 }) ?? true {
                guard next.at <= end else { return false }
                self.now = max(self.now, next.at)
                self.agenda.removeFirst()
                switch next.2 {
                case .fetcher(let body): body(&self.fetcher, self.now)
                case .producer(let body): body(&self.producer, self.now)
                case .flow(let index, let body): body(&self.flows[index], self.now)
                case .run(let body): body(self)
                }
            } else if let wake {
                guard wake <= end else { return false }
                self.now = max(self.now, wake)
                self.fetcher.tick(now: self.now)
                self.producer.tick(now: self.now)
                for index in self.flows.indices { self.flows[index].tick(now: self.now) }
            } else {
                return false
            }
            self.settle()
        }
        return true
    }

    func at(_ delay: TimeAmount, _ body: @escaping (PipelineSimulation) -> Void) {
        self.later(delay, .run(body))
    }

    private func later(_ delay: TimeAmount, _ event: Event) {
        self.order += 1
        self.agenda.append((self.now + delay, self.order, event))
    }

    // MARK: Glue, as the shard has it

    private func settle() {
        while true {
            var isQuiet = true
            for index in self.flows.indices {
                self.flows[index].conclude(now: self.now)
                for action in self.flows[index].takeActions() {
                    isQuiet = false
                    self.perform(action, of: index)
                }
            }
            for action in self.fetcher.takeActions() {
                isQuiet = false
                self.perform(action)
            }
            self.producer.pump(now: self.now) { request in
                self.flows[request.slot].pull(request)
            }
            for action in self.producer.takeActions() {
                isQuiet = false
                self.perform(action)
            }
            if isQuiet { return }
        }
    }

    private func perform(_ action: PartitionFlow.Action, of index: Int) {
        switch action {
        case .ready(let bytes): self.producer.ready(index, bytes: bytes, now: self.now)
        case .release(let lease): self.fetcher.release(lease, now: self.now)
        case .seek(let start, let id, let epoch):
            self.fetcher.seek(index, to: start, topicID: id, lastFetchedEpoch: epoch, now: self.now)
        case .setFetching(let isOn): self.fetcher.setPaused(index, !isOn, now: self.now)
        case .rebuild(let ticket, let elements, let rebuilder):
            let result: Result<[AssembledBatch], RecordError>
            do throws(RecordError) {
                result = .success(try rebuilder.rebuild(elements, codecs: self.codecs))
            } catch {
                result = .failure(error)
            }
            self.later(.milliseconds(3), .flow(index) { flow, _ in flow.rebuilt(ticket: ticket, result) })
        case .resumeProducing(let stamp): self.producer.resume(index, continuing: stamp, now: self.now)
        case .queryTarget(let generation):
            let end = self.target.logs[self.flows[index].assignment.target]?.end ?? 0
            self.later(
                .milliseconds(2),
                .flow(index) { flow, now in flow.proven(generation: generation, logEnd: end, now: now) }
            )
        case .drained: break
        case .report(let event): self.events.append(event)
        }
    }

    private func perform(_ action: FetcherMachine.Action) {
        switch action {
        case .connect(let node):
            if self.random.chance(self.faults.disconnect) {
                self.later(.milliseconds(1), .fetcher { $0.disconnected(node, reason: "refused", now: $1) })
                return
            }
            self.fetchLinks[node] = Link()
            self.later(.milliseconds(1), .fetcher { $0.connected(node, version: 12, now: $1) })
        case .disconnect(let node): self.fetchLinks[node] = nil
        case .connectAhead(let node): self.connectAhead(node)
        case .sendAhead(let node, let request, _): self.fetchAhead(request, node)
        case .send(let node, let request, _): self.fetch(request, node)
        case .locate(let questions):
            for question in questions {
                let leader = self.source.leader(of: question.partition)
                self.later(
                    .milliseconds(2),
                    .fetcher { machine, now in
                        if let leader {
                            machine.located(question.slot, generation: question.generation, leader: leader, now: now)
                        } else {
                            machine.notLocated(
                                question.slot,
                                generation: question.generation,
                                reason: .noLeader("none"),
                                now: now
                            )
                        }
                    }
                )
            }
        case .resolve(let slot, let generation, let partition, let start):
            let end = self.source.logs[partition]?.end ?? 0
            self.later(
                .milliseconds(2),
                .fetcher {
                    $0.resolved(slot, generation: generation, offset: start == .latest ? end : 0, now: $1)
                }
            )
        case .findBounds(let slot, let generation, let partition):
            let end = self.source.logs[partition]?.end ?? 0
            self.later(
                .milliseconds(2),
                .fetcher { $0.foundBounds(slot, generation: generation, logStart: 0, logEnd: end, now: $1) }
            )
        case .learned: break
        case .deliver(let records): self.flows[records.slot].fetched(records)
        case .report(let event):
            self.flows[event.slot].source(event)
        }
    }

    private func connectAhead(_ node: Int32) {
        if self.random.chance(self.faults.disconnect) {
            self.later(.milliseconds(1), .fetcher { $0.aheadDisconnected(node, now: $1) })
            return
        }
        self.aheadConnections[node, default: 0] += 1
        self.aheadLinks[node] = Link(lastArrival: self.now, lastAnswer: self.now)
        self.later(.milliseconds(1), .fetcher { $0.aheadConnected(node, version: 12, now: $1) })
    }

    private func fetchAhead(_ request: FetchRequest, _ node: Int32) {
        self.aheadRequests += 1
        guard var link = self.aheadLinks[node], link.isOpen else { return }
        if self.random.chance(self.faults.move),
            let partition = self.source.logs.keys.sorted().randomElement(using: &self.random)
        {
            self.source.moveLeader(partition, to: self.source.nodes.randomElement(using: &self.random) ?? 1)
        }
        link.lastAnswer = max(link.lastAnswer, self.now) + .milliseconds(Int64.random(in: 1...8, using: &self.random))
        let delay = link.lastAnswer - self.now
        let connection = self.aheadConnections[node]
        if self.random.chance(self.faults.disconnect) {
            link.isOpen = false
            self.later(
                delay,
                .run { $0.fetcher.aheadDisconnected(node, now: $0.now) }
            )
        } else {
            let response = self.source.fetch(request, node: node)
            self.later(
                delay,
                .run { simulation in
                    guard simulation.aheadConnections[node] == connection else { return }
                    simulation.fetcher.aheadAnswered(node, response, now: simulation.now)
                }
            )
        }
        self.aheadLinks[node] = link
    }

    private func fetch(_ request: FetchRequest, _ node: Int32) {
        if self.random.chance(self.faults.session) { self.source.loseSessions() }
        if self.random.chance(self.faults.move),
            let partition = self.source.logs.keys.sorted().randomElement(using: &self.random)
        {
            self.source.moveLeader(partition, to: self.source.nodes.randomElement(using: &self.random) ?? 1)
        }
        let response = self.source.fetch(request, node: node)
        let isEmpty = response.responses.allSatisfy { $0.partitions.allSatisfy { ($0.records?.byteCount ?? 0) == 0 } }
        let delay =
            isEmpty
            ? TimeAmount.milliseconds(Int64(request.maxWaitMs))
            : .milliseconds(Int64.random(in: 1...8, using: &self.random))
        if self.random.chance(self.faults.disconnect) {
            self.later(delay, .fetcher { $0.disconnected(node, reason: "reset", now: $1) })
        } else {
            self.later(delay, .fetcher { $0.answered(node, response, now: $1) })
        }
    }

    private func perform(_ action: ProducerMachine.Action) {
        switch action {
        case .connect(let node):
            if self.random.chance(self.faults.disconnect) {
                self.later(.milliseconds(1), .producer { $0.disconnected(node, reason: "refused", now: $1) })
                return
            }
            self.produceLinks[node] = Link(lastArrival: self.now, lastAnswer: self.now)
            self.later(.milliseconds(1), .producer { $0.connected(node, version: 11, now: $1) })
        case .send(let node, let id, let request, _): self.produce(request, id, node)
        case .locate(let questions):
            for question in questions {
                guard let leader = self.target.leader(of: question.partition) else { continue }
                self.later(
                    .milliseconds(2),
                    .producer { $0.located(question.slot, identity: question.identity, leader: leader, now: $1) }
                )
            }
        case .initialize(let question):
            self.target.nextProducerID += 1
            let identity = ProducerIdentity(producerID: self.target.nextProducerID, epoch: 0)
            self.later(.milliseconds(2), .producer { $0.initialized(question, identity, now: $1) })
        case .learned: break
        case .report(let event):
            switch event {
            case .acknowledged(let slot, let token, let base, _):
                self.flows[slot].acknowledged(token: token, baseOffset: base)
            case .refused(let slot, let refusal): self.flows[slot].refused(refusal, now: self.now)
            case .failing(let slot, let failure): self.flows[slot].producer(failing: failure)
            case .recovered(let slot): self.flows[slot].producer(failing: nil)
            }
        }
    }

    private func produce(_ request: ProduceRequest, _ id: UInt64, _ node: Int32) {
        self.produceRequests += 1
        self.mostUnacknowledged = self.flows.indices.reduce(self.mostUnacknowledged) {
            max($0, self.producer.unacknowledged($1))
        }
        let bytes = request.topicData.reduce(0) {
            $0 + $1.partitionData.reduce(0) { $0 + ($1.records?.byteCount ?? 0) }
        }
        self.largestRequest = max(self.largestRequest, bytes)
        guard var link = self.produceLinks[node], link.isOpen else { return }
        link.lastArrival = max(link.lastArrival, self.now) + .milliseconds(Int64.random(in: 1...4, using: &self.random))
        let arrival = link.lastArrival - self.now
        if self.random.chance(self.faults.disconnect) {
            // The connection breaks: this request may or may not have been seen, and nothing after it is.
            link.isOpen = false
            self.brokenConnections += 1
            self.produceLinks[node] = link
            if self.random.chance(50) {
                self.later(arrival, .run { _ = $0.target.produce(request, node: node) { _ in nil } })
            }
            self.later(arrival + .milliseconds(5), .producer { $0.disconnected(node, reason: "reset", now: $1) })
            return
        }
        self.produceLinks[node] = link
        self.later(
            arrival,
            .run { simulation in
                guard simulation.produceLinks[node]?.isOpen == true else { return }
                if simulation.random.chance(simulation.faults.move),
                    let partition = simulation.target.logs.keys.sorted().randomElement(using: &simulation.random)
                {
                    let node = simulation.target.nodes.randomElement(using: &simulation.random) ?? 11
                    simulation.target.moveLeader(partition, to: node)
                }
                let chance = simulation.faults.uncertain
                var random = simulation.random
                let response = simulation.target.produce(request, node: node) { _ in
                    guard random.chance(chance) else { return nil }
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: return .written(.notEnoughReplicasAfterAppend)
                    case 1: return .written(.requestTimedOut)
                    default: return .notWritten(.notEnoughReplicas)
                    }
                }
                simulation.random = random
                simulation.later(.milliseconds(2), .producer { $0.answered(id, response, now: $1) })
            }
        )
    }
}
