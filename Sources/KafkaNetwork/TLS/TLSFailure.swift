import NIOCore
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Puts the TLS library's errors into words that name the next step.
enum TLSFailure {
    /// A failure while the handshake was under way.
    ///
    /// - Parameter certificate: the broker's certificate, if it got that far.
    static func explain(
        _ error: any Error,
        certificate: NIOSSLCertificate?,
        context: KafkaConnectionError.Context
    ) -> KafkaConnectionError {
        let text = "\(error)"
        func failure(_ message: String, _ nextStep: String) -> KafkaConnectionError {
            KafkaConnectionError(.tlsFailed, message, nextStep: nextStep, context: context, cause: error)
        }
        if let alert = alert(in: text) { return failure(alert.message, alert.nextStep) }
        if let extra = error as? NIOSSLExtraError, extra == .failedToValidateHostname {
            let host = context.address?.host ?? ""
            let names = certificate.map { CertificateFacts($0).names.joined(separator: ", ") } ?? ""
            return failure(
                "the broker's certificate is made out to \(names.isEmpty ? "another host" : names), not to \(host)",
                "connect under a name that the certificate has, or set ssl.endpoint.identification.algorithm to nothing"
            )
        }
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return untrusted(certificate, failure)
        }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return failure(
                "the peer does not speak TLS",
                "this listener may be without TLS: set security.protocol to PLAINTEXT or SASL_PLAINTEXT, or use another port"
            )
        }
        if text.contains("UNSUPPORTED_PROTOCOL") {
            return failure(
                "the broker offers no TLS version that is allowed here",
                "see ssl.enabled.protocols on both sides"
            )
        }
        if text.contains("NO_SHARED_CIPHER") || text.contains("HANDSHAKE_FAILURE_ON_CLIENT_HELLO") {
            return failure("both sides have no cipher suite in common", "see ssl.cipher.suites on both sides")
        }
        if text.contains("EOF during handshake") || text.contains("uncleanShutdown") {
            return failure(
                "the peer closed the connection during the TLS handshake",
                "check that this listener speaks TLS"
            )
        }
        if error is IOError {
            return KafkaConnectionError(
                .closed,
                "the connection broke during the TLS handshake: \(error)",
                nextStep: "check that this listener speaks TLS",
                context: context,
                cause: error
            )
        }
        return failure("the TLS handshake failed: \(text)", "check the ssl.* settings on both sides")
    }

    /// Alerts that come after our side has finished: with TLS 1.3 a server looks at our certificate only then.
    static func afterHandshake(
        _ error: any Error,
        context: KafkaConnectionError.Context
    ) -> KafkaConnectionError? {
        guard error is NIOSSLError || error is BoringSSLError, let alert = alert(in: "\(error)") else { return nil }
        return KafkaConnectionError(
            .tlsFailed,
            alert.message,
            nextStep: alert.nextStep,
            context: context,
            cause: error
        )
    }

    /// What the other side said about us.
    private static func alert(in text: String) -> (message: String, nextStep: String)? {
        let ours = "check ssl.keystore.* here and the trust store of the broker"
        if text.contains("ALERT_CERTIFICATE_REQUIRED") {
            return ("the broker asks for a client certificate and none is configured", "set ssl.keystore.location")
        }
        if text.contains("ALERT_HANDSHAKE_FAILURE") {
            return (
                "the broker refused the TLS handshake: it wants a client certificate, or there is no common cipher suite",
                "set ssl.keystore.location if brokers ask for certificates; see ssl.cipher.suites"
            )
        }
        if text.contains("ALERT_UNKNOWN_CA") || text.contains("ALERT_UNKNOWN_CERTIFICATE_AUTHORITY") {
            return ("the broker does not trust the issuer of our client certificate", ours)
        }
        if text.contains("ALERT_CERTIFICATE_EXPIRED") {
            return (
                "the broker says that our client certificate has expired",
                "renew the certificate in ssl.keystore.location"
            )
        }
        if text.contains("ALERT_BAD_CERTIFICATE") || text.contains("ALERT_CERTIFICATE_UNKNOWN")
            || text.contains("ALERT_UNSUPPORTED_CERTIFICATE") || text.contains("ALERT_CERTIFICATE_REVOKED")
            || text.contains("ALERT_ACCESS_DENIED")
        {
            return ("the broker does not accept our client certificate, or wants one and got none", ours)
        }
        if text.contains("ALERT_PROTOCOL_VERSION") {
            return ("the broker refuses the TLS version", "see ssl.enabled.protocols on both sides")
        }
        return nil
    }

    private static func untrusted(
        _ certificate: NIOSSLCertificate?,
        _ failure: (String, String) -> KafkaConnectionError
    ) -> KafkaConnectionError {
        guard let certificate else {
            return failure(
                "the broker's certificate cannot be verified",
                "put the certificate of its issuer into ssl.truststore.location"
            )
        }
        let facts = CertificateFacts(certificate)
        let now = time(nil)
        if certificate.notValidAfter < now {
            return failure(
                "the broker's certificate (\(facts.subject)) expired on \(CertificateFacts.day(certificate.notValidAfter))",
                "renew it on the broker"
            )
        }
        if certificate.notValidBefore > now {
            return failure(
                "the broker's certificate (\(facts.subject)) is valid only from "
                    + CertificateFacts.day(certificate.notValidBefore),
                "check the clocks of both machines"
            )
        }
        return failure(
            "the broker's certificate (\(facts.subject)) was issued by \(facts.issuer), and no chain leads from there to a"
                + " self-signed root in the trust store",
            "put the certificates of its issuers into ssl.truststore.location, the root's too: unlike Java, the TLS library"
                + " here does not take an intermediate one for a root"
        )
    }
}
