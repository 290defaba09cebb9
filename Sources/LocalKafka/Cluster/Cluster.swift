import Foundation
import KafkaCompression
package import KafkaProtocol
package import KafkaRecords
package import NIOCore

/// All state of a cluster.
///
/// Overview: a `Cluster` belongs to one event loop, on which every connection, handler and timer of the
/// cluster runs. Nothing in it is locked and nothing in it may leave the loop; other threads go through
/// ``LocalCluster``. Handlers change the state directly and synchronously; what must wait (a long poll,
/// a group rebalance) keeps its ``Reply`` and is resumed by whoever changes the state, or by a timer made
/// with ``schedule(after:_:)``.
package final class Cluster {
    package let configuration: LocalCluster.Configuration
    package let eventLoop: any EventLoop
    /// Milliseconds since 1970.
    package var now: Int64 { self.clock() }
    package let clock: () -> Int64

    // Brokers and topics
    package internal(set) var brokers: [Broker]
    package internal(set) var controllerID: Int32
    package internal(set) var topics: [TopicName: Topic] = [:]
    package internal(set) var topicNames: [KafkaUUID: TopicName] = [:]
    /// Dynamic configs that hold for every broker.
    package var defaultBrokerConfigs: [String: String] = [:]

    // Services
    package let groups: GroupService
    package let transactions: TransactionService
    package let access: AccessService
    package let quotas = QuotaService()
    package var credentials: CredentialStore
    package var faults = FaultPlan()
    package var counters = RequestCounters()

    /// For looking into compressed batches.
    package let codecs: any RecordCodecs = StandardCodecs()
    let handlers: HandlerTable
    var connections: [Int: ClientConnection] = [:]
    var nextConnectionID = 0
    var nextPlacement = 0
    private var nextProducerID: Int64 = 1000

    init(
        configuration: LocalCluster.Configuration,
        eventLoop: any EventLoop,
        clock: @escaping () -> Int64 = Cluster.wallClock
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.clock = clock
        self.brokers = (0..<max(1, configuration.brokers)).map { index in
            Broker(
                id: configuration.firstBrokerID + Int32(index),
                rack: index < configuration.racks.count ? configuration.racks[index] : nil
            )
        }
        self.controllerID = configuration.firstBrokerID
        self.groups = GroupService(configuration: configuration)
        self.transactions = TransactionService(configuration: configuration)
        self.access = AccessService(configuration: configuration)
        self.credentials = CredentialStore(configuration: configuration)
        self.handlers = HandlerTable(configuration: configuration)
    }

    /// `nil` when access control is off.
    package var authorizer: (any Authorizer)? {
        self.configuration.authorization ? self.access : nil
    }

    /// Whether Metadata may create topics.
    package var createsTopics: Bool {
        self.configuration.autoCreateTopics
            && self.configuration.brokerConfigs["auto.create.topics.enable"] != "false"
    }

    /// Whether consumers are sent to the replica in their rack.
    package var servesFromFollowers: Bool {
        self.configuration.brokerConfigs["replica.selector.class"]?.hasSuffix("RackAwareReplicaSelector") == true
    }

    package func broker(_ id: Int32) -> Broker? {
        self.brokers.first { $0.id == id }
    }

    package var liveBrokers: [Broker] {
        self.brokers.filter(\.isUp)
    }

    package func topic(_ id: KafkaUUID) -> Topic? {
        self.topicNames[id].flatMap { self.topics[$0] }
    }

    package func partition(_ topicPartition: TopicPartition) -> Partition? {
        self.topics[topicPartition.topic]?.partition(topicPartition.partition)
    }

    /// A producer id that no producer has had.
    package func allocateProducerID() -> Int64 {
        defer { self.nextProducerID += 1 }
        return self.nextProducerID
    }

    /// Runs `body` on the cluster's loop after `delay`, unless cancelled.
    @discardableResult
    package func schedule(after delay: TimeAmount, _ body: @escaping () -> Void) -> Scheduled<Void> {
        self.eventLoop.assumeIsolated().scheduleTask(in: delay, body)
    }

    /// Runs `body` on the cluster's loop after everything that runs now.
    package func execute(_ body: @escaping () -> Void) {
        self.eventLoop.assumeIsolated().execute(body)
    }

    package static func wallClock() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
