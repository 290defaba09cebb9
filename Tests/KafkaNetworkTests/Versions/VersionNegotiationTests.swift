import KafkaProtocol
import NIOCore
import Testing

@testable import KafkaNetwork

@Suite("Version negotiation")
struct VersionNegotiationTests {
    private func body(_ ranges: [Int16: (Int16, Int16)], error: ErrorCode = .none, version: Int16) throws -> ByteBuffer
    {
        var response = ApiVersionsResponse()
        response.errorCode = error
        for (key, range) in ranges {
            var api = ApiVersionsResponse.ApiVersion()
            (api.apiKey, api.minVersion, api.maxVersion) = (key, range.0, range.1)
            response.apiKeys.append(api)
        }
        var buffer = ByteBuffer()
        try response.encode(into: &buffer, version: version)
        return buffer
    }

    @Test("A normal answer, with ranges that make no sense left out")
    func table() throws {
        let answer = VersionNegotiation.read(
            try body([0: (3, 9), 1: (12, 4), 12: (-1, 2), 9_999: (0, 1)], version: 3),
            version: 3
        )
        guard case .table(let table) = answer else { throw AnswerError() }
        #expect(table.range(for: .produce) == 3...9)
        #expect(table.range(for: .fetch) == nil)
        #expect(table.negotiate(HeartbeatRequest.self) == 2)
        #expect(table.negotiate(ProduceRequest.self) == 9)
        #expect(table.negotiate(FetchRequest.self) == nil)
        #expect(table.negotiate(ApiKey(9_999), ours: 0...5) == nil)
        #expect(table.negotiate(.produce, ours: 10...12) == nil)
    }

    @Test("UNSUPPORTED_VERSION: the range says what to ask, a broken body means 0")
    func unsupported() throws {
        let withRange = try body([18: (0, 2)], error: .unsupportedVersion, version: 0)
        #expect(VersionNegotiation.read(withRange, version: 3) == .retry(version: 2))
        let newer = try body([18: (0, 9)], error: .unsupportedVersion, version: 0)
        #expect(VersionNegotiation.read(newer, version: 3) == .retry(version: 2))
        for garbage in [[], [1], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 9, 1, 2, 3]] as [[UInt8]] {
            var broken = ByteBuffer(integer: Int16(35))
            broken.writeBytes(garbage)
            #expect(VersionNegotiation.read(broken, version: 3) == .retry(version: 0))
        }
        #expect(VersionNegotiation.read(withRange, version: 0) == .refused(.unsupportedVersion))
    }

    @Test("Answers that are none")
    func malformed() throws {
        for bytes in [[], [0], [0, 0], [0, 0, 0xff, 0xff, 0xff, 0xff], [0, 0, 1]] as [[UInt8]] {
            guard case .malformed = VersionNegotiation.read(ByteBuffer(bytes: bytes), version: 3) else {
                Issue.record("\(bytes) was accepted")
                continue
            }
        }
        let refused = try body([:], error: .clusterAuthorizationFailed, version: 3)
        #expect(VersionNegotiation.read(refused, version: 3) == .refused(.clusterAuthorizationFailed))
    }

    private struct AnswerError: Error {}
}
