package import ArgumentParser
import Foundation
import KafkaClient
import KafkaProtocol
import Logging
import Mirror
import MirrorModel
import NIOPosix

/// `kafka-mirror offsets translate`: the positions of groups at the other cluster, from what Kafka holds of the mirror.
package struct OffsetsTranslateCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "translate",
        abstract: "Print where consumer groups of one cluster go on at another.",
        discussion: """
            Offsets that groups have committed at --from are translated to positions at --to, whether the mirror runs \
            or not. Nothing is changed. Topics that the flow FROM->TO mirrors are translated forward; topics that the \
            flow TO->FROM has brought here are translated back, so that consumers can return after a failover.

            HOW: exact = the next record the group would read; bounded = not past it, some records may come again; \
            earliest = the group stands before all mirrored records; none = no position, and why.

            Exit status: 0, 1 when there is no answer, 2 when the file cannot be used, 64 for a wrong command line.
            """
    )

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case table, json
    }

    @Argument(help: ArgumentHelp("The properties file.", valueName: "file"))
    var file: String

    @Option(help: "A group; may be given several times. Without it all groups that the file selects.")
    var group: [String] = []

    @Option(help: "Alias of the cluster where the groups have read. Without it each flow that is on, in its direction.")
    var from: String?

    @Option(help: "Alias of the cluster where they are to go on.")
    var to: String?

    @Option(help: "How to print the answer.")
    var format: Format = .table

    @Option(help: "Seconds to wait for a running mirror to write down how far it is.")
    var wait = 3

    package init() {}

    package func validate() throws {
        guard (from == nil) == (to == nil) else { throw ValidationError("--from and --to belong together") }
        guard (0...3600).contains(wait) else { throw ValidationError("--wait must be between 0 and 3600, not \(wait)") }
    }

    package func run() async throws {
        var command = RunCommand()
        command.file = file
        command.clusters = []
        let configuration = try command.readConfiguration()
        do {
            let answers = try await answers(configuration)
            switch format {
            case .table: print(OffsetAnswerText.table(answers), terminator: "")
            case .json: print(try OffsetAnswerText.json(answers))
            }
        } catch {
            FileHandle.standardError.write(Data("error: \(error)\n".utf8))
            throw ExitCode(1)
        }
    }

    private func answers(_ configuration: MirrorConfiguration) async throws -> [OffsetAnswer] {
        var inquiries = OffsetInquiry.all(configuration)
        if let from, let to { inquiries = [try OffsetInquiry(configuration, from: from, to: to)] }
        let logger = Logger(label: "kafka-mirror") { _ in PlainLogHandler(logLevel: .error) }
        var answers: [OffsetAnswer] = []
        var failure: (any Error)?
        for inquiry in inquiries {
            do {
                answers.append(
                    try await inquiry.answer(
                        groups: group.isEmpty ? nil : group.map { GroupID($0) },
                        patience: .seconds(wait),
                        eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
                        logger: logger,
                        deadline: .after(.seconds(30 + wait))
                    )
                )
            } catch {
                // Of several flows only one may know the group.
                failure = error
                if inquiries.count > 1, !(error is OffsetInquiry.Problem) { throw error }
            }
        }
        if answers.isEmpty, let failure { throw failure }
        return answers
    }
}
