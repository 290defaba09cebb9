import Foundation
import TestSupport
import Testing

/// Files that cannot be used, and files with mistakes: one clear line each.
@Suite("kafka-mirror run: mistakes in the file", .serialized, .timeLimit(.minutes(2)))
struct RunMistakesTests {
    private static let base = """
        clusters = A, B
        A.bootstrap.servers = 127.0.0.1:1
        B.bootstrap.servers = 127.0.0.1:1
        A->B.enabled = true

        """

    @Test(
        "A wrong value stops the start with file, line, key and reason",
        arguments: [
            ("A->B.tasks.max = many", ["A->B.tasks.max", "“many”", "whole number"]),
            ("A->B.topics = (", ["A->B.topics", "regular expression"]),
            ("A.security.protocol = SLL", ["A.security.protocol", "SLL", "SSL"]),
            ("A.consumer.isolation.level = committed", ["isolation.level", "read_committed"]),
            ("B.producer.max.request.size = big", ["B.producer.max.request.size", "big"]),
            ("B.ssl.truststore.location = /no/such.jks\nB.security.protocol = SSL", ["/no/such.jks"]),
            ("A.sasl.mechanism = GSSAPI\nA.security.protocol = SASL_PLAINTEXT", ["sasl.mechanism", "GSSAPI", "SCRAM"]),
            ("A.client.id = ${file:/no/such/file:x}", ["A.client.id", "/no/such/file"]),
        ]
    )
    func wrongValues(lines: String, words: [String]) async throws {
        let folder = try TemporaryFolder()
        let providers = """
            config.providers = file
            config.providers.file.class = org.apache.kafka.common.config.provider.FileConfigProvider

            """
        let file = try folder.write("m.properties", Self.base + lines + "\n" + providers)
        let output = try await Self.run([file], status: 2)
        let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("error: ") })
        print("told: \(line)")
        #expect(line.contains("\(file):5: "))
        for word in words { #expect(line.contains(word), "\(line)") }
    }

    @Test("A key that nothing understands is warned about with the closest known one, and the mirror runs")
    func unknownKey() async throws {
        let mirror = try MirrorProcess(
            from: "127.0.0.1:1",
            to: "127.0.0.1:1",
            topics: "t",
            properties: ["A->B.topcis.exclude": "x", "A.bootstrap.server": "h:1"]
        )
        let line = try await mirror.told("warning: ", "mirror.properties:", "A->B.topcis.exclude")
        #expect(line.contains("did you mean A->B.topics.exclude?"))
        try await mirror.told("warning: ", "A.bootstrap.server:", "did you mean A.bootstrap.servers?")
        try await mirror.told("the flow waits")
        try await mirror.stop()
    }

    @Test("Files that are not there, are none, or may not be read")
    func files() async throws {
        let folder = try TemporaryFolder()
        for (path, reason) in [("/no/such/file", "there is no such file"), (folder.url.path, "is a folder")] {
            let output = try await Self.run([path], status: 2)
            print("told: \(output)")
            #expect(output.contains("error: \(path): \(reason); give the path of a MirrorMaker 2 properties file"))
        }
        let file = try folder.write("secret.properties", Self.base)
        try FileManager.default.setAttributes([.posixPermissions: 0o000], ofItemAtPath: file)
        var command = [try Peers.mirrorBinary().path, "run", file]
        var user = NSUserName()
        if getuid() == 0 {
            // Root may read everything.
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + command
            user = "nobody"
        }
        let process = try PeerProcess(URL(filePath: "/usr/bin/env"), command)
        let status = try await process.exit(within: .seconds(20))
        print("told: \(process.output)")
        #expect(status == 2)
        #expect(process.output.contains("error: \(file): may not be read by user \(user); let this user read it"))
    }

    private static func run(_ arguments: [String], status: Int32) async throws -> String {
        let process = try Peers.mirror(["run"] + arguments)
        let ended = try await process.exit(within: .seconds(20))
        #expect(ended == status)
        return process.output
    }
}
