import Testing

@testable import KafkaNetwork

@Suite("ClientConfiguration from Java properties")
struct ClientConfigurationTests {
    private func problem(_ properties: [String: String]) -> ConfigurationError? {
        var all = ["bootstrap.servers": "a:1"]
        all.merge(properties) { $1 }
        do throws(ConfigurationError) {
            _ = try ClientConfiguration(properties: all)
            return nil
        } catch {
            return error
        }
    }

    @Test("Defaults are those of Kafka's clients, but for the socket buffers")
    func defaults() throws {
        let configuration = try ClientConfiguration(properties: ["bootstrap.servers": "a:1,b:2"], clusterName: "A")
        #expect(configuration.bootstrapServers.map(\.description) == ["a:1", "b:2"])
        #expect(configuration.securityProtocol == .plaintext)
        #expect(configuration.requestTimeout == .seconds(30))
        #expect(configuration.connectionSetupTimeout == .seconds(10))
        #expect(configuration.connectionSetupTimeoutMax == .seconds(30))
        #expect(configuration.connectionMaxIdle == .seconds(540))
        #expect(configuration.reconnectBackoff == BackoffPolicy(initial: .milliseconds(50), maximum: .seconds(1)))
        #expect(configuration.retryBackoff == BackoffPolicy(initial: .milliseconds(100), maximum: .seconds(1)))
        #expect(configuration.sendBufferBytes == nil && configuration.receiveBufferBytes == nil)
        #expect(configuration.dnsLookup == .useAllDNSIPs)
        #expect(configuration.tls.verifiesHostName)
    }

    @Test("Every property is read")
    func everything() throws {
        let configuration = try ClientConfiguration(properties: [
            "bootstrap.servers": "[::1]:9092", "client.id": "me", "security.protocol": "sasl_ssl",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": #"X required username="u" password=" p " tokenauth="true";"#,
            "request.timeout.ms": "1500", "socket.connection.setup.timeout.ms": "100",
            "socket.connection.setup.timeout.max.ms": "200", "connections.max.idle.ms": "-1",
            "send.buffer.bytes": "65536", "receive.buffer.bytes": "-1", "reconnect.backoff.ms": "7",
            "reconnect.backoff.max.ms": "70", "client.dns.lookup": "resolve_canonical_bootstrap_servers_only",
            "ssl.endpoint.identification.algorithm": "", "ssl.enabled.protocols": "TLSv1.1, TLSv1.2",
            "ssl.cipher.suites": "ECDHE-RSA-AES128-GCM-SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "ssl.truststore.location": "/t.p12", "ssl.truststore.password": " x ", "metadata.max.age.ms": "5",
        ])
        #expect(configuration.clientID == "me")
        #expect(configuration.securityProtocol == .saslSSL)
        let sasl = try #require(configuration.sasl)
        #expect(sasl.mechanism == .scramSHA512 && sasl.username == "u" && sasl.password == " p ")
        #expect(sasl.usesDelegationToken)
        #expect(!"\(sasl) \(String(reflecting: sasl)) \(String(reflecting: configuration.sasl))".contains(" p "))
        #expect(configuration.requestTimeout == .milliseconds(1_500))
        #expect(configuration.connectionMaxIdle == nil)
        #expect(configuration.sendBufferBytes == 65_536 && configuration.receiveBufferBytes == nil)
        #expect(configuration.dnsLookup == .resolveCanonicalBootstrapServersOnly)
        #expect(!configuration.tls.verifiesHostName && configuration.tls.versions == .tls12 ... .tls12)
        #expect(
            configuration.tls.cipherSuites == ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
        )
        #expect(configuration.tls.trustStore?.password == " x ")
        #expect(configuration.connectionSetupTimeout(failures: 9, random: 0.5) == .milliseconds(200))
    }

    @Test(
        "A wrong value names key, value and reason",
        arguments: [
            ("request.timeout.ms", "soon", "whole number"), ("request.timeout.ms", "0", "at least 1"),
            ("request.timeout.ms", "99999999999", "at most"), ("security.protocol", "TLS", "SASL_SSL"),
            ("client.dns.lookup", "default", "use_all_dns_ips"), ("send.buffer.bytes", "-2", "at least -1"),
            ("ssl.endpoint.identification.algorithm", "ldaps", "https"), ("ssl.enabled.protocols", "TLSv9", "TLSv1.2"),
            ("ssl.enabled.protocols", "TLSv1", "no longer safe"), ("ssl.cipher.suites", "FOO", "FOO cannot be used"),
            ("bootstrap.servers", "a:1,b", "'b' is wrong: the port is missing"),
        ]
    )
    func wrong(_ key: String, _ value: String, _ reason: String) throws {
        let error = try #require(problem([key: value]))
        #expect(error.key == key && error.value == value)
        #expect(error.reason.contains(reason), "\(error)")
    }

    @Test("SASL settings that cannot work")
    func sasl() throws {
        let base = ["security.protocol": "SASL_PLAINTEXT"]
        func problem(_ more: [String: String]) throws -> String {
            try #require(self.problem(base.merging(more) { $1 })).description
        }
        #expect(try problem([:]).contains("PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"))
        for mechanism in ["GSSAPI", "OAUTHBEARER"] {
            let text = try problem(["sasl.mechanism": mechanism])
            #expect(text.contains("\(mechanism) is not supported") && text.contains("SCRAM-SHA-256"))
        }
        #expect(try problem(["sasl.mechanism": "PLAIN"]).contains("PlainLoginModule required username="))
        let jaas = #"X required username="u" passwort="hidden-one";"#
        let text = try problem(["sasl.mechanism": "PLAIN", "sasl.jaas.config": jaas])
        #expect(text.contains("'password' is missing") && !text.contains("hidden-one"))
    }

    @Test("TLS settings that contradict each other")
    func tls() throws {
        let base = ["security.protocol": "SSL"]
        for (more, key) in [
            (["ssl.truststore.password": "x"], "ssl.truststore.location"),
            (["ssl.keystore.password": "x"], "ssl.keystore.location"),
            (["ssl.keystore.location": "/k.p12"], "ssl.keystore.password"),
            (["ssl.keystore.type": "PEM", "ssl.keystore.key": "x"], "ssl.keystore.certificate.chain"),
            (["ssl.keystore.type": "PEM", "ssl.keystore.certificate.chain": "x"], "ssl.keystore.key"),
            (["ssl.truststore.certificates": "x"], "ssl.truststore.type"),
            (["ssl.truststore.location": "/t", "ssl.truststore.type": "BKS"], "ssl.truststore.type"),
        ] as [([String: String], String)] {
            #expect(problem(base.merging(more) { $1 })?.key == key, "\(more)")
        }
        // Without TLS nobody looks at the stores.
        #expect(problem(["ssl.truststore.password": "x"]) == nil)
    }

    @Test("The table of known properties")
    func knownProperties() throws {
        #expect(KnownClientProperties.names(for: .producer).contains("linger.ms"))
        #expect(!KnownClientProperties.names(for: .consumer).contains("linger.ms"))
        #expect(KnownClientProperties.names().count == 120)
        #expect(KnownClientProperties.find("receive.buffer.bytes", clients: .producer)?.defaultValue == "32768")
        #expect(KnownClientProperties.find("receive.buffer.bytes", clients: .consumer)?.defaultValue == "65536")
        #expect(KnownClientProperties.find("no.such") == nil)
        #expect(
            KnownClientProperties.isSecret("ssl.key.password") && KnownClientProperties.isSecret("A.sasl.jaas.config")
        )
        #expect(!KnownClientProperties.isSecret("ssl.truststore.certificates"))
        #expect(KnownClientProperties.isWithoutEffect("ssl.provider"))
        #expect(!KnownClientProperties.isWithoutEffect("ssl.truststore.type"))
        let timeout = try #require(KnownClientProperties.find("request.timeout.ms"))
        #expect(timeout.problem(with: " 30 ") == nil && timeout.problem(with: "3.5") != nil)
        for row in KnownClientProperties.all {
            #expect(row.defaultValue.flatMap { row.problem(with: $0) } == nil, "\(row.name)")
        }
    }
}
