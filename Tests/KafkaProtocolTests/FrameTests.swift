import KafkaProtocol
import NIOCore
import TestSupport
import Testing

/// Headers, frames, and records that travel without being copied.
@Suite struct FrameTests {
    private let header = RequestHeader.with {
        $0.requestApiKey = 0
        $0.requestApiVersion = 9
        $0.correlationID = 7
        $0.clientID = "me"
    }

    private func produce(_ parts: [ByteBuffer]) -> ProduceRequest {
        let partition = ProduceRequest.PartitionProduceData.with {
            $0.index = 3
            $0.records = RecordData(parts: parts)
        }
        let topic = ProduceRequest.TopicProduceData.with {
            $0.name = "orders"
            $0.partitionData = [partition]
        }
        return ProduceRequest.with {
            $0.acks = -1
            $0.timeoutMs = 30_000
            $0.topicData = [topic]
        }
    }

    /// Where a buffer's bytes are.
    private func address(_ buffer: ByteBuffer) -> Int {
        unsafe buffer.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
    }

    @Test func versionsOfHeaders() {
        #expect(FetchRequest.requestHeaderVersion(for: 11) == 1)
        #expect(FetchRequest.requestHeaderVersion(for: 12) == 2)
        #expect(FetchRequest.responseHeaderVersion(for: 11) == 0)
        #expect(FetchRequest.responseHeaderVersion(for: 12) == 1)
        #expect(ApiVersionsRequest.requestHeaderVersion(for: 3) == 2)
        #expect(ApiVersionsRequest.responseHeaderVersion(for: 3) == 0)
        #expect(SaslHandshakeRequest.requestHeaderVersion(for: 1) == 1)
        #expect(SaslHandshakeRequest.responseHeaderVersion(for: 1) == 0)
    }

    @Test func theClientIDKeepsItsOldLength() throws {
        var buffer = ByteBuffer()
        try header.encode(into: &buffer, version: 2)
        #expect(Hex.encode(buffer) == "00000009" + "00000007" + "0002" + "6d65" + "00")
    }

    @Test func aHeaderLeavesTheBody() throws {
        var buffer = ByteBuffer()
        try header.encode(into: &buffer, version: 2)
        buffer.writeString("body")
        #expect(try RequestHeader.decode(from: &buffer, version: 2) == header)
        #expect(String(buffer: buffer) == "body")
    }

    @Test func longRecordsAreNotCopied() throws {
        let short = ByteBuffer(repeating: 1, count: 61)
        let long = ByteBuffer(repeating: 2, count: 10_000)
        let request = produce([short, long, short])
        let frame = try request.encodeFrame(header: header, headerVersion: 2, version: 9)
        #expect(frame.count == 3)
        #expect(address(frame[1]) == address(long))

        var expected = ByteBuffer()
        try header.encode(into: &expected, version: 2)
        try request.encode(into: &expected, version: 9)
        var joined = RecordData(parts: frame).joined()
        #expect(joined.readInteger() == Int32(expected.readableBytes))
        #expect(joined == expected)
    }

    @Test func shortRecordsAreCopied() throws {
        let part = ByteBuffer(repeating: 1, count: RecordData.longPart - 1)
        let frame = try produce([part, part]).encodeFrame(header: header, headerVersion: 2, version: 9)
        #expect(frame.count == 1)
    }

    @Test func aPrefixComesFirst() throws {
        let long = ByteBuffer(repeating: 2, count: 600)
        let request = produce([long])
        let gathered = try request.encodeGathered(version: 9, prefix: ByteBuffer(string: "prefix"))
        var joined = RecordData(parts: gathered).joined()
        #expect(joined.readString(length: 6) == "prefix")
        #expect(try ProduceRequest.decode(exactly: joined, version: 9) == request)
    }

    @Test func fetchedRecordsAreSlices() throws {
        let partition = FetchResponse.PartitionData.with {
            $0.records = RecordData(ByteBuffer(repeating: 5, count: 4_000))
        }
        let topic = FetchResponse.FetchableTopicResponse.with { $0.partitions = [partition] }
        let response = FetchResponse.with { $0.responses = [topic] }
        var buffer = ByteBuffer()
        try response.encode(into: &buffer, version: 12)
        let decoded = try FetchResponse.decode(exactly: buffer, version: 12)
        let records = try #require(decoded.responses.first?.partitions.first?.records)
        let start = address(buffer)
        let slice = address(records.joined())
        #expect(slice > start && slice < start + buffer.readableBytes)
    }
}
