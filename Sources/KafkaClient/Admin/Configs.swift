public import KafkaProtocol

/// Something that has configurations.
public struct ConfigResource: Sendable, Hashable {
    public struct Kind: RawRepresentable, Sendable, Hashable {
        public var rawValue: Int8
        public init(rawValue: Int8) { self.rawValue = rawValue }

        public static let topic = Kind(rawValue: 2)
        public static let broker = Kind(rawValue: 4)
        public static let brokerLogger = Kind(rawValue: 8)
        public static let clientMetrics = Kind(rawValue: 16)
        public static let group = Kind(rawValue: 32)
    }

    public var kind: Kind
    /// A topic's name or a broker's id; the empty name of a broker means the defaults of all.
    public var name: KafkaString

    public init(_ kind: Kind, _ name: KafkaString) {
        self.kind = kind
        self.name = name
    }

    public static func topic(_ name: TopicName) -> ConfigResource { ConfigResource(.topic, name) }

    public static func broker(_ nodeID: Int32) -> ConfigResource { ConfigResource(.broker, "\(nodeID)") }

    /// A broker's own settings are known to that broker only.
    var node: Int32? {
        kind == .broker || kind == .brokerLogger ? Int32(name.string) : nil
    }
}

/// One configuration and where its value comes from.
public struct ConfigEntry: Sendable, Hashable {
    /// Where a value was set; the numbers are Kafka's.
    public struct Source: RawRepresentable, Sendable, Hashable {
        public var rawValue: Int8
        public init(rawValue: Int8) { self.rawValue = rawValue }

        public static let unknown = Source(rawValue: 0)
        public static let topic = Source(rawValue: 1)
        public static let dynamicBroker = Source(rawValue: 2)
        public static let dynamicDefaultBroker = Source(rawValue: 3)
        public static let staticBroker = Source(rawValue: 4)
        public static let defaultValue = Source(rawValue: 5)
    }

    public struct Synonym: Sendable, Hashable {
        public var name: KafkaString
        public var value: KafkaString?
        public var source: Source
    }

    public var name: KafkaString
    /// Nil for a sensitive value.
    public var value: KafkaString?
    public var source: Source
    public var isReadOnly: Bool
    public var isSensitive: Bool
    public var synonyms: [Synonym]

    /// Whether nobody set the value.
    public var isDefault: Bool { source == .defaultValue }
}

/// A change of one configuration.
public struct ConfigChange: Sendable, Hashable {
    public enum Operation: Int8, Sendable, Hashable {
        case set = 0
        /// Back to the default.
        case delete = 1
        /// Adds to a list.
        case append = 2
        /// Takes away from a list.
        case subtract = 3
    }

    public var name: KafkaString
    public var operation: Operation
    public var value: KafkaString?

    public init(_ operation: Operation, _ name: KafkaString, _ value: KafkaString? = nil) {
        self.name = name
        self.operation = operation
        self.value = value
    }
}

extension KafkaClient {
    /// Reads configurations.
    ///
    /// - Parameter keys: Only these; nil reads all.
    public func describeConfigs(
        _ resources: [ConfigResource],
        keys: [KafkaString]? = nil,
        includeSynonyms: Bool = false,
        deadline: Deadline? = nil
    ) async -> [ConfigResource: Result<[ConfigEntry], KafkaClientError>] {
        await perResource(
            DescribeConfigsRequest.self,
            resources,
            deadline: deadline,
            what: "The configuration cannot be read",
            build: { resources, version throws(KafkaClientError) in
                var request = DescribeConfigsRequest()
                request.resources = resources.map { resource in
                    var entry = DescribeConfigsRequest.DescribeConfigsResource()
                    entry.resourceType = resource.kind.rawValue
                    entry.resourceName = resource.name
                    entry.configurationKeys = keys
                    return entry
                }
                if version >= 1 { request.includeSynonyms = includeSynonyms }
                return request
            },
            parse: { response in
                response.results.map { result in
                    let resource = ConfigResource(.init(rawValue: result.resourceType), result.resourceName)
                    guard result.errorCode == .none else {
                        return (resource, .failure(ItemFailure(result.errorCode, result.errorMessage)))
                    }
                    return (resource, .success(result.configs.map(Self.entry)))
                }
            }
        )
    }

    private static func entry(_ config: DescribeConfigsResponse.DescribeConfigsResourceResult) -> ConfigEntry {
        var source = ConfigEntry.Source(rawValue: config.configSource)
        // Version 0 has a flag in place of the source.
        if config.configSource < 0 { source = config.isDefault ? .defaultValue : .unknown }
        return ConfigEntry(
            name: config.name,
            value: config.value,
            source: source,
            isReadOnly: config.readOnly,
            isSensitive: config.isSensitive,
            synonyms: config.synonyms.map {
                ConfigEntry.Synonym(name: $0.name, value: $0.value, source: .init(rawValue: $0.source))
            }
        )
    }

    /// Changes single configurations and leaves the others alone (Kafka 2.3 and later).
    public func incrementalAlterConfigs(
        _ changes: [ConfigResource: [ConfigChange]],
        validateOnly: Bool = false,
        deadline: Deadline? = nil
    ) async -> [ConfigResource: Result<Void, KafkaClientError>] {
        await perResource(
            IncrementalAlterConfigsRequest.self,
            Array(changes.keys),
            deadline: deadline,
            what: "The configuration cannot be changed",
            build: { resources, _ throws(KafkaClientError) in
                var request = IncrementalAlterConfigsRequest()
                request.validateOnly = validateOnly
                request.resources = resources.map { resource in
                    var entry = IncrementalAlterConfigsRequest.AlterConfigsResource()
                    entry.resourceType = resource.kind.rawValue
                    entry.resourceName = resource.name
                    entry.configs = (changes[resource] ?? []).map { change in
                        var config = IncrementalAlterConfigsRequest.AlterableConfig()
                        config.name = change.name
                        config.configOperation = change.operation.rawValue
                        config.value = change.value
                        return config
                    }
                    return entry
                }
                return request
            },
            parse: { response in
                response.responses.map { result in
                    let resource = ConfigResource(.init(rawValue: result.resourceType), result.resourceName)
                    guard result.errorCode == .none else {
                        return (resource, .failure(ItemFailure(result.errorCode, result.errorMessage)))
                    }
                    return (resource, .success(()))
                }
            }
        )
    }

    /// Replaces all configurations of each resource; what is not named goes back to its default.
    public func alterConfigs(
        _ configs: [ConfigResource: [KafkaString: KafkaString]],
        validateOnly: Bool = false,
        deadline: Deadline? = nil
    ) async -> [ConfigResource: Result<Void, KafkaClientError>] {
        await perResource(
            AlterConfigsRequest.self,
            Array(configs.keys),
            deadline: deadline,
            what: "The configuration cannot be changed",
            build: { resources, _ throws(KafkaClientError) in
                var request = AlterConfigsRequest()
                request.validateOnly = validateOnly
                request.resources = resources.map { resource in
                    var entry = AlterConfigsRequest.AlterConfigsResource()
                    entry.resourceType = resource.kind.rawValue
                    entry.resourceName = resource.name
                    entry.configs = (configs[resource] ?? [:]).sorted { $0.key < $1.key }.map { name, value in
                        var config = AlterConfigsRequest.AlterableConfig()
                        config.name = name
                        config.value = value
                        return config
                    }
                    return entry
                }
                return request
            },
            parse: { response in
                response.responses.map { result in
                    let resource = ConfigResource(.init(rawValue: result.resourceType), result.resourceName)
                    guard result.errorCode == .none else {
                        return (resource, .failure(ItemFailure(result.errorCode, result.errorMessage)))
                    }
                    return (resource, .success(()))
                }
            }
        )
    }

    private func perResource<R: KafkaRequest, Value: Sendable>(
        _ type: R.Type,
        _ resources: [ConfigResource],
        deadline: Deadline?,
        what: String,
        build: @escaping @Sendable ([ConfigResource], Int16) throws(KafkaClientError) -> R,
        parse: (R.Response) -> [(ConfigResource, Result<Value, ItemFailure>)]
    ) async -> [ConfigResource: Result<Value, KafkaClientError>] {
        let deadline = self.deadline(deadline)
        return await fanOut(
            R.self,
            keys: resources,
            deadline: deadline,
            locate: { keys in
                var located = await locateAll(keys.filter { $0.node == nil }, .controller, deadline: deadline)
                for key in keys {
                    if let node = key.node { located[key] = .broker(node) }
                }
                return located
            },
            recover: { _, code in act(on: code.recovery, code: code, route: .controller) },
            isFinal: { $0 == .unknownTopicOrPartition },
            build: build,
            parse: { response, _ in parse(response) },
            describe: { resource, failure in
                refused(
                    failure.code,
                    resource.kind == .topic ? what : "\(what) (broker \(resource.name))",
                    detail: failure.message,
                    topic: resource.kind == .topic ? resource.name : nil
                )
            }
        )
    }
}
