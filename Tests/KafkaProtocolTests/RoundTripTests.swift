import KafkaProtocol
import NIOCore
import TestSupport
import Testing

/// Random messages survive the wire, in every version.
@Suite struct RoundTripTests {
    @Test func everyMessageInEveryVersion() throws {
        var count = 0
        for type in Messages.all { count += try check(type) }
        print("random messages: \(count)")
    }

    private func check<M: KafkaMessage>(_ type: M.Type) throws -> Int {
        var count = 0
        for version in M.supportedVersions {
            for seed in 1...6 as ClosedRange<UInt64> {
                let message = try RandomWalker.message(M.self, version: version, seed: seed)
                var buffer = ByteBuffer()
                try message.encode(into: &buffer, version: version)
                let size = try message.encodedSize(version: version)
                #expect(buffer.readableBytes == size, "\(M.self) v\(version) seed \(seed)")
                let back = try M.decode(exactly: buffer, version: version)
                #expect(back == message, "\(M.self) v\(version) seed \(seed)")
                count += 1
            }
        }
        return count
    }

    @Test func refusesVersionsThatDoNotExist() {
        for type in Messages.all { checkVersions(type) }
    }

    private func checkVersions<M: KafkaMessage>(_ type: M.Type) {
        for version in [M.supportedVersions.lowerBound - 1, M.supportedVersions.upperBound + 1] {
            let unsupported = WireError(.unsupportedVersion, name: "\(M.self)", version: version)
            #expect(throws: unsupported) { try M.decode(exactly: ByteBuffer(), version: version) }
            #expect(throws: unsupported) { try M().encodedSize(version: version) }
        }
    }
}
