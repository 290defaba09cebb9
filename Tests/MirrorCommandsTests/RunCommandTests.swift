import ArgumentParser
import Foundation
import Logging
import Mirror
import MirrorModel
import Testing

@testable import MirrorCommands

@Suite struct RunCommandTests {
    @Test func theCommandLine() throws {
        let command = try #require(
            try KafkaMirrorCommand.parseAsRoot(["run", "m.properties", "--clusters", "A,B", "C", "--report", "5"])
                as? RunCommand
        )
        #expect(command.file == "m.properties")
        #expect(command.clusters == ["A,B", "C"])
        #expect(command.report == 5)
        #expect(command.logLevel == .info)
        #expect(throws: (any Error).self) { try KafkaMirrorCommand.parseAsRoot(["run"]) }
        #expect(throws: (any Error).self) { try KafkaMirrorCommand.parseAsRoot(["run", "f", "--report", "0"]) }
        #expect(throws: (any Error).self) { try KafkaMirrorCommand.parseAsRoot(["run", "f", "--log-level", "loud"]) }
        #expect(try KafkaMirrorCommand.parseAsRoot(["version"]) is VersionCommand)
    }

    @Test func aFileThatCannotBeUsedEndsWithStatusTwo() throws {
        for file in ["/no/such/file", "/"] {
            let command = try #require(try RunCommand.parseAsRoot([file]) as? RunCommand)
            #expect(throws: ExitCode(2)) { try command.readConfiguration() }
        }
        try withFile("clusters = A, B\nA->B.enabled = true\n") { path in
            let command = try #require(try RunCommand.parseAsRoot([path]) as? RunCommand)
            #expect(throws: ExitCode(2)) { try command.readConfiguration() }
        }
    }

    @Test func clustersLimitTheFlowsAndTheSummaryTellsThem() throws {
        let text = """
            clusters = A, B
            A.bootstrap.servers = a:1
            B.bootstrap.servers = b:1
            A->B.enabled = true
            B->A.enabled = true
            """
        try withFile(text) { path in
            let all = try #require(try RunCommand.parseAsRoot([path]) as? RunCommand)
            #expect(try all.readConfiguration().flows.map(\.name) == ["A->B", "B->A"])
            let one = try #require(try RunCommand.parseAsRoot([path, "--clusters", "A"]) as? RunCommand)
            let configuration = try one.readConfiguration()
            #expect(configuration.flows.map(\.name) == ["B->A"])
            let summary = RunCommand.summary(of: configuration)
            #expect(summary.first == "B->A")
            #expect(summary.contains("  named     B.TOPIC at A"))
        }
    }

    @Test func clientFilesThatCannotBeReadNameTheirPlace() throws {
        let text = """
            clusters = A, B
            A.bootstrap.servers = a:1
            B.bootstrap.servers = b:1
            A->B.enabled = true
            A.security.protocol = SSL
            A.ssl.truststore.type = PEM
            A.ssl.truststore.location = /no/such/file.pem
            """
        let configuration = try MirrorConfiguration(file: "m.properties", bytes: text.utf8)
        let problems = configuration.clientProblems()
        #expect(problems.count == 1)
        #expect(problems.first?.line == 7)
        #expect(problems.first?.key == "A.ssl.truststore.location")
    }

    @Test(arguments: [
        "A.consumer.retry.backoff.max.ms", "A.consumer.metadata.max.age.ms", "B.producer.retry.backoff.max.ms",
        // Of the client that writes offset syncs; without effect here but a mistake all the same; of an admin client.
        "A.producer.request.timeout.ms", "A.consumer.max.poll.records", "A.admin.default.api.timeout.ms",
    ])
    func numbersOfClientsNameTheirPlace(key: String) throws {
        let text = """
            clusters = A, B
            A.bootstrap.servers = a:1
            B.bootstrap.servers = b:1
            A->B.enabled = true
            \(key) = soon
            """
        let problems = try MirrorConfiguration(file: "m.properties", bytes: text.utf8).clientProblems()
        #expect(problems.count == 1, "\(problems)")
        #expect(problems.first?.line == 5 && problems.first?.key == key, "\(problems)")
        #expect(problems.first?.description.contains("soon") == true)
    }

    @Test func logLinesAreForPeople() {
        let line = PlainLogHandler.line(
            date: Date(timeIntervalSince1970: 0),
            level: .warning,
            message: "a topic waits",
            metadata: ["flow": "A->B", "topic": "t\n", "reason": "no", "next": "allow it"]
        )
        #expect(line == "1970-01-01T00:00:00Z warning A->B: a topic waits: no [topic=t\\n]; allow it\n")
    }

    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID()).properties")
        try Data(text.utf8).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        try body(url.path)
    }
}
