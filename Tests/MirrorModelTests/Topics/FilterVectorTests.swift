import KafkaProtocol
import MirrorModel
import TestSupport
import Testing

@Suite struct FilterVectorTests {
    @Test func golden() throws {
        var cases = 0
        let lines = try Vectors.lines("mirror/filters.jsonl")
        for line in lines {
            let settings = try settings(line)
            let context = "\(line["kind"]?.string ?? "") \(settings.properties.values)"
            guard let expected = line["cases"]?.array else {
                #expect(!settings.problems.isEmpty, "\(context) is refused")
                cases += 1
                continue
            }
            #expect(settings.problems.isEmpty, "\(context)")
            for pair in expected {
                let pair = try #require(pair.array)
                let name = try #require(pair[0].string)
                cases += 1
                switch line["kind"]?.string {
                case "topic":
                    let filter = try NameFilter(
                        include: settings.list("topics"),
                        exclude: settings.list("topics.exclude")
                    )
                    #expect(filter.accepts(name) == pair[1].bool, "\(context): \(name)")
                case "group":
                    let filter = try NameFilter(
                        include: settings.list("groups"),
                        exclude: settings.list("groups.exclude")
                    )
                    #expect(filter.accepts(name) == pair[1].bool, "\(context): \(name)")
                case "configProperty":
                    let filter = ConfigPropertyFilter(
                        exclude: try NamePattern(settings.list("config.properties.exclude")),
                        defaultsFrom: settings.properties["use.defaults.from"] ?? "target"
                    )
                    #expect(filter.accepts(name) == pair[1].bool, "\(context): \(name)")
                    #expect(filter.copiesSourceDefaults == line["replicateSourceDefault"]?.bool, "\(context)")
                case "sourceConnector":
                    let selection = TopicSelection(
                        sourceAlias: settings.pair.source,
                        targetAlias: settings.pair.target,
                        policy: settings.policy,
                        filter: try NameFilter(
                            include: settings.list("topics"),
                            exclude: settings.list("topics.exclude")
                        )
                    )
                    #expect(selection.shouldReplicate(TopicName(name)) == pair[1].bool, "\(context): \(name)")
                    #expect(selection.isCycle(TopicName(name)) == pair[2].bool, "\(context): \(name)")
                default: Issue.record("unknown kind \(context)")
                }
            }
        }
        print("filters: \(lines.count) configurations, \(cases) cases")
    }

    private func settings(_ line: JSONValue) throws -> ConnectorSettings {
        let source = line["source"]?.string ?? "A"
        let target = line["target"]?.string ?? "B"
        var values = ["clusters": "\(source),\(target)"]
        for (key, value) in line["config"]?.object ?? [] { values["\(source)->\(target).\(key)"] = value.string }
        values["replication.policy.separator"] = line["separator"]?.string
        if line["policy"]?.string == "identity" {
            values["replication.policy.class"] = "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"
        }
        let resolution = try PropertyResolution(values: values, environment: .init(variables: [:]))
        let pair = PropertyResolution.Pair(source: source, target: target)
        return try resolution.resolvedConnector(pair, line["kind"]?.string == "group" ? .checkpoint : .source)
    }
}
