package import ArgumentParser

/// `kafka-mirror`: everything is a subcommand.
package struct KafkaMirrorCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "kafka-mirror",
        abstract: "Cross-cluster data mirroring for Apache Kafka, from MirrorMaker 2's properties file.",
        version: programVersion,
        subcommands: [
            RunCommand.self, OffsetsCommand.self, GapsCommand.self, QuarantineCommand.self, SandboxCommand.self,
            DemoCommand.self,
            VersionCommand.self,
        ]
    )

    package init() {}
}

/// `kafka-mirror version`.
package struct VersionCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Print the version."
    )

    package init() {}

    package func run() {
        print("kafka-mirror \(programVersion)")
    }
}

/// The version of the program.
let programVersion = "0.1.0"
