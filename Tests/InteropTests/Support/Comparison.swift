import Foundation
import TestSupport

/// Compares topics of two clusters record by record, and prints what was compared.
struct Comparison {
    var source: String
    var target: String
    var topics: [String]
    /// What remote topics begin with.
    var prefix = "A."
    var isolation = "read_committed"

    /// With librdkafka, waiting for the target to become complete.
    @discardableResult
    func librdkafka(_ what: String, records: Int, mirror: MirrorProcess?, within seconds: Int = 60) async throws
        -> String
    {
        do {
            let output = try await Peers.python(
                "compare",
                [
                    "--source", self.source, "--target", self.target, "--topics", self.topics.joined(separator: ","),
                    "--alias", self.prefix, "--isolation", self.isolation, "--timeout", "\(seconds)",
                    "--expect", "\(records)",
                ]
            ).success(within: .seconds(Double(seconds + 30)))
            print("\(what), compared by librdkafka: \(output.split(separator: "\n").last ?? "")")
            return output
        } catch {
            let log = mirror?.process.output.suffix(4_000) ?? ""
            throw PeerProcess.Failure(description: "\(what): \(error)\nThe mirror said:\n\(log)")
        }
    }

    /// With Apache Kafka's own client, as the clusters are now.
    func java(_ what: String, version: String) async throws {
        let output = try await Peers.java(
            "Compare",
            version: version,
            [self.source, self.target, self.prefix.isEmpty ? "-" : self.prefix, self.topics.joined(separator: ",")]
        ).success()
        print("\(what), compared by Java \(version): \(output.split(separator: "\n").last ?? "")")
    }
}
