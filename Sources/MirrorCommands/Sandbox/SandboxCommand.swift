package import ArgumentParser
import Foundation
import LocalKafka
import Logging
import ServiceLifecycle
import UnixSignals

/// `kafka-mirror sandbox`: Kafka-compatible clusters in this process, on loopback, for people to try things.
package struct SandboxCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "Run Kafka-compatible clusters in memory on loopback, to try things out.",
        discussion: """
            Everything is lost when the command ends. With --properties it also writes a file for 'kafka-mirror run' \
            that mirrors every cluster to every other one.

            With --control each broker opens a second listener for a proxy in front of it, and orders are read from \
            standard input, one a line, each answered by 'ok' or 'error: ...':

            \(SandboxOrder.help)
            """
    )

    @Option(help: "Aliases of the clusters, separated by commas.")
    var clusters = "A,B"

    @Option(help: "Brokers per cluster.")
    var brokers = 1

    @Option(help: "First port; brokers count upwards from it. Free ports are taken when it is not given.")
    var port: Int?

    @Option(help: "Topics that each cluster starts with, as NAME:PARTITIONS, separated by commas.")
    var topics = ""

    @Option(help: "Write a properties file for 'kafka-mirror run' here.")
    var properties: String?

    @Flag(help: "Read orders from standard input: move leaders, stop brokers, inject faults.")
    var control = false

    @Flag(help: "Do not create topics that a client merely asks about.")
    var noAutoCreate = false

    package init() {}

    private var aliases: [String] {
        self.clusters.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    package func validate() throws {
        guard !self.aliases.isEmpty, !self.aliases.contains("") else {
            throw ValidationError("--clusters needs at least one alias, such as --clusters A,B")
        }
        guard Set(self.aliases).count == self.aliases.count else {
            throw ValidationError("--clusters names an alias twice: \(self.clusters)")
        }
        guard (1...100).contains(self.brokers) else {
            throw ValidationError("--brokers must be between 1 and 100, not \(self.brokers)")
        }
        if let port, !(1...(65_536 - self.aliases.count * self.brokers)).contains(port) {
            throw ValidationError("--port \(port) leaves no room for \(self.aliases.count * self.brokers) brokers")
        }
        _ = try self.initialTopics()
    }

    private func initialTopics() throws -> [(name: String, partitions: Int32)] {
        try self.topics.split(separator: ",").map { entry in
            let parts = entry.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let partitions = Int32(parts[1]), partitions > 0, !parts[0].isEmpty else {
                throw ValidationError("--topics: '\(entry)' is not NAME:PARTITIONS")
            }
            if let complaint = Cluster.complaint(aboutTopicName: String(parts[0])) {
                throw ValidationError("--topics: \(complaint)")
            }
            return (String(parts[0]), partitions)
        }
    }

    package func run() async throws {
        let started = try await self.start()
        Self.say("Ctrl-C ends it.")
        if self.control { SandboxControl(clusters: started).start() }
        var logger = Logger(label: "sandbox")
        logger.logLevel = .error
        let services = started.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services,
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        try await group.run()
    }

    /// What keeps the sandbox from starting, with the next step.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private func start() async throws -> [SandboxCluster] {
        var clusters: [SandboxCluster] = []
        do {
            try await self.start(&clusters)
            return clusters
        } catch {
            for cluster in clusters { await cluster.cluster.stop() }
            throw error
        }
    }

    private func start(_ started: inout [SandboxCluster]) async throws {
        for (index, alias) in self.aliases.enumerated() {
            let first = self.port.map { $0 + index * self.brokers }
            let cluster = SandboxCluster(
                alias: alias,
                brokers: self.brokers,
                ports: first.map { Array($0..<($0 + self.brokers)) } ?? [],
                autoCreateTopics: !self.noAutoCreate,
                isProxied: self.control
            )
            started.append(cluster)
            do {
                try await cluster.start(topics: try self.initialTopics())
            } catch let error as LocalCluster.CannotListen {
                throw Failure(
                    description:
                        "cluster \(alias): \(error); choose other ports with --port, or leave it out for free ones"
                )
            } catch {
                throw Failure(description: "cluster \(alias) does not start: \(error)")
            }
            Self.say("\(alias)  \(cluster.bootstrapServers)")
            if self.control {
                let proxied = cluster.cluster.bootstrapServers(listener: SandboxCluster.proxiedListener)
                Self.say("\(alias)  \(proxied)  for proxies")
            }
        }
        if let properties {
            do {
                try Data(SandboxProperties.text(started).utf8).write(to: URL(filePath: properties), options: .atomic)
            } catch {
                throw Failure(
                    description:
                        "the properties file \(properties) cannot be written; check that its folder exists and "
                        + "may be written to"
                )
            }
            Self.say("\nkafka-mirror run \(properties)")
        }
    }

    /// Prints a line at once, also into a pipe.
    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }
}
