/// One configuration entry of a topic as a broker describes it.
package struct TopicConfigEntry: Sendable, Equatable {
    package var name: String
    package var value: String?
    package var isReadOnly: Bool
    package var isSensitive: Bool
    /// Whether the value is nobody's choice but Kafka's default.
    package var isDefault: Bool
    /// Whether the value comes from the broker's own file.
    package var isStaticBrokerConfig: Bool

    package init(
        name: String,
        value: String?,
        isReadOnly: Bool = false,
        isSensitive: Bool = false,
        isDefault: Bool = false,
        isStaticBrokerConfig: Bool = false
    ) {
        self.name = name
        self.value = value
        self.isReadOnly = isReadOnly
        self.isSensitive = isSensitive
        self.isDefault = isDefault
        self.isStaticBrokerConfig = isStaticBrokerConfig
    }
}

extension ConfigPropertyFilter {
    /// What a topic is created with at the target, given how the source describes it.
    package func configsForCreation(_ entries: [TopicConfigEntry]) -> [(name: String, value: String)] {
        entries.compactMap { entry in
            guard let value = entry.value, !entry.isReadOnly, !entry.isSensitive, !entry.isStaticBrokerConfig,
                !entry.isDefault || copiesSourceDefaults, accepts(entry.name)
            else { return nil }
            return (entry.name, value)
        }
    }
}
