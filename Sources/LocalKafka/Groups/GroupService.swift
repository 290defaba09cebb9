import KafkaProtocol
import NIOCore

/// The groups of a cluster: runs the group coordinator with the cluster's clock, timers and waiting replies.
///
/// Every broker coordinates the groups whose partition of `__consumer_offsets` it leads; their state is kept in one
/// place here, so moving that leadership moves the coordinator as a broker would after loading the partition.
package final class GroupService {
    private var coordinator: GroupCoordinator
    private var joins: [RequestTicket: (JoinGroupResponse) -> Void] = [:]
    private var syncs: [RequestTicket: (SyncGroupResponse) -> Void] = [:]
    private var lastTicket: UInt64 = 0
    private var timer: (deadline: Int64, task: Scheduled<Void>)?
    let offsetsPartitions: Int32

    init(configuration: LocalCluster.Configuration) {
        self.coordinator = GroupCoordinator(configuration: GroupConfiguration(configuration))
        self.offsetsPartitions =
            configuration.brokerConfigs["offsets.topic.num.partitions"].flatMap { Int32($0) } ?? 50
    }

    /// The groups as they are, for looking only.
    var state: GroupCoordinator { self.coordinator }

    /// Brings the groups up to date, lets `body` change them, then gives the answers that have become due.
    func perform<Result>(_ cluster: Cluster, _ body: (inout GroupCoordinator) -> Result) -> Result {
        self.coordinator.tick(now: cluster.now)
        let result = body(&self.coordinator)
        self.settle(cluster)
        return result
    }

    func join(_ request: JoinGroupRequest, _ context: RequestContext, _ reply: @escaping (JoinGroupResponse) -> Void) {
        let member = self.member(context, instance: request.groupInstanceID)
        self.joins[member.ticket] = reply
        self.perform(context.cluster) { $0.join(request, member) }
    }

    func sync(_ request: SyncGroupRequest, _ context: RequestContext, _ reply: @escaping (SyncGroupResponse) -> Void) {
        let ticket = self.ticket()
        self.syncs[ticket] = reply
        self.perform(context.cluster) { $0.sync(request, ticket: ticket, now: context.now) }
    }

    func heartbeat(
        _ request: ConsumerGroupHeartbeatRequest,
        _ context: RequestContext
    ) -> ConsumerGroupHeartbeatResponse {
        let member = self.member(context, instance: nil)
        let visible = context.cluster.topics.values.filter {
            !$0.isInternal && context.allows(.describe, .topic, $0.name)
        }
        let catalog = visible.map { ($0.name, TopicShape(id: $0.id, partitions: Int32($0.partitions.count))) }
        return self.perform(context.cluster) { coordinator in
            coordinator.catalog = Dictionary(catalog) { $1 }
            return coordinator.heartbeat(request, member)
        }
    }

    private func member(_ context: RequestContext, instance: KafkaString?) -> MemberContext {
        let prefix = instance?.string ?? context.clientID ?? ""
        return MemberContext(
            clientID: KafkaString(context.clientID ?? ""),
            clientHost: KafkaString("/" + context.host),
            newMemberID: KafkaString(prefix.isEmpty ? Self.randomID() : "\(prefix)-\(Self.randomID())"),
            version: context.version,
            ticket: self.ticket(),
            now: context.now
        )
    }

    private func ticket() -> RequestTicket {
        self.lastTicket += 1
        return RequestTicket(number: self.lastTicket)
    }

    /// A random UUID in the form that Java prints.
    private static func randomID() -> String {
        let id = KafkaUUID.random()
        let digits = [id.high, id.low].map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
        var groups: [Substring] = []
        var rest = Substring(digits)
        for length in [8, 4, 4, 4, 12] {
            groups.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return groups.joined(separator: "-")
    }

    // MARK: - Events from the cluster

    /// A topic is gone, and with it what groups have stored for it.
    func topicDeleted(_ name: TopicName, _ cluster: Cluster) {
        self.perform(cluster) { $0.topicDeleted(name) }
    }

    /// Another broker leads a partition of `__consumer_offsets`: whoever waits at the old one has to look for it.
    func coordinatorMoved(partition: Int32, _ cluster: Cluster) {
        let count = self.offsetsPartitions
        self.perform(cluster) { coordinator in
            for id in Array(coordinator.groups.keys)
            where CoordinatorPlacement.partition(for: id, count: count) == partition {
                coordinator.interrupt(id, with: .notCoordinator)
            }
        }
    }

    // MARK: - Waiting

    private func settle(_ cluster: Cluster) {
        for reply in self.coordinator.takeReplies() {
            switch reply {
            case .join(let ticket, let response): self.joins.removeValue(forKey: ticket)?(response)
            case .sync(let ticket, let response): self.syncs.removeValue(forKey: ticket)?(response)
            }
        }
        self.arm(cluster)
    }

    private func arm(_ cluster: Cluster) {
        let deadline = self.coordinator.nextDeadline
        if let timer = self.timer {
            guard timer.deadline != deadline else { return }
            timer.task.cancel()
            self.timer = nil
        }
        guard let deadline else { return }
        let delay = TimeAmount.milliseconds(max(1, deadline - cluster.now))
        let task = cluster.schedule(after: delay) { [weak self, weak cluster] in
            guard let self, let cluster else { return }
            self.timer = nil
            self.perform(cluster) { _ in }
        }
        self.timer = (deadline, task)
    }
}

extension GroupConfiguration {
    /// The broker's settings, where they are given.
    init(_ configuration: LocalCluster.Configuration) {
        self.init()
        func setting<Value: FixedWidthInteger>(_ name: String, _ value: inout Value) {
            if let text = configuration.brokerConfigs[name], let number = Value(text) { value = number }
        }
        self.initialRebalanceDelay = Int64(configuration.groupInitialRebalanceDelayMs)
        setting("group.initial.rebalance.delay.ms", &self.initialRebalanceDelay)
        setting("group.min.session.timeout.ms", &self.minSessionTimeout)
        setting("group.max.session.timeout.ms", &self.maxSessionTimeout)
        setting("group.max.size", &self.maxSize)
        setting("offset.metadata.max.bytes", &self.maxOffsetMetadataBytes)
        setting("group.consumer.session.timeout.ms", &self.consumerSessionTimeout)
        setting("group.consumer.heartbeat.interval.ms", &self.consumerHeartbeatInterval)
    }
}
