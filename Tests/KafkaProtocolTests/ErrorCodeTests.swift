import KafkaProtocol
import TestSupport
import Testing

@Suite struct ErrorCodeTests {
    @Test func matchesKafka() throws {
        let all = try #require(try Vectors.json("errors.json").array)
        print("errors.json: \(all.count) cases")
        #expect(all.count == 129 && all.count == ErrorCode.known.count)
        for entry in all {
            let code = ErrorCode(try #require(entry["code"]?.int16))
            #expect(code.name == entry["name"]?.string)
            #expect(code.isRetriable == entry["retriable"]?.bool, "\(code)")
            #expect(code.invalidatesMetadata == entry["invalidatesMetadata"]?.bool, "\(code)")
        }
    }

    @Test func keepsUnknownCodes() {
        for raw in [Int16.min, -2, 999, .max] {
            let code = ErrorCode(raw)
            #expect(code.name == "UNKNOWN(\(raw))")
            #expect(!code.isRetriable)
            #expect(!code.invalidatesMetadata)
        }
    }

    @Test func namesAreConstants() {
        #expect(ErrorCode.none.rawValue == 0)
        #expect(ErrorCode.unknownServerError.rawValue == -1)
        #expect(ErrorCode.notLeaderOrFollower.rawValue == 6)
        #expect(ErrorCode.unknownTopicID.rawValue == 100)
    }
}
