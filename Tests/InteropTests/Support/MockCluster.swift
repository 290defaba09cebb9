import Foundation
import Synchronization
import TestSupport

/// librdkafka's mock cluster of three brokers, in a process of its own.
final class MockCluster: Sendable {
    let process: PeerProcess
    let bootstrapServers: String
    private let answers = Mutex(0)

    init(brokers: Int = 3) async throws {
        struct Ready: Decodable { var bootstrap: String }
        self.process = try Peers.python("mock_cluster", ["\(brokers)"])
        self.bootstrapServers = try await self.process.line { line in
            try? JSONDecoder().decode(Ready.self, from: Data(line.utf8)).bootstrap
        }
    }

    /// Sends a command and waits until it is carried out.
    func command(_ json: String) async throws {
        let number = self.answers.withLock { count in
            count += 1
            return count
        }
        try self.process.write(line: json)
        try await poll(within: .seconds(10), "The mock cluster does not answer \(json):\n\(self.process.output)") {
            self.replies.count >= number
        }
        guard self.replies[number - 1].contains("true") else {
            throw PeerProcess.Failure(description: "The mock cluster refuses \(json): \(self.replies[number - 1])")
        }
    }

    func topic(_ name: String, partitions: Int) async throws {
        try await self.command(#"{"do": "topic", "name": "\#(name)", "partitions": \#(partitions)}"#)
    }

    func moveLeader(_ topic: String, _ partition: Int, to broker: Int) async throws {
        try await self.command(
            #"{"do": "leader", "name": "\#(topic)", "partition": \#(partition), "broker": \#(broker)}"#
        )
    }

    /// The next requests of an API fail with these codes, one after the other; -195 closes the connection.
    func fail(api: Int, codes: [Int]) async throws {
        try await self.command(#"{"do": "errors", "api": \#(api), "codes": \#(codes)}"#)
    }

    func setBroker(_ broker: Int, isUp: Bool) async throws {
        try await self.command(#"{"do": "\#(isUp ? "up" : "down")", "broker": \#(broker)}"#)
    }

    func setDelay(_ broker: Int, milliseconds: Int) async throws {
        try await self.command(#"{"do": "delay", "broker": \#(broker), "ms": \#(milliseconds)}"#)
    }

    private var replies: [Substring] {
        self.process.output.split(separator: "\n").filter { $0.hasPrefix(#"{"ok""#) }
    }
}
