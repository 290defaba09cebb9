/// A client property has a value that cannot be used.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The property's name.
    public var key: String
    /// Its value, or a placeholder when the property holds a secret; nil when the property is missing.
    public var value: String?
    /// What is wrong and what would be right.
    public var reason: String

    public init(key: String, value: String?, reason: String) {
        self.key = key
        self.value = KnownClientProperties.isSecret(key) && value != nil ? "[hidden]" : value
        self.reason = reason
    }

    public var description: String {
        if let value { "\(self.key) = \(value): \(self.reason)" } else { "\(self.key): \(self.reason)" }
    }
}
