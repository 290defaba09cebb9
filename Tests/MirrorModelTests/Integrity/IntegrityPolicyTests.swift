import MirrorModel
import Testing

@Suite struct IntegrityPolicyTests {
    private func read(_ text: String) throws -> MirrorConfiguration {
        try MirrorConfiguration(
            file: "m.properties",
            bytes: """
                clusters = A, B
                A.bootstrap.servers = a:9092
                B.bootstrap.servers = b:9092
                A->B.enabled = true
                \(text)
                """.utf8
        )
    }

    @Test func theFirstExceptionThatMatchesCounts() throws {
        let rule = try IntegrityRule(
            #"pause; orders\..{1,3} = continue ;audit=FAIL; orders.* = fail;"#,
            general: .continue
        )
        #expect(rule.policy(for: "other") == .pause)
        #expect(rule.policy(for: "orders.abc") == .continue)
        #expect(rule.policy(for: "orders.abcd") == .fail)
        #expect(rule.policy(for: "audit") == .fail)
        #expect(rule.policy(for: "audits") == .pause)
        #expect(try IntegrityRule("audit = fail", general: .pause).policy(for: "x") == .pause)
    }

    @Test func whatTheFileSaysReachesTheFlow() throws {
        let lines = """
            kafka.mirror.on.retention = pause; logs.* = continue
            A->B.kafka.mirror.on.foreign-writer = fail
            """
        let configuration = try read(lines)
        let policies = try #require(configuration.flows.first { $0.name == "A->B" }).integrity
        #expect(configuration.warnings.isEmpty)
        #expect(policies.policy(for: .retention, topic: "orders") == .pause)
        #expect(policies.policy(for: .retention, topic: "logs.web") == .continue)
        #expect(policies.policy(for: .foreignWriter, topic: "orders") == .fail)
        let other = try #require(configuration.flows.first { $0.name == "B->A" }).integrity
        #expect(other.policy(for: .foreignWriter, topic: "orders") == .continue)
    }

    @Test func withoutAKeyNothingIsLostThatMayStillBeHad() throws {
        let policies = try #require(try read("").flows.first).integrity
        let paused = GapKind.allCases.filter { policies.policy(for: $0, topic: "t") == .pause }
        #expect(paused == [.undecodable, .outOfRange])
        #expect(!GapKind.allCases.contains { policies.policy(for: $0, topic: "t") == .fail })
    }

    @Test(arguments: [
        ("kafka.mirror.on.retention = contine", "did you mean continue?"),
        ("A->B.kafka.mirror.on.truncation = pause; continue", "two policies for all topics"),
        ("kafka.mirror.on.recreated = pause; orders( = fail", "is not a regular expression"),
        ("kafka.mirror.on.undecodable = = pause", "no topic"),
        ("kafka.mirror.on.out-of-range = ignore", "write one of continue, pause, fail"),
    ])
    func wrongValuesStopTheStart(line: String, reason: String) throws {
        do {
            _ = try read(line)
            Issue.record("\(line) is accepted")
        } catch let error as ConfigurationError {
            let text = error.errors.map(\.description).joined()
            #expect(text.contains(reason), "\(text)")
            #expect(text.contains("m.properties:5") || text.contains("line 5"), "\(text)")
        }
    }

    @Test func aMisspeltKindIsWarnedAbout() throws {
        #expect(
            try read("kafka.mirror.on.retentoin = pause").warnings.first?.description.contains("on.retention") == true
        )
    }
}
