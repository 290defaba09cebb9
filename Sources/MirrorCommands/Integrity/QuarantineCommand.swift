package import ArgumentParser
import Foundation
import KafkaClient
import KafkaProtocol
import Mirror
import MirrorModel

/// `kafka-mirror quarantine`: partitions that are stopped.
package struct QuarantineCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "quarantine",
        abstract: "List partitions that are stopped, and release them.",
        subcommands: [QuarantineListCommand.self, QuarantineReleaseCommand.self]
    )

    package init() {}
}

/// `kafka-mirror quarantine list`.
package struct QuarantineListCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List partitions that are stopped, each with its reason.",
        discussion: """
            Running mirrors write them into the topic kafka-mirror-control.SOURCE.internal of their targets.

            Exit status: 0, 1 when a target cannot be read, 2 when the file cannot be used.
            """
    )

    @Argument(help: ArgumentHelp("The properties file.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("Only this flow.", valueName: "A->B"))
    var flow: String?

    @Option(help: "How to print them.")
    var format: OutputFormat = .table

    package init() {}

    package func run() async throws {
        var found: [(flow: String, partition: TopicPartition, entry: QuarantineEntry)] = []
        try await FlowReader(file: file, flow: flow).forEach { flow, client in
            let state = try await ControlDesk(flow, client: client).read(deadline: .after(.seconds(20)))
            found += state.stopped.sorted { $0.key < $1.key }.map { (flow.name, $0.key, $0.value) }
        }
        for line in Self.lines(found, format) { print(line) }
    }

    static func lines(
        _ found: [(flow: String, partition: TopicPartition, entry: QuarantineEntry)],
        _ format: OutputFormat
    ) -> [String] {
        switch format {
        case .json:
            return found.map { item in
                let key = ControlKey(.quarantine, flow: item.flow, partition: item.partition)
                let subject = String(decoding: key.bytes, as: UTF8.self).dropLast()
                return subject + "," + String(decoding: item.entry.bytes, as: UTF8.self).dropFirst()
            }
        case .table:
            if found.isEmpty { return ["no partition is stopped"] }
            var table = TextTable("SINCE", "FLOW", "PARTITION", "OFFSET", "BATCH END", "CLUSTER", "RETRIED", "REASON")
            for (flow, partition, entry) in found {
                table.add(
                    TextTable.time(entry.since),
                    flow,
                    "\(partition)",
                    "\(entry.offset)",
                    entry.batchEnd.map { "\($0)" } ?? "?",
                    entry.cluster,
                    entry.isRetried ? "yes" : "no",
                    "\(entry.message). \(entry.nextStep)"
                )
            }
            return table.lines
        }
    }
}

/// `kafka-mirror quarantine release`.
package struct QuarantineReleaseCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Let stopped partitions go on.",
        discussion: """
            Without further options a partition is tried again where it stopped, or goes on as the policy continue would. \
            What is skipped becomes an entry of the gap ledger. The running mirror does it and answers.

            Exit status: 0 when all were released, 1 when one was not, 2 when the file cannot be used.
            """
    )

    @Argument(help: ArgumentHelp("The properties file.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("Only this flow.", valueName: "A->B"))
    var flow: String?

    @Option(help: "The source topic.")
    var topic: String

    @Option(help: "Only this partition.")
    var partition: Int32?

    @Option(help: "Go on at this source offset, and leave out what stands before it.")
    var skipTo: Int64?

    @Flag(help: "Leave out the batch in the way.")
    var skipBatch = false

    @Option(help: ArgumentHelp("How long to wait for the mirror.", valueName: "seconds"))
    var wait = 30

    package init() {}

    package func validate() throws {
        if skipTo != nil, skipBatch { throw ValidationError("--skip-to and --skip-batch: name one of them") }
        if let skipTo, skipTo < 0 { throw ValidationError("--skip-to needs an offset, not \(skipTo)") }
        if skipTo != nil, partition == nil { throw ValidationError("--skip-to needs --partition") }
        if wait < 1 { throw ValidationError("--wait needs at least one second, not \(wait)") }
    }

    package func run() async throws {
        let action: ReleaseOrder.Action =
            if let skipTo { .skipTo(skipTo) } else if skipBatch { .skipBatch } else { .goOn }
        var isDone = true
        var count = 0
        try await FlowReader(file: file, flow: flow).forEach { flow, client in
            let desk = ControlDesk(flow, client: client)
            let stopped = try await desk.read(deadline: .after(.seconds(20))).stopped.keys
                .filter { $0.topic == TopicName(topic) && (partition ?? $0.partition) == $0.partition }.sorted()
            guard !stopped.isEmpty else { return }
            count += stopped.count
            let answers = try await desk.release(
                stopped,
                action,
                id: UUID().uuidString,
                deadline: .after(.seconds(wait))
            )
            for partition in stopped {
                let answer =
                    answers[partition]
                    ?? "no mirror has answered: the order waits in topic \(desk.topicName) for one that runs the flow"
                print("\(flow.name) \(partition): \(answer)")
                if answer != "done" { isDone = false }
            }
        }
        if count == 0 {
            print("no partition of \(topic) is stopped")
            isDone = false
        }
        if !isDone { throw ExitCode(1) }
    }
}
