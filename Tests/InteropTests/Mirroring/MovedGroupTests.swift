import Foundation
import KafkaProtocol
import LocalKafka
import TestSupport
import Testing

/// Groups of librdkafka's consumers move to the mirror and read every record once.
@Suite("Groups that move to the mirror", .serialized, .timeLimit(.minutes(3)))
struct MovedGroupTests {
    private struct Result: Decodable {
        var records: Int
        var atSource: Int
        var atTarget: Int
        var wrongPartitions: [String]
        var exact: Bool
        var offsets: [String: Int64]
    }

    @Test("Real data with transactions, aborted ones too, and holes; both protocols of groups")
    func moved() async throws {
        try await withTwoClusters { source, target in
            let data = try await RealData(at: source.bootstrapServers, perCodec: 400, transactions: 12, partitions: 3)
            for topic in data.topics {
                for partition in Int32(0)..<3 { try await source.compact(TopicName(topic), partition) }
            }
            let properties = [
                "clusters": "A, B", "A.bootstrap.servers": source.bootstrapServers,
                "B.bootstrap.servers": target.bootstrapServers, "A->B.enabled": "true", "A->B.topics": "real.*",
                "emit.heartbeats.enabled": "false", "emit.checkpoints.interval.seconds": "1",
                "sync.group.offsets.enabled": "true", "sync.group.offsets.interval.seconds": "1",
            ]
            let mirror = try MirrorProcess(properties: properties)
            _ = try await mirror.process.line(within: .seconds(30)) { line in
                line.contains("lag=0") && !line.contains("records=0 ") ? line : nil
            }
            var results: [String: Result] = [:]
            for kind in ["classic", "consumer"] {
                let output = try await Peers.python(
                    "move_group",
                    [
                        "--source", source.bootstrapServers, "--target", target.bootstrapServers, "--topics",
                        data.topics.joined(separator: ","), "--group", "movers-\(kind)", "--protocol", kind,
                    ]
                ).success(within: .seconds(100))
                let line = output.split(separator: "\n").last.map(String.init) ?? ""
                let result = try JSONDecoder().decode(Result.self, from: Data(line.utf8))
                print("group of protocol \(kind): \(result.atSource) + \(result.atTarget) of \(result.records) records")
                #expect(result.wrongPartitions.isEmpty, "\(line)")
                #expect(result.exact, "\(line)")
                #expect(result.atSource > 0 && result.atTarget > 0)
                #expect(result.atSource + result.atTarget == result.records)
                results[kind] = result
            }

            // The command answers the same, while the mirror runs and after it has stopped.
            let folder = try TemporaryFolder()
            let file = try folder.write(
                "mirror.properties",
                properties.map { "\($0.key) = \($0.value)\n" }.joined()
            )
            for isRunning in [true, false] {
                if !isRunning { try await mirror.stop() }
                let arguments = ["offsets", "translate", file, "--group", "movers-classic", "--format", "json"]
                let text = try await Peers.mirror(arguments).success(within: .seconds(30))
                let json = try #require(text.firstIndex(of: "[").map { String(text[$0...]) })
                let answers = try JSONDecoder().decode([Answer].self, from: Data(json.utf8))
                var offsets: [String: Int64] = [:]
                for line in answers.first?.groups.first?.partitions ?? [] {
                    #expect(line.precision == "exact" || line.targetOffset == 0, "\(line)")
                    offsets["\(line.targetTopic ?? "")-\(line.targetPartition ?? -1)"] = line.targetOffset
                }
                #expect(offsets == results["classic"]?.offsets, "while it runs: \(isRunning)")
            }
        }
    }

    private struct Answer: Decodable {
        struct Group: Decodable { var partitions: [Line] }
        struct Line: Decodable {
            var targetTopic: String?
            var targetPartition: Int32?
            var targetOffset: Int64?
            var precision: String
        }
        var groups: [Group]
    }
}
