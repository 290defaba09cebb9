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
            ["--topics", "orders"], ["--topics", "orders:x"],
        ]
    )
    func refused(arguments: [String]) {
        #expect(throws: (any Error).self) { try SandboxCommand.parse(arguments) }
    }
}
