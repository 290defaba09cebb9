import ArgumentParser
import Foundation
import KafkaClient
import Logging
import Mirror
import MirrorModel
import NIOPosix

/// The flows that a command looks at, each with a client of its target.
struct FlowReader {
    let flows: [FlowConfiguration]

    init(file: String, flow name: String?) throws {
        var command = RunCommand()
        command.file = file
        command.clusters = []
        let enabled = try command.readConfiguration().flows.filter(\.isEnabled)
        guard let name else {
            flows = enabled
            return
        }
        flows = enabled.filter { $0.name == name }
        if flows.isEmpty {
            throw ValidationError(
                "--flow \(name): \(file) switches on \(enabled.map(\.name).joined(separator: ", ")) only"
            )
        }
    }

    /// Runs `body` for each flow; a target that cannot be read is told, the others are read all the same.
    func forEach(_ body: (FlowConfiguration, KafkaClient) async throws -> Void) async throws {
        var hasFailed = false
        for flow in flows {
            do {
                try await Self.withTarget(of: flow) { try await body(flow, $0) }
            } catch let code as ExitCode {
                throw code
            } catch {
                hasFailed = true
                FileHandle.standardError.write(Data("error: \(flow.name): \(error)\n".utf8))
            }
        }
        if hasFailed { throw ExitCode(1) }
    }

    private static func withTarget(
        of flow: FlowConfiguration,
        _ body: (KafkaClient) async throws -> Void
    ) async throws {
        let client = try KafkaClient(
            name: flow.targetAlias,
            properties: flow.targetAdmin,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "kafka-mirror") { _ in PlainLogHandler(logLevel: .error) }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await client.run() }
            defer { client.close() }
            try await body(client)
        }
    }
}
