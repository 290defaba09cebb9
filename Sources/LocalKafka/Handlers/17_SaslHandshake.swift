package import KafkaProtocol

/// SaslHandshake (17), versions 0-1: chooses the mechanism of the exchange that follows.
///
/// - After version 0 the messages of the exchange come as frames of their own, after version 1 in SaslAuthenticate.
/// - A second handshake on a connection begins a re-authentication (KIP-368).
package enum SaslHandshakeHandler: RequestHandler {
    package static func handle(
        _ request: SaslHandshakeRequest,
        _ context: RequestContext,
        _ reply: Reply<SaslHandshakeResponse>
    ) {
        let listener = context.connection.listener
        var response = SaslHandshakeResponse()
        response.mechanisms = listener.saslMechanisms.map { KafkaString($0.rawValue) }
        guard listener.security.usesSASL else {
            response.errorCode = .illegalSaslState
            reply(response)
            return
        }
        guard
            let mechanism = LocalCluster.SASLMechanism(rawValue: request.mechanism.string),
            listener.saslMechanisms.contains(mechanism)
        else {
            response.errorCode = .unsupportedSaslMechanism
            reply(response)
            return
        }
        let nonce = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
        context.connection.authentication.begin(mechanism, nonce: nonce, isRaw: context.version == 0)
        reply(response)
    }

    package static func failure(
        _ request: SaslHandshakeRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> SaslHandshakeResponse {
        .with { $0.errorCode = error }
    }
}
