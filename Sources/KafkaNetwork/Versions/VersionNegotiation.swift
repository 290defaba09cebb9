import KafkaProtocol
import NIOCore

/// Reads answers to ApiVersions, including those of brokers that do not know the version asked in.
enum VersionNegotiation {
    /// What is asked first: every broker since Kafka 2.4 knows it, and it tells who we are.
    static let firstVersion: Int16 = 3

    enum Answer: Equatable {
        case table(ApiVersionTable)
        /// Ask again in this version.
        case retry(version: Int16)
        case refused(ErrorCode)
        /// The bytes are no answer to ApiVersions.
        case malformed(String)
    }

    /// - Parameters:
    ///   - body: the answer behind its header.
    ///   - version: the version that was asked in.
    static func read(_ body: ByteBuffer, version: Int16) -> Answer {
        guard let code = body.getInteger(at: body.readerIndex, as: Int16.self) else {
            return .malformed("it is too short")
        }
        if ErrorCode(code) == .unsupportedVersion {
            return version == 0 ? .refused(.unsupportedVersion) : .retry(version: fallback(body, from: version))
        }
        var rest = body
        do throws(WireError) {
            let response = try ApiVersionsResponse.decode(from: &rest, version: version)
            guard response.errorCode == .none else { return .refused(response.errorCode) }
            let table = ApiVersionTable(response)
            return table.ranges.isEmpty ? .malformed("it names no API") : .table(table)
        } catch {
            return .malformed("\(error)")
        }
    }

    /// The version for the second try: the broker's newest, if its answer can be read (some answer with a body that
    /// cannot), else 0, which every broker knows.
    private static func fallback(_ body: ByteBuffer, from version: Int16) -> Int16 {
        var rest = body
        guard let response = try? ApiVersionsResponse.decode(from: &rest, version: 0),
            let highest = ApiVersionTable(response).range(for: .apiVersions)?.upperBound
        else { return 0 }
        return max(0, min(highest, version - 1))
    }
}
