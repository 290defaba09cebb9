import Foundation
import TestSupport

/// A `kafka-mirror run` in a process of its own, with a properties file.
final class MirrorProcess: Sendable {
    private let folder: TemporaryFolder
    let process: PeerProcess
    private let started = ContinuousClock.now

    /// One flow from A to B.
    ///
    /// - Parameter properties: Added to the clusters and the flow; these win.
    convenience init(
        from source: String,
        to target: String,
        topics: String,
        properties: [String: String] = [:],
        environment: [String: String] = [:]
    ) throws {
        let flow = [
            "clusters": "A, B", "A.bootstrap.servers": source, "B.bootstrap.servers": target,
            "A->B.enabled": "true", "A->B.topics": topics,
        ]
        try self.init(properties: flow.merging(properties) { $1 }, environment: environment)
    }

    /// - Parameters:
    ///   - arguments: Further arguments of `run`.
    ///   - environment: Added to that of the tests.
    init(properties: [String: String], arguments: [String] = [], environment: [String: String] = [:]) throws {
        // Many of the brokers are single ones.
        var all = [
            "replication.factor": "1", "offset.storage.replication.factor": "1",
            "status.storage.replication.factor": "1",
            "config.storage.replication.factor": "1", "offset-syncs.topic.replication.factor": "1",
            "checkpoints.topic.replication.factor": "1", "heartbeats.topic.replication.factor": "1",
            // Tests count records.
            "emit.heartbeats.enabled": "false",
        ]
        all.merge(properties) { $1 }
        let folder = try TemporaryFolder()
        let file = try folder.write(
            "mirror.properties",
            all.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }.joined()
        )
        self.folder = folder
        self.process = try Peers.mirror(["run", "--report", "1", file] + arguments, environment: environment)
    }

    /// Waits for a line of the log that contains all of these, prints it for people to judge, and returns it.
    @discardableResult
    func told(_ words: String..., within limit: Duration = .seconds(30)) async throws -> String {
        let line = try await self.process.line(within: limit) { line in
            !line.contains("records=") && words.allSatisfy { line.contains($0) } ? line : nil
        }
        print("told: \(line)")
        return line
    }

    /// Ends the mirror as an operator does; it has to be done within ten seconds and to succeed.
    func stop() async throws {
        let begin = ContinuousClock.now
        self.process.signal(SIGTERM)
        let status = try await self.process.exit(within: .seconds(10))
        guard status == 0 else {
            throw PeerProcess.Failure(description: "kafka-mirror ended with \(status):\n\(self.process.output)")
        }
        print("kafka-mirror stopped in \(ContinuousClock.now - begin)")
    }

    /// Ends the mirror as a power cut does.
    func kill() async throws {
        self.process.signal(SIGKILL)
        try await self.process.exit(within: .seconds(10))
    }
}
