package import ArgumentParser

/// `kafka-mirror`: everything is a subcommand.
package struct KafkaMirrorCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "kafka-mirror",
        abstract: "Cross-cluster data mirroring for Apache Kafka, from MirrorMaker 2's properties file.",
        subcommands: [SandboxCommand.self, DemoCommand.self]
    )

    package init() {}
}
