import KafkaProtocol
import NIOCore
import Testing

/// Values that a version cannot carry: refused, or dropped where the schema says that this does no harm.
@Suite struct FieldLossTests {
    private func encode(_ message: some KafkaMessage, _ version: Int16) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        try message.encode(into: &buffer, version: version)
        return buffer
    }

    @Test func refusesWhatMatters() {
        let request = JoinGroupRequest.with { $0.groupInstanceID = "static" }
        #expect(throws: WireError(.unsupportedField, name: "GroupInstanceId", version: 4)) {
            try encode(request, 4)
        }
        #expect(throws: Never.self) { try encode(request, 5) }
    }

    @Test func refusesTaggedFieldsInOldVersions() {
        let response = FetchResponse.with {
            let partition = FetchResponse.PartitionData.with { $0.currentLeader.leaderID = 2 }
            $0.responses = [.with { $0.partitions = [partition] }]
        }
        #expect(throws: WireError(.unsupportedField, name: "CurrentLeader", version: 11)) {
            try encode(response, 11)
        }
        #expect(throws: Never.self) { try encode(response, 12) }
    }

    @Test func dropsWhatMayBeIgnored() throws {
        let request = FetchRequest.with {
            $0.rackID = "here"
            $0.clusterID = "this"
        }
        #expect(try encode(request, 10) == encode(FetchRequest(), 10))
    }

    @Test func defaultsAreNoLoss() throws {
        for version in MetadataRequest.supportedVersions { _ = try encode(MetadataRequest(), version) }
        let noCreation = MetadataRequest.with { $0.allowAutoTopicCreation = false }
        #expect(throws: WireError(.unsupportedField, name: "AllowAutoTopicCreation", version: 3)) {
            try encode(noCreation, 3)
        }
    }

    @Test func refusesNullWhereItIsNotAllowed() throws {
        let everything = MetadataRequest.with { $0.topics = nil }
        #expect(throws: WireError(.unexpectedNull, name: "Topics", version: 0)) { try encode(everything, 0) }
        #expect(try encode(everything, 1) == ByteBuffer(bytes: [0xff, 0xff, 0xff, 0xff]))
    }

    @Test func refusesTextThatIsTooLong() {
        let long = KafkaString(String(repeating: "x", count: 32_768))
        #expect(throws: WireError.self) { try encode(FetchRequest.with { $0.rackID = long }, 11) }
        #expect(throws: WireError.self) { try encode(FetchRequest.with { $0.rackID = long }, 12) }
    }

    @Test func describesItself() {
        let request = FetchRequest.with {
            $0.maxWaitMs = 500
            $0.topics = [.with { $0.topic = "orders" }]
        }
        let text = request.describe(version: 4)
        #expect(text.hasPrefix("FetchRequest v4 {ReplicaId: -1, MaxWaitMs: 500, MinBytes: 0,"))
        #expect(text.hasSuffix("Topics: [{Topic: \"orders\", Partitions: []}]}"))
    }
}
