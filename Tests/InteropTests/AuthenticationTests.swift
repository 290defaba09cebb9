import Foundation
import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import NIOCore
import TestSupport
import Testing

/// Our client logs in to Apache Kafka's own server-side code, in plain text and over TLS.
@Suite("Our client at Apache Kafka's listener", .serialized, .timeLimit(.minutes(3)))
struct AuthenticationTests {
    private static let mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

    @Test("SASL in plain text and over TLS: logs in, works, and is told when it may not")
    func sasl() async throws {
        let certificates = try await Certificates.shared.value
        var checks = 0
        for security in ["SASL_PLAINTEXT", "SASL_SSL"] {
            try await KafkaListener.with(security) { listener in
                for (mechanism, store) in zip(Self.mechanisms, ["PEM", "PKCS12", "JKS"]) {
                    var properties = KafkaListener.login(mechanism)
                    properties["security.protocol"] = security
                    if security == "SASL_SSL" { properties.merge(certificates.trust(store)) { $1 } }
                    try await Self.roundTrip(listener, "records-\(mechanism)", properties)
                    let user = ["alice", "alice256", "alice512"][Self.mechanisms.firstIndex(of: mechanism) ?? 0]
                    #expect(listener.proxy.output.contains("authenticated as User:\(user)"))

                    var wrong = properties
                    wrong.merge(KafkaListener.login(mechanism, password: "wrong")) { $1 }
                    let refusal = try await Self.refusal(listener, wrong)
                    #expect(refusal.code == .authenticationFailed, "\(refusal)")
                    // What an operator needs: which cluster, where, as whom.
                    let text = refusal.description
                    #expect(text.contains("cluster B") && text.contains(":\(listener.port)"), "\(text)")
                    #expect(text.contains("as user \(user)"), "\(text)")
                    #expect(!text.contains("wrong"), "the password is in \(text)")

                    var stranger = properties
                    stranger.merge(KafkaListener.login(mechanism, user: "mallory")) { $1 }
                    let unknown = try await Self.refusal(listener, stranger)
                    #expect(unknown.code == .authenticationFailed, "\(unknown)")
                    #expect(unknown.description.contains("mallory"), "\(unknown)")
                    checks += 3
                }
                // A client without a login: Kafka closes the connection, and says nothing.
                let anonymous = try await Self.refusal(listener, ["request.timeout.ms": "2000"])
                #expect(anonymous.description.contains("security.protocol"), "\(anonymous)")
                print("without a login at \(security): \(anonymous)")
                checks += 1
            }
        }
        print("\(checks) logins at Apache Kafka's listener, right and wrong")
    }

    @Test("mTLS: the certificate is the principal, and without one nobody gets in")
    func mutualTLS() async throws {
        let certificates = try await Certificates.shared.value
        try await KafkaListener.with("SSL", ["client.auth=required"]) { listener in
            for store in ["PEM", "PKCS12", "JKS"] {
                var properties = ["security.protocol": "SSL"]
                properties.merge(certificates.trust(store)) { $1 }
                properties.merge(certificates.key(store)) { $1 }
                try await Self.roundTrip(listener, "records-\(store)", properties)
            }
            #expect(listener.proxy.output.contains("authenticated as User:CN=mirror,O=Test"))
            var bare = ["security.protocol": "SSL"]
            bare.merge(certificates.trust("PEM")) { $1 }
            let refusal = try await Self.refusal(listener, bare)
            #expect(refusal.code == .tlsFailed, "\(refusal)")
            #expect(refusal.description.contains("ssl.keystore"), "\(refusal)")
            let mistrusting = try await Self.refusal(listener, ["security.protocol": "SSL"])
            #expect(mistrusting.code == .tlsFailed, "\(mistrusting)")
            print("without a certificate: \(refusal)\nwithout trust: \(mistrusting)")
        }
    }

    @Test(
        "Sessions of two seconds: re-authenticates under load without losing a record",
        arguments: ["PLAIN", "SCRAM-SHA-512"]
    )
    func reauthentication(mechanism: String) async throws {
        let certificates = try await Certificates.shared.value
        try await KafkaListener.with("SASL_SSL", ["max.reauth.ms=2000"]) { listener in
            var properties = KafkaListener.login(mechanism)
            properties["security.protocol"] = "SASL_SSL"
            properties.merge(certificates.trust("PEM")) { $1 }
            try await listener.cluster.createTopic("numbers", partitions: 3)
            let count = try await withClient(of: "B", at: listener.bootstrapServers, properties: properties) { client in
                let writer = NumberWriter(client, topic: "numbers")
                let reader = NumberReader(client, topic: "numbers")
                try await writer.start(partitions: 3)
                try await reader.start(partitions: 0..<3)
                var count = 0
                let end = ContinuousClock.now + .seconds(7)
                while ContinuousClock.now < end {
                    count += 50
                    try await writer.write(upTo: count)
                    try await reader.read(upTo: count)
                }
                #expect(reader.snapshot.lost == 0 && reader.snapshot.repeated == 0, "\(reader.snapshot)")
                #expect(writer.snapshot.refusals.isEmpty)
                try await writer.stop()
                try await reader.stop()
                return count
            }
            let output = listener.proxy.output
            let renewals = output.split(separator: "\n").filter { $0.hasSuffix("re-authentication") }.count
            #expect(renewals >= 4, "\(output)")
            #expect(!output.contains("session expired"), "\(output)")
            let counted = try await Peers.python(
                "count_numbers",
                [
                    "--bootstrap", listener.directServers, "--topic", "numbers", "--partitions", "3", "--count",
                    "\(count)",
                ]
            ).success()
            print("\(mechanism): \(renewals) re-authentications, counted by librdkafka: \(counted)")
        }
    }

    /// Creates a topic, writes to it and reads it back.
    private static func roundTrip(
        _ listener: KafkaListener,
        _ topic: TopicName,
        _ properties: [String: String]
    ) async throws {
        try await withClient(of: "B", at: listener.bootstrapServers, properties: properties) { client in
            _ = try await client.createTopics([NewTopic(name: topic, partitionCount: 2)])[topic]?.get()
            let appender = RecordAppender(client: client, topic: topic, compression: .zstd)
            let records = (0..<500).map { number in
                AppendedRecord(
                    partition: Int32(number % 2),
                    key: nil,
                    value: ByteBuffer(string: "\(number)"),
                    timestamp: 1_700_000_000_000
                )
            }
            let offsets = try await appender.append(records)
            #expect(offsets.count == 500 && offsets.max() == 249)
            var read: [Int] = []
            try await CompactedTopicReader(client: client, topic: topic).readToEnd { item in
                if let value = item.record.value { read.append(Int(String(buffer: value)) ?? -1) }
            }
            #expect(read.sorted() == Array(0..<500))
        }
    }

    /// The error of a client that cannot get in.
    private static func refusal(
        _ listener: KafkaListener,
        _ properties: [String: String]
    ) async throws -> KafkaClientError {
        try await withClient(of: "B", at: listener.bootstrapServers, properties: properties) { client in
            do throws(KafkaClientError) {
                try await client.waitUntilConnected(deadline: .after(.seconds(4)))
            } catch {
                return error
            }
            throw PeerProcess.Failure(description: "The listener let the client in")
        }
    }
}
