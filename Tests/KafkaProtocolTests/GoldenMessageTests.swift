import KafkaProtocol
import NIOCore
import TestSupport
import Testing

/// One line of the golden data for a message.
struct GoldenMessage {
    var type: any KafkaMessage.Type
    var version: Int16
    var fields: JSONValue
    var bytes: ByteBuffer

    init(_ type: any KafkaMessage.Type, _ line: JSONValue) throws {
        self.type = type
        self.version = try #require(line["version"]?.int16)
        self.fields = try #require(line["fields"])
        self.bytes = try #require(line["hex"]?.hex)
    }

    /// All cases of all messages, except those with unknown tagged fields.
    static func all() throws -> [GoldenMessage] {
        var cases: [GoldenMessage] = []
        for type in Messages.all {
            for line in try Vectors.lines("protocol/\(type).jsonl") {
                cases.append(try GoldenMessage(type, line))
            }
        }
        return cases
    }
}

/// What Kafka's own classes wrote.
@Suite struct GoldenMessageTests {
    @Test func everyFileHasItsMessage() throws {
        let files = try Vectors.files(in: "protocol").filter { $0 != "unknown-tags.jsonl" }
        let names = Messages.all.map { "\($0).jsonl" }.sorted()
        #expect(files == names)
    }

    @Test func everyVersionIsThere() throws {
        for type in Messages.all {
            let versions = Set(try Vectors.lines("protocol/\(type).jsonl").compactMap { $0["version"]?.int16 })
            #expect(versions == Set(type.supportedVersions), "\(type)")
        }
    }

    @Test func decodesAndEncodes() throws {
        let cases = try GoldenMessage.all()
        for golden in cases { try check(golden.type, golden) }
        print("golden messages: \(cases.count) cases of \(Messages.all.count) messages")
        #expect(cases.count == 2_847)
    }

    private func check<M: KafkaMessage>(_ type: M.Type, _ golden: GoldenMessage) throws {
        let place = "\(type) v\(golden.version) \(golden.fields)"
        let message = try M.decode(exactly: golden.bytes, version: golden.version)
        let json = try JSONWalker.json(of: message, version: golden.version)
        #expect(json.sameFields(as: golden.fields), "\(place) became \(json)")
        var encoded = ByteBuffer()
        try message.encode(into: &encoded, version: golden.version)
        #expect(encoded == golden.bytes, "\(place)")
        #expect(try message.encodedSize(version: golden.version) == golden.bytes.readableBytes, "\(place)")
        let gathered = try message.encodeGathered(version: golden.version, prefix: ByteBuffer())
        #expect(RecordData(parts: gathered).joined() == golden.bytes, "\(place)")
        #expect(!message.describe(version: golden.version).contains("..."), "\(place)")
    }

    @Test func skipsUnknownTags() throws {
        let lines = try Vectors.lines("protocol/unknown-tags.jsonl")
        for line in lines {
            let name = try #require(line["message"]?.string)
            let type = try #require(Messages.named(name))
            let golden = try GoldenMessage(type, line)
            let json = try decoded(type, golden)
            #expect(json.sameFields(as: golden.fields), "\(name) v\(golden.version)")
        }
        print("golden messages with unknown tags: \(lines.count)")
        #expect(lines.count == 322)
    }

    private func decoded<M: KafkaMessage>(_ type: M.Type, _ golden: GoldenMessage) throws -> JSONValue {
        try JSONWalker.json(of: try M.decode(exactly: golden.bytes, version: golden.version), version: golden.version)
    }
}
