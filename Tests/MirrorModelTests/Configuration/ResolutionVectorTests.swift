import KafkaProtocol
import MirrorModel
import TestSupport
import Testing

/// MirrorMaker 2's own reading of twelve files, compared value by value.
@Suite struct ResolutionVectorTests {
    static let names =
        (try? Vectors.files(in: "mirror/mm2-config"))?
        .filter { $0.hasSuffix(".properties") }.map { String($0.dropLast(".properties".count)) } ?? []

    @Test func allFilesAreThere() { #expect(Self.names.count == 12) }

    @Test(arguments: names) func golden(name: String) throws {
        let folder = "mirror/mm2-config/"
        let golden = try Vectors.json(folder + name + ".json")
        let environment = ConfigProviders.Environment(
            variables: texts(golden["env"]),
            folder: Vectors.folder + "/" + folder
        )
        let file = try PropertiesFile(name: name, bytes: try Vectors.data(folder + name + ".properties"))
        #expect(file.values == texts(golden["properties"]))

        let resolution = try PropertyResolution(values: file.values, environment: environment)
        #expect(resolution.clusters.sorted() == golden["clusters"]?.array?.compactMap(\.string).sorted())
        #expect(
            resolution.pairs().map(\.description).sorted() == golden["pairs"]?.array?.compactMap(\.string).sorted()
        )
        var compared = 0
        for (alias, roles) in golden["clients"]?.object ?? [] {
            for (role, expected) in roles.object ?? [] {
                #expect(try resolution.client(of: alias, role: role) == texts(expected), "\(alias) \(role)")
                compared += 1
            }
        }
        for (flow, expected) in golden["flows"]?.object ?? [] {
            let pair = try #require(resolution.pairs().first { $0.description == flow })
            #expect(try resolution.worker(pair).values == texts(expected["worker"]), "\(flow)")
            for kind in ConnectorKind.allCases {
                let expected = try #require(expected[kind.rawValue])
                #expect(resolution.connector(pair, kind).values == texts(expected["connector"]), "\(flow) \(kind)")
                let settings = try resolution.resolvedConnector(pair, kind)
                compared += try compare(settings, with: try #require(expected["resolved"]))
            }
        }
        print("mm2-config \(name): \(compared) comparisons")
    }

    private func compare(_ settings: ConnectorSettings, with expected: JSONValue) throws -> Int {
        var compared = 0
        for (name, value) in expected.object ?? [] {
            let place = "\(settings.pair) \(settings.kind) \(name)"
            compared += 1
            switch name {
            case "values":
                let values = settings.values
                for (key, value) in value.object ?? [] {
                    #expect(values[key] == .some(value.string), "\(place) \(key)")
                    compared += 1
                }
                #expect(values.count == value.object?.count, "\(place)")
            case "enabled": #expect(settings.isEnabled == value.bool, "\(place)")
            case "offsetSyncsTopic":
                let atTarget = settings.isOffsetSyncsTopicAtTarget
                let alias = atTarget ? settings.pair.source : settings.pair.target
                #expect(settings.policy.offsetSyncsTopic(of: alias).string == value.string, "\(place)")
            case "offsetSyncsTopicLocation":
                #expect(settings.text("offset-syncs.topic.location") == value.string, "\(place)")
            case "checkpointsTopic":
                #expect(settings.policy.checkpointsTopic(of: settings.pair.source).string == value.string, "\(place)")
            case "heartbeatsTopic": #expect(ReplicationPolicy.heartbeatsTopic.string == value.string, "\(place)")
            case "refreshTopicsIntervalMs": #expect(settings.interval("refresh.topics") == value.int64, "\(place)")
            case "syncTopicConfigsIntervalMs":
                #expect(settings.interval("sync.topic.configs") == value.int64, "\(place)")
            case "syncTopicAclsIntervalMs": #expect(settings.interval("sync.topic.acls") == value.int64, "\(place)")
            case "emitHeartbeatsIntervalMs": #expect(settings.interval("emit.heartbeats") == value.int64, "\(place)")
            case "emitCheckpointsIntervalMs": #expect(settings.interval("emit.checkpoints") == value.int64, "\(place)")
            case "refreshGroupsIntervalMs": #expect(settings.interval("refresh.groups") == value.int64, "\(place)")
            case "syncGroupOffsetsIntervalMs":
                #expect(settings.interval("sync.group.offsets") == value.int64, "\(place)")
            case "replicationFactor": #expect(settings.number("replication.factor") == value.int64, "\(place)")
            case "maxOffsetLag": #expect(settings.number("offset.lag.max") == value.int64, "\(place)")
            case "emitOffsetSyncsEnabled":
                #expect(settings.flag("emit.offset-syncs.enabled") == value.bool, "\(place)")
            case "sourceConsumer": #expect(settings.client(.sourceConsumer) == texts(value), "\(place)")
            case "sourceAdmin": #expect(settings.client(.sourceAdmin) == texts(value), "\(place)")
            case "targetAdmin": #expect(settings.client(.targetAdmin) == texts(value), "\(place)")
            case "offsetSyncsProducer": #expect(settings.client(.offsetSyncsProducer) == texts(value), "\(place)")
            case "offsetSyncsAdmin": #expect(settings.client(.offsetSyncsAdmin) == texts(value), "\(place)")
            case "offsetSyncsConsumer": #expect(settings.client(.offsetSyncsConsumer) == texts(value), "\(place)")
            default: Issue.record("nothing compares \(place)")
            }
        }
        return compared
    }

    private func texts(_ value: JSONValue?) -> [String: String] {
        Dictionary(uniqueKeysWithValues: (value?.object ?? []).map { ($0.name, $0.value.string ?? "") })
    }
}
