package import KafkaProtocol

/// A topic with its partitions and the configs set on it.
package final class Topic {
    package let name: TopicName
    package let id: KafkaUUID
    package internal(set) var partitions: [Partition]
    /// Overrides by config name; everything else comes from the broker or its default.
    package internal(set) var configs: [String: String]
    var cachedRules: LogRules?

    init(name: TopicName, id: KafkaUUID, partitions: [Partition], configs: [String: String]) {
        self.name = name
        self.id = id
        self.partitions = partitions
        self.configs = configs
    }

    package var isInternal: Bool { self.name == "__consumer_offsets" || self.name == "__transaction_state" }

    package func partition(_ index: Int32) -> Partition? {
        index >= 0 && Int(index) < self.partitions.count ? self.partitions[Int(index)] : nil
    }
}
