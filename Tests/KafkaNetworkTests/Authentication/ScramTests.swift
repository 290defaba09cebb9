import NIOCore
import TestSupport
import Testing

@testable import KafkaNetwork

@Suite("SCRAM and PLAIN against golden vectors")
struct ScramTests {
    private static let vectors = Result { try Vectors.lines("scram.jsonl") }

    private func vectors(_ kind: String) throws -> [JSONValue] {
        try Self.vectors.get().filter { $0["kind"]?.string == kind }
    }

    private func text(_ vector: JSONValue, _ name: String) throws -> String {
        try #require(vector[name]?.string)
    }

    private func exchange(_ vector: JSONValue) throws -> ScramExchange {
        let extensions = try #require(vector["extensions"]?.object).map { ($0.name, $0.value.string ?? "") }
        return ScramExchange(
            hash: try text(vector, "mechanism") == "SCRAM-SHA-256" ? .sha256 : .sha512,
            username: try text(vector, "username"),
            password: try text(vector, "password"),
            nonce: try text(vector, "clientNonce"),
            extensions: extensions
        )
    }

    @Test("Whole exchanges")
    func exchanges() throws {
        let vectors = try vectors("exchange")
        for vector in vectors {
            var exchange = try exchange(vector)
            let first = exchange.clientFirst()
            #expect(String(decoding: first, as: UTF8.self) == (try text(vector, "clientFirst")))
            let serverFirst = Array(try text(vector, "serverFirst").utf8)
            if try #require(vector["iterations"]?.int) < ScramExchange.minimumIterations {
                #expect(throws: SASLError.self) { try exchange.respond(to: serverFirst) }
                continue
            }
            let final = try #require(try exchange.respond(to: serverFirst))
            #expect(String(decoding: final, as: UTF8.self) == (try text(vector, "clientFinal")))
            #expect(try exchange.respond(to: Array(try text(vector, "serverFinal").utf8)) == nil)
            #expect(throws: SASLError.self) { try exchange.respond(to: []) }
        }
        #expect(vectors.count == 30)
        print("SCRAM exchanges: \(vectors.count) cases")
    }

    @Test("Intermediate keys")
    func keys() throws {
        for vector in try vectors("exchange") {
            let hash: ScramHash = try text(vector, "mechanism") == "SCRAM-SHA-256" ? .sha256 : .sha512
            let salted = try hash.saltedPassword(
                Array(try text(vector, "password").utf8),
                salt: Array(try #require(vector["salt"]?.hex).readableBytesView),
                iterations: try #require(vector["iterations"]?.int)
            )
            #expect(salted == Array(try #require(vector["saltedPassword"]?.hex).readableBytesView))
            let clientKey = hash.hmac(key: salted, Array("Client Key".utf8))
            #expect(clientKey == Array(try #require(vector["clientKey"]?.hex).readableBytesView))
            #expect(hash.hash(clientKey) == Array(try #require(vector["storedKey"]?.hex).readableBytesView))
        }
    }

    @Test("The first message of a server, well-formed or not")
    func serverFirst() throws {
        let vectors = try vectors("parse-server-first")
        for vector in vectors {
            let message = try text(vector, "message")
            let parsed = ScramMessages.ServerFirst(Array(message.utf8))
            #expect((parsed != nil) == vector["ok"]?.bool, "\(message)")
            guard let parsed, vector["ok"]?.bool == true else { continue }
            #expect(String(decoding: parsed.nonce, as: UTF8.self) == (try text(vector, "nonce")))
            #expect(parsed.salt == Array(try #require(vector["salt"]?.hex).readableBytesView))
            #expect(parsed.iterations == vector["iterations"]?.int)
        }
        print("SCRAM first messages: \(vectors.count) cases")
        #expect(vectors.count == 16)
    }

    @Test("The last message of a server, well-formed or not")
    func serverFinal() throws {
        let vectors = try vectors("parse-server-final")
        for vector in vectors {
            let message = try text(vector, "message")
            let parsed = ScramMessages.ServerFinal(Array(message.utf8))
            guard vector["ok"]?.bool == true else {
                #expect(parsed == nil, "\(message)")
                continue
            }
            if let error = vector["error"]?.string {
                #expect(parsed == .error(error))
            } else {
                let signature = Array(try #require(vector["signature"]?.hex).readableBytesView)
                #expect(parsed == .signature(signature), "\(message)")
            }
        }
        print("SCRAM last messages: \(vectors.count) cases")
        #expect(vectors.count == 9)
    }

    @Test("PLAIN and escaped names")
    func plain() throws {
        let (messages, names) = (try vectors("plain"), try vectors("saslname"))
        print("PLAIN messages: \(messages.count) cases, escaped names: \(names.count) cases")
        #expect(messages.count == 4 && names.count == 8)
        for vector in messages {
            let exchange = PlainExchange(
                authorizationID: try text(vector, "authzid"),
                username: try text(vector, "username"),
                password: try text(vector, "password")
            )
            #expect(exchange.initialResponse == Array(try #require(vector["bytes"]?.hex).readableBytesView))
        }
        for vector in names {
            let name = ScramMessages.saslName(try text(vector, "username"))
            #expect(name == Array(try text(vector, "saslname").utf8))
        }
    }

    @Test("A forged server is refused: wrong signature, foreign nonce, too few or too many iterations")
    func forged() throws {
        let vector = try #require(try vectors("exchange").first)
        let nonce = try text(vector, "clientNonce")
        for serverFirst in [
            "r=somebodyelse,s=QUJD,i=4096", "r=\(nonce),s=QUJD,i=4096", "r=\(nonce)x,s=QUJD,i=4095",
            "r=\(nonce)x,s=QUJD,i=1000001", "e=unknown-user", "garbage",
        ] {
            var exchange = try exchange(vector)
            _ = exchange.clientFirst()
            #expect(throws: SASLError.self, "\(serverFirst)") { try exchange.respond(to: Array(serverFirst.utf8)) }
        }
        for serverFinal in ["v=QUJD", "v=", "e=invalid-proof", "garbage"] {
            var exchange = try exchange(vector)
            _ = exchange.clientFirst()
            _ = try exchange.respond(to: Array(try text(vector, "serverFirst").utf8))
            #expect(throws: SASLError.self, "\(serverFinal)") { try exchange.respond(to: Array(serverFinal.utf8)) }
        }
    }

    @Test("Base64 both ways")
    func base64() {
        for length in 0..<40 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ length) }
            let text = Base64.encode(bytes)
            #expect(text.count == (length + 2) / 3 * 4)
            #expect(Base64.decode(text) == bytes)
        }
        for wrong in ["A", "AB", "ABC", "A===", "AB=C", "AB!=", "====", "ABCDE==="] {
            #expect(Base64.decode(Array(wrong.utf8)) == nil, "\(wrong)")
        }
    }
}
