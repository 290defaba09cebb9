/// The values of `security.protocol`.
public enum SecurityProtocol: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case plaintext = "PLAINTEXT"
    case ssl = "SSL"
    case saslPlaintext = "SASL_PLAINTEXT"
    case saslSSL = "SASL_SSL"

    public var usesTLS: Bool { self == .ssl || self == .saslSSL }
    public var usesSASL: Bool { self == .saslPlaintext || self == .saslSSL }
    public var description: String { self.rawValue }
}
