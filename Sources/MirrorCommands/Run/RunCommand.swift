package import ArgumentParser
import CSupport
import Foundation
import KafkaProtocol
import Logging
import Mirror
import MirrorModel
import NIOCore
import NIOPosix
import ServiceLifecycle
import UnixSignals

/// `kafka-mirror run`: mirrors what a properties file asks for until it is told to stop.
package struct RunCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Mirror topics as a MirrorMaker 2 properties file says.",
        discussion: """
            SIGTERM and SIGINT end it in order: what was sent is waited for and progress is written, within ten seconds.

            A second signal ends it at once.

            Exit status: 0 after an orderly end, 1 when a policy has ended a flow or another process has taken it over, 130 or 143 after a second signal, 2 when the file cannot be used, 64 for a wrong command line.
            """
    )

    @Argument(help: ArgumentHelp("The properties file.", valueName: "file"))
    var file: String

    @Option(parsing: .upToNextOption, help: "Run only the flows into these clusters.")
    var clusters: [String] = []

    @Flag(help: "Only check the file, and say which flows it asks for.")
    var check = false

    @Option(help: "Print one line about each flow every so many seconds.")
    var report: Int?

    @Option(help: "Threads that move records, instead of kafka.mirror.threads or one for two cores.")
    var threads: Int?

    @Option(help: "How much to tell.")
    var logLevel: LogLevel = .info

    package init() {}

    package func validate() throws {
        if let threads, !(1...256).contains(threads) {
            throw ValidationError("--threads needs a number from 1 to 256, not \(threads)")
        }
        if let report, report < 1 { throw ValidationError("--report needs at least one second, not \(report)") }
    }

    package func run() async throws {
        let configuration = try readConfiguration()
        if check {
            for line in Self.summary(of: configuration) { print(line) }
            return
        }
        _ = csupport_keep_large_buffers()
        let logger = Logger(label: "kafka-mirror") { [logLevel] _ in PlainLogHandler(logLevel: logLevel.level) }
        // A thread moves about a gigabyte per second. With more of them requests hold fewer batches, and cost as much.
        let count = threads ?? configuration.threads ?? max(1, System.coreCount / 2)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        let service = try MirrorService(
            configuration: configuration,
            eventLoopGroup: group,
            threadPool: .singleton,
            logger: logger
        )
        var services = [
            // It ends by itself when policies have ended all its flows, or other processes have taken them over.
            ServiceGroupConfiguration.ServiceConfiguration(
                service: service,
                successTerminationBehavior: .gracefullyShutdownGroup
            )
        ]
        if let report {
            let reporter = FlowReporter(service: service, interval: .seconds(report))
            services.insert(.init(service: reporter), at: 0)
        }
        var settings = ServiceGroupConfiguration(
            services: services,
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "kafka-mirror") { _ in PlainLogHandler(logLevel: .error) }
        )
        // The flows bound their own end to seven seconds; this is for a flow that does not.
        settings.maximumGracefulShutdownDuration = .seconds(9)
        logger.info("starting", metadata: ["version": "\(programVersion)", "flows": "\(Self.names(configuration))"])
        // Whoever asks twice does not want to wait.
        let impatience = Task { await Self.exitAtSecondSignal(logger) }
        defer { impatience.cancel() }
        try await ServiceGroup(configuration: settings).run()
        logger.info("stopped")
        let failed = await service.status().contains { flow in
            switch flow.phase {
            case .failed, .lost: true
            case .starting, .waiting, .running, .stopping, .stopped: false
            }
        }
        try? await group.shutdownGracefully()
        if failed { throw ExitCode(1) }
    }

    /// Reads and checks the file, tells what is wrong with it, and ends the program when it cannot be used.
    func readConfiguration() throws -> MirrorConfiguration {
        var isFolder: ObjCBool = false
        let exists = unsafe FileManager.default.fileExists(atPath: file, isDirectory: &isFolder)
        guard exists, !isFolder.boolValue, let bytes = FileManager.default.contents(atPath: file) else {
            let isForbidden = exists && !FileManager.default.isReadableFile(atPath: file)
            let reason =
                !exists
                ? "there is no such file"
                : isFolder.boolValue
                    ? "is a folder"
                    : isForbidden ? "may not be read by user \(NSUserName())" : "cannot be read"
            throw Self.failure([
                ConfigurationDiagnostic(
                    .error,
                    file: file,
                    reason: reason,
                    nextStep: isForbidden
                        ? "let this user read it" : "give the path of a MirrorMaker 2 properties file"
                )
            ])
        }
        let targets = clusters.flatMap { $0.split(separator: ",") }
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        let configuration: MirrorConfiguration
        do {
            configuration = try MirrorConfiguration(file: file, bytes: bytes, targets: targets)
        } catch {
            throw Self.failure(error.warnings + error.errors)
        }
        let problems = configuration.clientProblems()
        guard problems.isEmpty else { throw Self.failure(configuration.warnings + problems) }
        Self.tell(configuration.warnings)
        if !configuration.keysWithoutEffect.isEmpty {
            let keys = configuration.keysWithoutEffect.joined(separator: ", ")
            FileHandle.standardError.write(Data("note: \(file): without effect in this version: \(keys)\n".utf8))
        }
        return configuration
    }

    private static func failure(_ diagnostics: [ConfigurationDiagnostic]) -> ExitCode {
        tell(diagnostics)
        return ExitCode(2)
    }

    private static func tell(_ diagnostics: [ConfigurationDiagnostic]) {
        for diagnostic in diagnostics {
            let severity = diagnostic.severity == .error ? "error" : "warning"
            FileHandle.standardError.write(Data("\(severity): \(diagnostic)\n".utf8))
        }
    }

    /// Signals that follow the first one within this time count as the same.
    private static let echo = Duration.milliseconds(500)

    /// Ends the program on the spot when a second SIGINT or SIGTERM comes.
    private static func exitAtSecondSignal(_ logger: Logger) async {
        var asked: ContinuousClock.Instant?
        for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm) {
            if let asked {
                // timeout(1), shells and wrappers hand on a signal that the whole group gets: the same wish, twice.
                guard ContinuousClock.now - asked >= Self.echo else { continue }
                logger.warning("stopped at once, progress since the last write is found again at the next start")
                Foundation.exit(signal == .sigint ? 130 : 143)
            }
            asked = .now
            logger.info("stopping, a second signal ends it at once")
        }
    }

    private static func names(_ configuration: MirrorConfiguration) -> String {
        configuration.flows.filter(\.isEnabled).map(\.name).joined(separator: ", ")
    }

    /// What `--check` prints: one paragraph for each flow that is on.
    static func summary(of configuration: MirrorConfiguration) -> [String] {
        configuration.flows.filter(\.isEnabled).flatMap { flow in
            [
                "\(flow.name)",
                "  topics    \(flow.selection.filter.include.source)",
                "  except    \(flow.selection.filter.exclude.source)",
                "  named     \(flow.selection.targetTopic(of: "TOPIC")) at \(flow.targetAlias)",
                "  progress  \(flow.progressTopic.name) at \(flow.targetAlias), every \(flow.progressIntervalMs) ms",
                "  source    \(flow.sourceConsumer["bootstrap.servers"] ?? "")",
                "  target    \(flow.targetProducer["bootstrap.servers"] ?? "")",
            ]
        }
    }
}

/// How much is told, as a command line names it.
enum LogLevel: String, CaseIterable, ExpressibleByArgument {
    case trace, debug, info, notice, warning, error, critical

    var level: Logger.Level { Logger.Level(rawValue: rawValue) ?? .info }
}
