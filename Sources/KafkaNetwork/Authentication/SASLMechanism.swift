/// SASL mechanisms that this client can speak.
public enum SASLMechanism: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case plain = "PLAIN"
    case scramSHA256 = "SCRAM-SHA-256"
    case scramSHA512 = "SCRAM-SHA-512"

    public var description: String { self.rawValue }

    /// The login module that `sasl.jaas.config` names for this mechanism.
    var loginModule: String {
        switch self {
        case .plain: "org.apache.kafka.common.security.plain.PlainLoginModule"
        case .scramSHA256, .scramSHA512: "org.apache.kafka.common.security.scram.ScramLoginModule"
        }
    }
}

/// Mechanism and credentials; prints without the password.
public struct SASLSettings: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
    public var mechanism: SASLMechanism
    public var username: String
    public var password: String
    /// The credentials are a delegation token (`tokenauth="true"`, SCRAM only).
    public var usesDelegationToken: Bool

    public init(mechanism: SASLMechanism, username: String, password: String, usesDelegationToken: Bool = false) {
        self.mechanism = mechanism
        self.username = username
        self.password = password
        self.usesDelegationToken = usesDelegationToken
    }

    public var description: String { "\(self.mechanism) as \(self.username)" }
    public var debugDescription: String { self.description }
    public var customMirror: Mirror {
        Mirror(self, children: ["mechanism": self.mechanism, "username": self.username])
    }
}
