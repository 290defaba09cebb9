import KafkaProtocol
import NIOCore
import Testing

@testable import KafkaNetwork

@Suite("ConnectionStateMachine")
struct ConnectionStateMachineTests {
    private static let table = ApiVersionTable(ranges: [17: 0...1, 18: 0...3, 36: 0...2, 12: 0...4])
    private static let context = KafkaConnectionError.Context(
        cluster: "A",
        address: .init(host: "b", port: 1),
        mechanism: "PLAIN",
        principal: "alice"
    )
    private static let plain = SASLSettings(mechanism: .plain, username: "alice", password: "hidden-one")

    private func name(_ action: ConnectionStateMachine.Action) -> String {
        switch action {
        case .none: "none"
        case .sendApiVersions(let version): "versions \(version)"
        case .sendSaslHandshake(let mechanism, let version): "handshake \(mechanism) \(version)"
        case .sendSaslToken(let bytes, let version): "token \(bytes.count) \(version)"
        case .ready(let renewal): "ready \(renewal.map { "\($0.inMilliseconds)" } ?? "-")"
        case .fail(let error): "fail \(error.code)"
        case .close: "close"
        }
    }

    private func decision(_ machine: ConnectionStateMachine) -> String {
        switch machine.requestArrived() {
        case .send: "send"
        case .wait: "wait"
        case .refuse(let error): "refuse \(error.code)"
        }
    }

    @Test("Without SASL")
    func plaintext() {
        var machine = ConnectionStateMachine(sasl: nil, context: Self.context)
        #expect(decision(machine) == "wait")
        #expect(name(machine.transportEstablished()) == "versions 3")
        #expect(name(machine.transportEstablished()) == "none")
        #expect(name(machine.versionsAnswered(.table(Self.table), nonce: "n")) == "ready -")
        #expect(decision(machine) == "send")
        #expect(name(machine.sessionNeedsRenewal(nonce: "n")) == "none")
        #expect(name(machine.closeRequested()) == "close")
        #expect(decision(machine) == "refuse closed")
        #expect(name(machine.closeRequested()) == "none")
        #expect(name(machine.transportClosed(cause: nil)) == "none")
        #expect(machine.state == .closed)
    }

    @Test("Older brokers: down to version 0, but not in circles")
    func oldBrokers() {
        var machine = ConnectionStateMachine(sasl: nil, context: Self.context)
        _ = machine.transportEstablished()
        #expect(name(machine.versionsAnswered(.retry(version: 2), nonce: "n")) == "versions 2")
        #expect(name(machine.versionsAnswered(.retry(version: 0), nonce: "n")) == "versions 0")
        #expect(name(machine.versionsAnswered(.retry(version: 0), nonce: "n")) == "fail unsupportedVersion")
        #expect(decision(machine) == "refuse closed")
    }

    @Test("SASL, session life time, renewal on the live connection")
    func renewal() {
        var machine = ConnectionStateMachine(sasl: Self.plain, context: Self.context)
        _ = machine.transportEstablished()
        #expect(name(machine.versionsAnswered(.table(Self.table), nonce: "n")) == "handshake PLAIN 1")
        #expect(decision(machine) == "wait")
        #expect(name(machine.exchangeAnswered(SaslAuthenticateResponse(), random: 0)) == "none")
        #expect(name(machine.handshakeAnswered(SaslHandshakeResponse())) == "token 17 2")
        var response = SaslAuthenticateResponse()
        response.sessionLifetimeMs = 1_000
        #expect(name(machine.exchangeAnswered(response, random: 0)) == "ready 850")
        #expect(decision(machine) == "send")
        #expect(name(machine.sessionNeedsRenewal(nonce: "m")) == "handshake PLAIN 1")
        #expect(machine.state == .reauthenticating(.mechanism))
        #expect(decision(machine) == "wait")
        #expect(name(machine.sessionNeedsRenewal(nonce: "m")) == "none")
        #expect(name(machine.handshakeAnswered(SaslHandshakeResponse())) == "token 17 2")
        #expect(name(machine.exchangeAnswered(response, random: 1)) == "ready 950")
        #expect(decision(machine) == "send")
        #expect(ConnectionStateMachine.renewal(lifetime: 0, random: 0) == nil)
        #expect(ConnectionStateMachine.renewal(lifetime: .max, random: 1) != nil)
    }

    @Test("Refusals name mechanism and principal but not the password")
    func refusals() throws {
        func machine() -> ConnectionStateMachine {
            var machine = ConnectionStateMachine(sasl: Self.plain, context: Self.context)
            _ = machine.transportEstablished()
            _ = machine.versionsAnswered(.table(Self.table), nonce: "n")
            return machine
        }
        func error(_ action: ConnectionStateMachine.Action) throws -> KafkaConnectionError {
            guard case .fail(let error) = action else { throw Unexpected() }
            #expect(error.code == .authenticationFailed && !error.isRetriable)
            #expect(error.description.hasPrefix("cluster A, broker b:1, as user alice with PLAIN: "))
            #expect(!error.description.contains("hidden-one"))
            return error
        }
        var first = machine()
        var offer = SaslHandshakeResponse()
        offer.errorCode = .unsupportedSaslMechanism
        offer.mechanisms = ["SCRAM-SHA-512", "GSSAPI"]
        #expect(try error(first.handshakeAnswered(offer)).message.contains("it offers GSSAPI, SCRAM-SHA-512"))
        var second = machine()
        _ = second.handshakeAnswered(SaslHandshakeResponse())
        var refused = SaslAuthenticateResponse()
        refused.errorCode = .saslAuthenticationFailed
        refused.errorMessage = "Authentication failed: Invalid username or password"
        #expect(try error(second.exchangeAnswered(refused, random: 0)).message.contains("Invalid username"))
        var third = ConnectionStateMachine(sasl: Self.plain, context: Self.context)
        _ = third.transportEstablished()
        let none = third.versionsAnswered(.table(ApiVersionTable(ranges: [18: 0...3])), nonce: "n")
        #expect(try error(none).message.contains("has no SASL"))
    }

    @Test("The transport closes in every state")
    func closing() throws {
        func message(_ steps: (inout ConnectionStateMachine) -> Void, sasl: SASLSettings? = nil) throws -> String {
            var machine = ConnectionStateMachine(sasl: sasl, context: Self.context)
            steps(&machine)
            guard case .fail(let error) = machine.transportClosed(cause: nil) else { throw Unexpected() }
            #expect(error.code == .closed && error.isRetriable)
            return error.description
        }
        #expect(try message { _ in }.contains("before it was set up"))
        #expect(try message { _ = $0.transportEstablished() }.contains("version negotiation"))
        let authenticating = try message(
            {
                _ = $0.transportEstablished()
                _ = $0.versionsAnswered(.table(Self.table), nonce: "n")
            },
            sasl: Self.plain
        )
        #expect(authenticating.contains("during authentication"))
        let ready = try message {
            _ = $0.transportEstablished()
            _ = $0.versionsAnswered(.table(Self.table), nonce: "n")
        }
        #expect(ready.contains("the broker closed the connection"))
    }

    private struct Unexpected: Error {}
}
