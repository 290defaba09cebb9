import NIOCore
import TestSupport
import Testing

@testable import LocalKafka

/// The server's side of SCRAM against recorded exchanges.
@Suite struct SCRAMServerTests {
    @Test func recordedExchanges() throws {
        var count = 0
        for line in try Vectors.lines("scram.jsonl") where line["kind"]?.string == "exchange" {
            guard line["kafkaServerAccepts"]?.bool == true else { continue }
            func text(_ name: String) throws -> String { try #require(line[name]?.string) }
            let mechanism = try #require(LocalCluster.SASLMechanism(rawValue: try text("mechanism")))
            let salt = Array(try #require(line["salt"]?.hex).readableBytesView)
            let secret = mechanism.scramSecret(
                password: try text("password"),
                salt: salt,
                iterations: try #require(line["iterations"]?.int)
            )
            #expect(ByteBuffer(bytes: secret.storedKey) == line["storedKey"]?.hex)
            #expect(ByteBuffer(bytes: secret.serverKey) == line["serverKey"]?.hex)
            let user = try text("username")
            var server = SCRAMServer(mechanism, nonce: try text("serverNonce"))
            let first = try server.receive(try text("clientFirst")) { $0 == user ? secret : nil }
            #expect(first == line["serverFirst"]?.string)
            let final = try server.receive(try text("clientFinal")) { _ in nil }
            #expect(final == line["serverFinal"]?.string)
            #expect(server.user == user)
            count += 1
        }
        // Kafka's server takes ASCII user names only; the client's side answers the other eight too.
        print("SCRAM exchanges at the server: \(count) cases")
        #expect(count == 22)
    }

    @Test func wrongPasswordsAndNoncesAreRefused() throws {
        let secret = LocalCluster.SASLMechanism.scramSHA256.scramSecret(
            password: "right",
            salt: [1, 2, 3],
            iterations: 10
        )
        for final in ["c=biws,r=cs,p=AAAA", "c=biws,r=other,p=AAAA", "c=biws,r=cs", "nonsense"] {
            var server = SCRAMServer(.scramSHA256, nonce: "s")
            _ = try server.receive("n,,n=u,r=c") { _ in secret }
            #expect(throws: SCRAMServer.Failure.self) { try server.receive(final) { _ in secret } }
            #expect(server.user == nil)
        }
        var server = SCRAMServer(.scramSHA256, nonce: "s")
        #expect(throws: SCRAMServer.Failure.self) { try server.receive("n,,n=u,r=c") { _ in nil } }
    }
}
