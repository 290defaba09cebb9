import KafkaProtocol
import MirrorModel
import TestSupport
import Testing

@Suite struct ReplicationPolicyTests {
    @Test func golden() throws {
        var cases = 0
        let lines = try Vectors.lines("mirror/replication-policy.jsonl")
        for line in lines {
            let config = line["config"]
            let policy = ReplicationPolicy(
                kind: line["policy"]?.string?.hasSuffix("IdentityReplicationPolicy") == true ? .identity : .prefixing,
                separator: config?["replication.policy.separator"]?.string,
                internalSeparatorEnabled: config?["replication.policy.internal.topic.separator.enabled"]?.string
                    != "false",
                sourceAlias: config?["source.cluster.alias"]?.string
            )
            #expect(ReplicationPolicy.heartbeatsTopic.string == line["heartbeatsTopic"]?.string)
            for (alias, expected) in line["aliases"]?.object ?? [] {
                #expect(policy.offsetSyncsTopic(of: alias).string == expected["offsetSyncsTopic"]?.string)
                #expect(policy.checkpointsTopic(of: alias).string == expected["checkpointsTopic"]?.string)
                for pair in expected["formatRemoteTopic"]?.array ?? [] {
                    let names = (pair.array ?? []).compactMap(\.string)
                    try #require(names.count == 2)
                    #expect(policy.remoteTopic(TopicName(names[0]), from: alias) == TopicName(names[1]))
                    cases += 1
                }
            }
            for expected in line["topics"]?.array ?? [] {
                let topic = TopicName(try #require(expected["topic"]?.string))
                let context = "\(policy) \(topic)"
                cases += 1
                #expect(policy.source(of: topic) == expected["topicSource"]?.string, "\(context)")
                #expect(policy.upstreamTopic(of: topic)?.string == expected["upstreamTopic"]?.string, "\(context)")
                #expect(policy.originalTopic(of: topic).string == expected["originalTopic"]?.string, "\(context)")
                #expect(policy.isInternalTopic(topic) == expected["isInternalTopic"]?.bool, "\(context)")
                #expect(policy.isCheckpointsTopic(topic) == expected["isCheckpointsTopic"]?.bool, "\(context)")
                #expect(policy.isHeartbeatsTopic(topic) == expected["isHeartbeatsTopic"]?.bool, "\(context)")
                #expect(policy.isMirrorInternalTopic(topic) == expected["isMM2InternalTopic"]?.bool, "\(context)")
            }
        }
        print("replication policies: \(lines.count) settings, \(cases) cases")
    }

    @Test func namesAreComparedByBytes() throws {
        let composed = TopicName("caf\u{E9}")
        let decomposed = TopicName("cafe\u{301}")
        let policy = ReplicationPolicy(kind: .prefixing)
        #expect(policy.remoteTopic(composed, from: "A") != policy.remoteTopic(decomposed, from: "A"))
        let filter = try NameFilter(include: ["caf\u{E9}"], exclude: [])
        #expect(filter.accepts(composed.string))
        #expect(!filter.accepts(decomposed.string))
        // A cluster whose name is the other spelling is another cluster: no cycle.
        let selection = TopicSelection(
            sourceAlias: "A",
            targetAlias: "\u{E9}",
            policy: policy,
            filter: try NameFilter(include: [".*"], exclude: [])
        )
        #expect(selection.isCycle("\u{E9}.t"))
        #expect(!selection.isCycle("e\u{301}.t"))
    }
}
