package import ArgumentParser
import CSupport
import UnixSignals

/// `kafka-mirror demo`: two embedded clusters with live producers, mirrored both ways, shown in the terminal.
package struct DemoCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Mirror two embedded clusters with live producers both ways, and watch it.",
        discussion: """
            Starts clusters A and B of three brokers on loopback, producers that use every codec, and the flows A->B and \
            B->A; compares source and target record by record all the time. Nothing is left behind.
            """
    )

    @Option(help: "End by itself after this many seconds.")
    var seconds: Int?

    package init() {}

    package func validate() throws {
        if let seconds, seconds < 1 { throw ValidationError("--seconds must be at least 1, not \(seconds)") }
    }

    package func run() async throws {
        _ = csupport_keep_large_buffers()
        // Trapped before anything starts, so that an early Ctrl-C ends cleanly as well.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let seconds = self.seconds
        let demo = try await Demo.start()
        let final = await withTaskGroup(of: Void.self) { group in
            group.addTask { await Self.show(demo) }
            let final = await demo.run { await Self.end(signals, after: seconds) }
            group.cancelAll()
            return final
        }
        try summarise(final)
    }

    /// Returns at the first signal, or when the time is up.
    private static func end(_ signals: UnixSignalsSequence, after seconds: Int?) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in signals { return } }
            if let seconds { group.addTask { try? await Task.sleep(for: .seconds(seconds)) } }
            await group.next()
            group.cancelAll()
        }
    }

    private static func show(_ demo: Demo) async {
        var terminal = Terminal()
        var screen = DemoScreen()
        while !Task.isCancelled {
            let snapshot = await demo.snapshot()
            if terminal.isInteractive {
                terminal.show(screen.lines(snapshot))
            } else {
                Terminal.write(screen.line(snapshot) + "\n")
            }
            try? await Task.sleep(for: terminal.isInteractive ? .milliseconds(500) : .seconds(1))
        }
    }

    private func summarise(_ snapshot: DemoSnapshot) throws {
        print("\n\(snapshot.mirrored) records mirrored, \(snapshot.compared) compared, \(snapshot.different) different")
        let unfinished = snapshot.flows.flatMap(\.rows).filter { $0.lag > 0 }
        for row in snapshot.flows.flatMap(\.rows) {
            if let first = row.firstDifference { print("first difference: \(first)") }
        }
        for row in unfinished { print("\(row.topic): \(row.lag) records were not mirrored before the end") }
        guard snapshot.different == 0, snapshot.compared > 0, unfinished.isEmpty else { throw ExitCode.failure }
    }
}
