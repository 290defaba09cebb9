import ArgumentParser
import LocalKafka
import MirrorModel
import Testing

@testable import MirrorCommands

@Suite("The sandbox")
struct SandboxTests {
    @Test("Its properties file mirrors every cluster to every other one")
    func properties() async throws {
        let clusters = ["east", "west", "north"].map { SandboxCluster(alias: $0, brokers: 3) }
        for cluster in clusters { try await cluster.start(topics: [("orders", 4)]) }
        let text = SandboxProperties.text(clusters)
        let configuration = try MirrorConfiguration(file: "sandbox.properties", bytes: text.utf8)
        #expect(configuration.flows.filter(\.isEnabled).count == 6)
        for cluster in clusters { await cluster.cluster.stop() }
    }

    @Test(
        "Arguments that make no sense are refused",
        arguments: [
            ["--clusters", "A,A"], ["--clusters", ""], ["--brokers", "0"], ["--port", "65535", "--brokers", "3"],
            ["--topics", "orders"], ["--topics", "orders:x"], ["--topics", "a b:3"],
        ]
    )
    func refused(arguments: [String]) {
        #expect(throws: (any Error).self) { try SandboxCommand.parse(arguments) }
    }

    @Test("What keeps it from starting is told with the next step")
    func troubles() async throws {
        let other = SandboxCluster(alias: "other", brokers: 1)
        try await other.start()
        let address = other.bootstrapServers
        let port = String(address.split(separator: ":").last ?? "")
        func reason(_ arguments: [String]) async throws -> String {
            do {
                try await SandboxCommand.parse(arguments).run()
                return "it ran"
            } catch {
                return "\(error)"
            }
        }
        #expect(
            try await reason(["--clusters", "A", "--port", port])
                == "cluster A: cannot listen on \(address): Address already in use; choose other ports with --port, or "
                + "leave it out for free ones"
        )
        let file = "/nowhere/mirror.properties"
        #expect(
            try await reason(["--properties", file]).hasPrefix("the properties file \(file) cannot be written; check")
        )
        await other.cluster.stop()
    }
}
