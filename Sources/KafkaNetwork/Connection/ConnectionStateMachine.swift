import KafkaProtocol
import NIOCore

/// Decides what happens on a connection: events in, one action out; no sockets, no clocks, no randomness.
///
/// TCP and TLS come first, then version negotiation, then SASL, then requests. When the broker limits the session's
/// life time (KIP-368) SASL runs again on the live connection; requests that come meanwhile have to wait, because the
/// broker accepts nothing else between the messages of the exchange, while answers still under way are taken as ever.
struct ConnectionStateMachine {
    enum State: Equatable {
        /// Waits for TCP and TLS.
        case connecting
        /// Waits for the answer to ApiVersions in that version.
        case negotiating(version: Int16)
        /// Waits for answers of the SASL exchange; no request may be sent.
        case authenticating(Step)
        /// Requests flow.
        case ready
        /// As `authenticating`, on a connection that was ready.
        case reauthenticating(Step)
        /// The end was asked for or forced; waits for the transport to close.
        case closing
        case closed
    }

    enum Step: Equatable {
        case mechanism
        case exchange
    }

    enum Action {
        case none
        case sendApiVersions(version: Int16)
        case sendSaslHandshake(mechanism: SASLMechanism, version: Int16)
        case sendSaslToken([UInt8], version: Int16)
        /// Requests may be sent (first time or again); the session has to be renewed after that time, if any.
        case ready(renewAfter: Duration?)
        /// Tell everybody who waits and close the transport.
        case fail(KafkaConnectionError)
        /// Close the transport without an error.
        case close
    }

    enum RequestDecision {
        case send
        /// Keep it until the next `ready`.
        case wait
        case refuse(KafkaConnectionError)
    }

    private(set) var state = State.connecting
    private(set) var versions = ApiVersionTable(ranges: [:])
    private let sasl: SASLSettings?
    private let context: KafkaConnectionError.Context
    private var exchange: SASLExchange?
    private var failure: KafkaConnectionError?

    init(sasl: SASLSettings?, context: KafkaConnectionError.Context) {
        self.sasl = sasl
        self.context = context
    }

    // MARK: Setting up

    /// TCP and, where wanted, TLS are there.
    mutating func transportEstablished() -> Action {
        guard case .connecting = self.state else { return .none }
        self.state = .negotiating(version: VersionNegotiation.firstVersion)
        return .sendApiVersions(version: VersionNegotiation.firstVersion)
    }

    /// The answer to ApiVersions.
    ///
    /// - Parameter nonce: fresh random text for the SASL exchange.
    mutating func versionsAnswered(_ answer: VersionNegotiation.Answer, nonce: String) -> Action {
        guard case .negotiating(let version) = self.state else { return .none }
        switch answer {
        case .retry(let lower):
            guard lower < version else { return fail(.refusedVersions(.unsupportedVersion)) }
            self.state = .negotiating(version: lower)
            return .sendApiVersions(version: lower)
        case .refused(let code):
            return fail(.refusedVersions(code))
        case .malformed(let reason):
            return fail(.malformedVersions(reason))
        case .table(let table):
            self.versions = table
            guard let sasl = self.sasl else {
                self.state = .ready
                return .ready(renewAfter: nil)
            }
            return startSASL(sasl, nonce: nonce) { .authenticating($0) }
        }
    }

    // MARK: SASL

    /// Time to renew the session; `nonce` as above.
    mutating func sessionNeedsRenewal(nonce: String) -> Action {
        guard case .ready = self.state, let sasl = self.sasl else { return .none }
        return startSASL(sasl, nonce: nonce) { .reauthenticating($0) }
    }

    mutating func handshakeAnswered(_ response: SaslHandshakeResponse) -> Action {
        let next: State
        switch self.state {
        case .authenticating(.mechanism): next = .authenticating(.exchange)
        case .reauthenticating(.mechanism): next = .reauthenticating(.exchange)
        default: return .none
        }
        guard response.errorCode == .none else {
            return fail(.refusedMechanism(response, self.sasl))
        }
        guard let message = self.exchange?.start() else { return .none }
        self.state = next
        return .sendSaslToken(message, version: self.versions.negotiate(SaslAuthenticateRequest.self) ?? 0)
    }

    /// - Parameter random: a number in 0..<1 that spreads renewals over time.
    mutating func exchangeAnswered(_ response: SaslAuthenticateResponse, random: Double) -> Action {
        switch self.state {
        case .authenticating(.exchange), .reauthenticating(.exchange): break
        default: return .none
        }
        guard response.errorCode == .none else { return fail(.refusedCredentials(response)) }
        do throws(SASLError) {
            if let message = try self.exchange?.respond(to: Array(response.authBytes.readableBytesView)) {
                return .sendSaslToken(message, version: self.versions.negotiate(SaslAuthenticateRequest.self) ?? 0)
            }
        } catch {
            return fail(.brokenExchange(error))
        }
        self.exchange = nil
        self.state = .ready
        return .ready(renewAfter: Self.renewal(lifetime: response.sessionLifetimeMs, random: random))
    }

    /// Between 85 % and 95 % of the session's life, as Kafka's own client.
    static func renewal(lifetime milliseconds: Int64, random: Double) -> Duration? {
        guard milliseconds > 0 else { return nil }
        let share = 0.85 + 0.1 * min(max(random, 0), 1)
        return .milliseconds(Int64(Double(min(milliseconds, 1 << 40)) * share))
    }

    private mutating func startSASL(_ sasl: SASLSettings, nonce: String, _ state: (Step) -> State) -> Action {
        guard let version = self.versions.negotiate(SaslHandshakeRequest.self), version >= 1,
            self.versions.negotiate(SaslAuthenticateRequest.self) != nil
        else { return fail(.noSASL) }
        self.exchange = SASLExchange(settings: sasl, nonce: nonce)
        self.state = state(.mechanism)
        return .sendSaslHandshake(mechanism: sasl.mechanism, version: version)
    }

    // MARK: Requests

    /// Somebody wants to send a request.
    func requestArrived() -> RequestDecision {
        switch self.state {
        case .ready: .send
        case .connecting, .negotiating, .authenticating, .reauthenticating: .wait
        case .closing, .closed:
            .refuse(
                self.failure?.forOtherRequests
                    ?? KafkaConnectionError(.closed, "the connection is closed", context: self.context)
            )
        }
    }

    // MARK: The end

    /// Our side wants to end the connection.
    mutating func closeRequested() -> Action {
        switch self.state {
        case .closing, .closed: return .none
        case .connecting, .negotiating, .authenticating, .ready, .reauthenticating:
            self.state = .closing
            return .close
        }
    }

    /// Something broke: a time-out, an unreadable frame, a TLS failure.
    mutating func failed(_ error: KafkaConnectionError) -> Action {
        switch self.state {
        case .closing, .closed: return .none
        case .connecting, .negotiating, .authenticating, .ready, .reauthenticating:
            self.state = .closing
            self.failure = error
            return .fail(error)
        }
    }

    /// The transport is gone.
    ///
    /// - Parameters:
    ///   - cause: the socket's error, if there was one.
    ///   - isUnanswered: requests were sent since the set-up, and none was answered.
    mutating func transportClosed(cause: (any Error)?, isUnanswered: Bool = false) -> Action {
        let state = self.state
        self.state = .closed
        switch state {
        case .closing, .closed: return .none
        case .connecting: return keep(.closedEarly(cause))
        case .negotiating: return keep(.closedDuringNegotiation(cause))
        case .authenticating, .reauthenticating: return keep(.closedDuringAuthentication(cause))
        case .ready:
            // Version negotiation passes on a listener with SASL; the first request after it does not.
            let isSuspicious = isUnanswered && self.sasl == nil
            let hint = "if it does so again, this listener may want SASL: see security.protocol"
            return keep(.closedByPeer(cause, hint: isSuspicious ? hint : nil))
        }
    }

    private mutating func fail(_ problem: Problem) -> Action {
        failed(problem.error(self.context))
    }

    private mutating func keep(_ problem: Problem) -> Action {
        let error = problem.error(self.context)
        self.failure = error
        return .fail(error)
    }
}
