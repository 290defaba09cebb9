package import Foundation
import Synchronization

/// A foreign program run by a test: its output is kept, and it is killed at the latest when the test lets go of it.
package final class PeerProcess: Sendable {
    /// What went wrong with a peer, with everything that it printed.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) {
            self.description = description
        }
    }

    private struct State {
        var output = Data()
        var ended = false
        /// Everything printed has arrived; a moment after the end at the latest, for children that keep the pipe open.
        var isDrained = false
        var status: Int32 = 0
    }

    private let process: Process
    private let input = Pipe()
    private let state: Mutex<State>

    /// Starts `executable` with standard output and standard error joined.
    package init(_ executable: URL, _ arguments: [String], environment: [String: String] = [:]) throws {
        self.process = Process()
        self.state = Mutex(State())
        let pipe = Pipe()
        self.process.executableURL = executable
        self.process.arguments = arguments
        self.process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        self.process.standardInput = self.input
        self.process.standardOutput = pipe
        self.process.standardError = pipe
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                self?.state.withLock { $0.isDrained = true }
            } else {
                self?.state.withLock { $0.output.append(data) }
            }
        }
        self.process.terminationHandler = { [weak self] process in
            let status = process.terminationStatus
            self?.state.withLock {
                $0.ended = true
                $0.status = status
            }
            DispatchQueue.global().asyncAfter(deadline: .now() + 1) { [weak self] in
                self?.state.withLock { $0.isDrained = true }
            }
        }
        try self.process.run()
    }

    deinit {
        if self.process.isRunning { kill(self.process.processIdentifier, SIGKILL) }
    }

    package var processIdentifier: Int32 { self.process.processIdentifier }

    /// Everything printed so far.
    package var output: String {
        self.state.withLock { String(decoding: $0.output, as: UTF8.self) }
    }

    package var hasEnded: Bool { self.state.withLock { $0.ended && $0.isDrained } }

    /// Sends one line to the standard input.
    package func write(line: String) throws {
        try self.input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
    }

    package func closeInput() throws {
        try self.input.fileHandleForWriting.close()
    }

    /// Waits for a printed line that `accept` maps to a value; fails when the process ends or the time is up.
    package func line<Value>(
        within limit: Duration = .seconds(30),
        _ accept: (String) -> Value?
    ) async throws -> Value {
        var found: Value?
        try await poll(within: limit, "\(self.name) printed nothing that was waited for:\n\(self.output)") {
            for line in self.output.split(separator: "\n") where found == nil {
                found = accept(String(line))
            }
            if found == nil && self.hasEnded {
                throw Failure(description: "\(self.name) ended too early:\n\(self.output)")
            }
            return found != nil
        }
        guard let found else { throw Failure(description: "\(self.name): no such line") }
        return found
    }

    /// Waits for the end of the process and returns its status; kills it when the time is up.
    @discardableResult
    package func exit(within limit: Duration = .seconds(120)) async throws -> Int32 {
        do {
            try await poll(within: limit, "\(self.name) did not end in \(limit):\n\(self.output)") { self.hasEnded }
        } catch {
            self.signal(SIGKILL)
            throw error
        }
        return self.state.withLock { $0.status }
    }

    /// Waits for the end of the process, which has to be a success, and returns what it printed.
    @discardableResult
    package func success(within limit: Duration = .seconds(120)) async throws -> String {
        let status = try await self.exit(within: limit)
        guard status == 0 else {
            throw Failure(description: "\(self.name) ended with status \(status):\n\(self.output)")
        }
        return self.output
    }

    package func signal(_ number: Int32) {
        if self.process.isRunning { kill(self.process.processIdentifier, number) }
    }

    private var name: String {
        let program = self.process.executableURL?.lastPathComponent ?? "?"
        return ([program] + (self.process.arguments ?? [])).joined(separator: " ")
    }
}

/// Looks at a condition every few milliseconds until it holds; throws with `complaint` after `limit`.
package func poll(
    within limit: Duration = .seconds(30),
    _ complaint: @autoclosure () -> String,
    until condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while !(try await condition()) {
        guard ContinuousClock.now < deadline else { throw PeerProcess.Failure(description: complaint()) }
        try await Task.sleep(for: .milliseconds(5))
    }
}
