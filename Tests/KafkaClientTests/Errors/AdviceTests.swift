import KafkaClient
import KafkaNetwork
import KafkaProtocol
import Testing

/// Whoever reads an error learns where it was, as whom, about what, and what to do next.
@Suite("What errors tell")
struct AdviceTests {
    @Test("every code that a broker may answer comes with a next step", arguments: ErrorCode.known)
    func codes(code: ErrorCode) throws {
        guard code != .none, code != .networkException else { return }
        let error = KafkaClientError(
            .refused,
            "The topic cannot be created",
            cluster: "A",
            address: BrokerAddress(host: "kafka", port: 9_092),
            topic: "orders",
            partition: 3,
            kafkaError: code,
            principal: "alice"
        )
        let advice = try #require(error.advice)
        #expect(
            error.description == "The topic cannot be created (cluster A, broker kafka:9092, as user alice, "
                + "partition orders-3, answer \(code.name)). \(advice)"
        )
        #expect(advice.hasSuffix(".") && advice.first?.isUppercase == true)
    }

    @Test("so does every failure that is not the caller's own doing")
    func failures() {
        for code in [
            KafkaClientError.Code.unreachable, .timedOut, .unsupportedByBroker, .invalidAnswer, .tooManyConnections,
            .noLeader, .unknownTopic, .authenticationFailed, .tlsFailed, .invalidConfiguration,
        ] {
            #expect(KafkaClientError(code, "x").advice != nil, "\(code)")
        }
        for code in [KafkaClientError.Code.closed, .cancelled, .invalidState, .rebalanced] {
            #expect(KafkaClientError(code, "x").advice == nil, "\(code)")
        }
    }

    @Test("what the error brings along counts more than what its code suggests")
    func own() {
        let error = KafkaClientError(.timedOut, "x", kafkaError: .policyViolation, nextStep: "ask Bob")
        #expect(error.advice == "ask Bob" && error.description == "x (answer POLICY_VIOLATION). Ask Bob")
    }
}
