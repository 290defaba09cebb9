public import KafkaProtocol

/// What differs between two successive snapshots of `ClusterMetadata`.
public struct MetadataChange: Sendable, Equatable {
    /// Topics that became usable.
    public var addedTopics: Set<TopicName> = []
    /// Topics that are gone.
    public var removedTopics: Set<TopicName> = []
    /// Topics whose id changed: deleted and created again under the same name.
    public var recreatedTopics: Set<TopicName> = []
    /// Partitions that a topic gained, new topics included.
    public var addedPartitions: Set<TopicPartition> = []
    /// Partitions with another leader, or with the same leader in a new epoch.
    public var movedLeaders: Set<TopicPartition> = []
    /// Brokers that are new or are reached at another address.
    public var changedBrokers: Set<Int32> = []
    /// Brokers that left.
    public var removedBrokers: Set<Int32> = []
    public var controllerChanged = false
    /// Another cluster answers under the same addresses.
    public var clusterIDChanged = false

    public init() {}

    /// Whether nothing changed.
    public var isEmpty: Bool { self == MetadataChange() }

    mutating func formUnion(_ other: MetadataChange) {
        addedTopics.formUnion(other.addedTopics)
        removedTopics.formUnion(other.removedTopics)
        recreatedTopics.formUnion(other.recreatedTopics)
        addedPartitions.formUnion(other.addedPartitions)
        movedLeaders.formUnion(other.movedLeaders)
        changedBrokers.formUnion(other.changedBrokers)
        removedBrokers.formUnion(other.removedBrokers)
        controllerChanged = controllerChanged || other.controllerChanged
        clusterIDChanged = clusterIDChanged || other.clusterIDChanged
    }
}
