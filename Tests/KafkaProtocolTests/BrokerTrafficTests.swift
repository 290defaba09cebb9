import KafkaProtocol
import NIOCore
import TestSupport
import Testing

/// What a real broker was asked and what it answered.
@Suite struct BrokerTrafficTests {
    @Test func calls() throws {
        let lines = try Vectors.lines("broker/api.jsonl")
        for line in lines {
            let key = ApiKey(try #require(line["apiKey"]?.int16))
            let request = try #require(key.request)
            #expect(key.name == line["api"]?.string)
            try check(request, line)
        }
        print("api.jsonl: \(lines.count) cases")
        #expect(lines.count == 81)
    }

    @Test func fetches() throws {
        let lines = try Vectors.lines("broker/fetch.jsonl")
        for line in lines {
            try check(FetchRequest.self, line)
            let version = try #require(line["version"]?.int16)
            let response = try FetchResponse.decode(exactly: try #require(line["response"]?.hex), version: version)
            #expect(response.responses.count == line["partitions"]?.int)
            #expect(response.sessionID == line["sessionId"]?.int32)
            guard let partition = response.responses.first?.partitions.first else { continue }
            #expect(partition.highWatermark == line["highWatermark"]?.int64)
            #expect(partition.records?.byteCount == line["recordsBytes"]?.int)
        }
        print("fetch.jsonl: \(lines.count) cases, request and response")
        #expect(lines.count == 303)
    }

    private func check<R: KafkaRequest>(_ request: R.Type, _ line: JSONValue) throws {
        let version = try #require(line["version"]?.int16)
        let body = try #require(line["request"]?.hex)
        if R.supportedVersions.contains(version) {
            #expect(try again(R.self, body, version) == body, "\(R.self) v\(version)")
        } else {
            #expect(throws: WireError.self) { try R.decode(exactly: body, version: version) }
        }
        let answer = try #require(line["response"]?.hex)
        let answered = line["responseVersion"]?.int16 ?? version
        #expect(try again(R.Response.self, answer, answered) == answer, "\(R.Response.self) v\(answered)")
    }

    private func again<M: KafkaMessage>(_ type: M.Type, _ bytes: ByteBuffer, _ version: Int16) throws -> ByteBuffer {
        var result = ByteBuffer()
        try M.decode(exactly: bytes, version: version).encode(into: &result, version: version)
        return result
    }
}
