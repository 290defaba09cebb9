package import ArgumentParser
import Foundation
import KafkaClient
import KafkaProtocol
import Mirror
import MirrorModel

/// `kafka-mirror gaps`: what the ledgers of the flows hold.
package struct GapsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "gaps",
        abstract: "List where copies differ from their sources.",
        discussion: """
            Every flow keeps a ledger in the topic kafka-mirror-gaps.SOURCE.internal of its target. An entry is written \
            before the mirror goes on behind the gap.

            Exit status: 0, also when there is no gap; 1 when a ledger cannot be read, 2 when the file cannot be used.
            """
    )

    @Argument(help: ArgumentHelp("The properties file.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("Only this flow.", valueName: "A->B"))
    var flow: String?

    @Option(help: ArgumentHelp("Only topics whose whole name, here or at the source, matches.", valueName: "regex"))
    var topic: String?

    @Option(help: "How to print them.")
    var format: OutputFormat = .table

    package init() {}

    package func run() async throws {
        let pattern = try TopicPattern(topic)
        let flows = try FlowReader(file: file, flow: flow)
        var gaps: [Gap] = []
        try await flows.forEach { flow, client in
            let topic = Gap.ledgerTopic(sourceAlias: flow.sourceAlias)
            gaps += try await GapLedger.read(topic, client: client, deadline: .after(.seconds(20)))
                .filter { $0.flow == flow.name && pattern.matches($0) }
        }
        for line in Self.lines(gaps, format) { print(line) }
    }

    static func lines(_ gaps: [Gap], _ format: OutputFormat) -> [String] {
        let gaps = gaps.sorted {
            ($0.timestamp, $0.topic, $0.partition, $0.from) < ($1.timestamp, $1.topic, $1.partition, $1.from)
        }
        switch format {
        case .json: return gaps.map { String(decoding: $0.bytes, as: UTF8.self) }
        case .table:
            if gaps.isEmpty { return ["no gaps"] }
            var table = TextTable(
                "FOUND",
                "FLOW",
                "KIND",
                "CLUSTER",
                "PARTITION",
                "FROM",
                "TO",
                "RECORDS",
                "POLICY",
                "WHAT"
            )
            for gap in gaps {
                table.add(
                    TextTable.time(gap.timestamp),
                    gap.flow,
                    gap.kind.rawValue,
                    gap.cluster,
                    "\(gap.topicPartition)",
                    "\(gap.from)",
                    gap.to < gap.from ? "?" : "\(gap.to)",
                    gap.records.map { "\($0)" } ?? "?",
                    gap.policy.rawValue,
                    gap.text
                )
            }
            return table.lines
        }
    }
}

/// How lists are printed.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table
    /// One object a line.
    case json
}

/// `--topic` of commands that list.
struct TopicPattern {
    private let pattern: NamePattern?

    init(_ text: String?) throws {
        do throws(NamePattern.SyntaxError) {
            pattern = try text.map { expression throws(NamePattern.SyntaxError) in try NamePattern([expression]) }
        } catch {
            throw ValidationError("--topic “\(text ?? "")” \(error.reason): \(error.nextStep)")
        }
    }

    func matches(_ gap: Gap) -> Bool {
        pattern.map { $0.matches(gap.topic.string) || $0.matches(gap.sourceTopic.string) } ?? true
    }
}
