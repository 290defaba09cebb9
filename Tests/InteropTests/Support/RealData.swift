import Foundation
import TestSupport

/// Real data sets in a topic per codec and, with transactions, one more topic.
struct RealData {
    static let codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    var topics: [String]
    /// Records that a read_committed consumer sees.
    var visible: Int
    /// Records of aborted transactions.
    var aborted = 0

    init(topics: [String], visible: Int) {
        self.topics = topics
        self.visible = visible
    }

    /// Produces with librdkafka; every third transaction is aborted.
    init(
        at bootstrap: String,
        prefix: String = "real",
        perCodec: Int,
        transactions: Int = 0,
        partitions: Int = 6,
        extra: [String] = []
    ) async throws {
        struct Summary: Decodable {
            struct Topic: Decodable {
                var records: Int
                var aborted: Int?
            }
            var topics: [String: Topic]
            var failures: [String]
        }
        let output = try await Peers.python(
            "produce",
            [
                "--bootstrap", bootstrap, "--prefix", prefix, "--records", "\(perCodec)", "--partitions",
                "\(partitions)",
                "--transactions", "\(transactions)", "--batch", "500",
            ] + extra
        ).success(within: .seconds(90))
        let line = output.split(separator: "\n").last.map(String.init) ?? ""
        let summary = try JSONDecoder().decode(Summary.self, from: Data(line.utf8))
        guard summary.failures.isEmpty else { throw PeerProcess.Failure(description: output) }
        self.topics = summary.topics.keys.sorted()
        self.visible = summary.topics.values.reduce(0) { $0 + $1.records }
        self.aborted = summary.topics.values.reduce(0) { $0 + ($1.aborted ?? 0) }
    }
}
