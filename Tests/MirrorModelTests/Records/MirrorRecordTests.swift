import KafkaProtocol
import MirrorModel
import TestSupport
import Testing

@Suite struct MirrorRecordTests {
    @Test func offsetSyncs() throws {
        let lines = try Vectors.lines("mirror/offset-syncs.jsonl")
        for line in lines {
            let sync = OffsetSync(
                partition: try topicPartition(line),
                upstreamOffset: try #require(line["upstreamOffset"]?.int64),
                downstreamOffset: try #require(line["offset"]?.int64)
            )
            let key = try #require(hexBytes(line["key"]))
            let value = try #require(hexBytes(line["value"]))
            #expect(try sync.key() == key)
            #expect(sync.value() == value)
            #expect(try OffsetSync(key: key, value: value + [7]) == sync)
            for length in key.indices {
                #expect(throws: MirrorRecordError.self) { try OffsetSync(key: key[..<length], value: value) }
            }
            for length in value.indices {
                #expect(throws: MirrorRecordError.self) { try OffsetSync(key: key, value: value[..<length]) }
            }
        }
        print("offset syncs: \(lines.count) cases")
    }

    @Test func checkpoints() throws {
        let lines = try Vectors.lines("mirror/checkpoints.jsonl")
        for line in lines {
            let checkpoint = Checkpoint(
                group: GroupID(try #require(line["group"]?.string)),
                partition: try topicPartition(line),
                upstreamOffset: try #require(line["upstreamOffset"]?.int64),
                downstreamOffset: try #require(line["offset"]?.int64),
                metadata: try #require(line["metadata"]?.string)
            )
            let key = try #require(hexBytes(line["key"]))
            let value = try #require(hexBytes(line["value"]))
            #expect(try checkpoint.key() == key)
            #expect(try checkpoint.value() == value)
            #expect(try Checkpoint(key: key, value: value) == checkpoint)
            for length in value.indices {
                #expect(throws: MirrorRecordError.self) { try Checkpoint(key: key, value: value[..<length]) }
            }
        }
        print("checkpoints: \(lines.count) cases")
    }

    @Test func heartbeats() throws {
        let lines = try Vectors.lines("mirror/heartbeats.jsonl")
        for line in lines {
            let heartbeat = Heartbeat(
                sourceAlias: try #require(line["sourceClusterAlias"]?.string),
                targetAlias: try #require(line["targetClusterAlias"]?.string),
                timestamp: try #require(line["timestamp"]?.int64)
            )
            let key = try #require(hexBytes(line["key"]))
            let value = try #require(hexBytes(line["value"]))
            #expect(try heartbeat.key() == key)
            #expect(heartbeat.value() == value)
            #expect(try Heartbeat(key: key, value: value) == heartbeat)
        }
        print("heartbeats: \(lines.count) cases")
    }

    @Test func textsThatAreTooLongAreRefused() {
        let long = String(repeating: "x", count: 32768)
        #expect(throws: MirrorRecordError.self) {
            try Heartbeat(sourceAlias: long, targetAlias: "B", timestamp: 0).key()
        }
    }

    @Test func connectOffsets() throws {
        let lines = try Vectors.lines("mirror/connect-offsets.jsonl")
        for line in lines {
            let partition = try #require(line["sourcePartition"])
            let subject: ConnectOffsetKey.Subject
            switch line["kind"]?.string {
            case "source":
                subject = .source(
                    cluster: try #require(partition["cluster"]?.string),
                    partition: try topicPartition(partition)
                )
            case "checkpoint":
                subject = .checkpoint(
                    group: GroupID(try #require(partition["group"]?.string)),
                    partition: try topicPartition(partition)
                )
            default:
                subject = .heartbeat(
                    source: try #require(partition["sourceClusterAlias"]?.string),
                    target: try #require(partition["targetClusterAlias"]?.string)
                )
            }
            let key = ConnectOffsetKey(connector: try #require(line["connector"]?.string), subject: subject)
            let keyBytes = try #require(hexBytes(line["key"]))
            #expect(key.bytes == keyBytes, "\(line["keyText"]?.string ?? "")")
            #expect(ConnectOffsetKey(bytes: keyBytes) == key)
            guard let value = hexBytes(line["value"]) else { continue }
            let offset = try #require(line["offset"]?.int64)
            #expect(ProgressRecord(offset: offset).bytes == value)
            #expect(ProgressRecord(bytes: value) == (offset < 0 ? nil : ProgressRecord(offset: offset)))
        }
        print("connect offsets: \(lines.count) cases")
    }

    @Test func theStartRoundTrip() {
        var progress = ProgressRecord(offset: -1)
        // Alone it is MirrorMaker's way of saying nothing.
        #expect(ProgressRecord(bytes: progress.bytes) == nil)
        progress.isStart = true
        #expect(ProgressRecord(bytes: progress.bytes) == progress)
        #expect(String(decoding: progress.bytes, as: UTF8.self) == #"{"offset":-1,"start":"kafka-mirror"}"#)
        progress.targetStart = 7
        #expect(ProgressRecord(bytes: progress.bytes) == progress)
    }

    @Test func progressRoundTrip() {
        let progress = ProgressRecord(
            offset: 12,
            targetOffset: 10,
            leaderEpoch: 3,
            sourceTopicID: KafkaUUID(high: 1, low: 2),
            targetTopicID: KafkaUUID(high: 3, low: 4)
        )
        #expect(ProgressRecord(bytes: progress.bytes) == progress)
        #expect(String(decoding: progress.bytes, as: UTF8.self).hasPrefix(#"{"offset":12,"targetOffset":10,"#))
    }

    @Test(arguments: [
        "", "null", "{}", "[]", #"{"offset":-1}"#, #"{"offset":null}"#, #"{"offset":"5"}"#, #"{"offset":1.5}"#,
        #"{"offset":5"#, #"{"offset":5}x"#, #"{"offset":99999999999999999999}"#, "{\"off", "\u{0}",
        "[[[[[[[[[[[[[[[[[[[[", #"{"x":{"offset":5}}"#,
    ])
    func uselessProgressCountsAsNone(text: String) {
        #expect(ProgressRecord(bytes: text.utf8) == nil)
    }

    @Test func unknownMembersAndOtherOrdersAreRead() {
        #expect(ProgressRecord(bytes: #" { "x" : [1, {"y":null}], "offset" : 5 } "#.utf8) == ProgressRecord(offset: 5))
        let key = #"["c", {"topic":"t\u00e9\/","cluster":"A", "partition" : 3, "more":true}]"#
        #expect(
            ConnectOffsetKey(bytes: key.utf8)?.subject
                == .source(cluster: "A", partition: TopicPartition(topic: "t\u{E9}/", partition: 3))
        )
        #expect(ConnectOffsetKey(bytes: #"["c",{"topic":"t","cluster":"A","partition":-3}]"#.utf8) == nil)
    }

    private func topicPartition(_ line: JSONValue) throws -> TopicPartition {
        TopicPartition(
            topic: TopicName(try #require(line["topic"]?.string)),
            partition: try #require(line["partition"]?.int32)
        )
    }
}
