package import KafkaProtocol
import NIOCore

/// SaslAuthenticate (36), versions 0-2: carries the messages of PLAIN and SCRAM exchanges.
///
/// - After a failure the connection is closed once the answer is out.
/// - From version 1 the answer tells how long the session lasts; a connection that has not authenticated again by then
///   is closed at its next request.
package enum SaslAuthenticateHandler: RequestHandler {
    package static func handle(
        _ request: SaslAuthenticateRequest,
        _ context: RequestContext,
        _ reply: Reply<SaslAuthenticateResponse>
    ) {
        let connection = context.connection
        guard connection.authentication.isExchanging else {
            reply(
                Self.refusal(
                    .illegalSaslState,
                    "SaslAuthenticate request received after successful authentication or before a handshake"
                )
            )
            return
        }
        do {
            let result = try connection.authentication.receive(
                Array(request.authBytes.readableBytesView),
                credentials: context.cluster.credentials
            )
            var response = SaslAuthenticateResponse()
            response.errorMessage = nil
            response.authBytes = ByteBuffer(bytes: result.answer)
            if result.isDone, let user = connection.authentication.user {
                connection.principal = "User:\(user)"
                let lifetime = context.cluster.configuration.maxReauthenticationMs
                // Clients of version 0 cannot know the limit, so they are not held to it.
                let effective = context.version >= 1 ? lifetime : 0
                connection.authentication.setLifetime(effective, now: context.now)
                response.sessionLifetimeMs = effective
            }
            reply(response)
        } catch {
            reply(Self.refusal(.saslAuthenticationFailed, error.reason))
            connection.close()
        }
    }

    package static func failure(
        _ request: SaslAuthenticateRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> SaslAuthenticateResponse {
        Self.refusal(error, nil)
    }

    private static func refusal(_ error: ErrorCode, _ message: String?) -> SaslAuthenticateResponse {
        .with {
            $0.errorCode = error
            $0.errorMessage = message.map { KafkaString($0) }
        }
    }
}
