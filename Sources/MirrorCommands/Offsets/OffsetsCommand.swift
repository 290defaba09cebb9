package import ArgumentParser

/// `kafka-mirror offsets`: what is to be known about offsets of consumers.
package struct OffsetsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "offsets",
        abstract: "Where consumer groups of one cluster go on at another.",
        subcommands: [OffsetsTranslateCommand.self]
    )

    package init() {}
}
