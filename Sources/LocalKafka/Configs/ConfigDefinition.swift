/// A config as a broker knows it: type, default and how to check a value.
package struct ConfigDefinition: Sendable {
    package enum Kind: Int8, Sendable {
        case boolean = 1
        case string = 2
        case int = 3
        case short = 4
        case long = 5
        case double = 6
        case list = 7
        case `class` = 8
        case password = 9
    }

    package var name: String
    package var kind: Kind
    package var defaultValue: String?
    /// The broker config that supplies a topic config's default.
    package var brokerName: String?
    /// The values that are possible; empty = any of the kind.
    package var allowed: Set<String>
    package var minimum: Int64?
    package var isReadOnly: Bool

    package init(
        _ name: String,
        _ kind: Kind,
        _ defaultValue: String?,
        broker brokerName: String? = nil,
        allowed: Set<String> = [],
        minimum: Int64? = nil,
        isReadOnly: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.defaultValue = defaultValue
        self.brokerName = brokerName
        self.allowed = allowed
        self.minimum = minimum
        self.isReadOnly = isReadOnly
    }

    package var isSensitive: Bool { self.kind == .password }

    /// What is wrong with a value, in Kafka's words; `nil` when it is fine.
    package func complaint(about value: String) -> String? {
        let prefix = "Invalid value \(value) for configuration \(self.name)"
        switch self.kind {
        case .boolean:
            return ["true", "false"].contains(value.lowercased())
                ? nil : "\(prefix): Expected value to be either true or false"
        case .int, .short, .long:
            let limit = self.kind == .int ? Int64(Int32.max) : self.kind == .short ? Int64(Int16.max) : .max
            guard let number = Int64(value), number.magnitude <= limit.magnitude + 1, number <= limit else {
                return "\(prefix): Not a number of type \(self.kind.name)"
            }
            if let minimum = self.minimum, number < minimum { return "\(prefix): Value must be at least \(minimum)" }
            return nil
        case .double:
            return Double(value) == nil ? "\(prefix): Not a number of type DOUBLE" : nil
        case .string, .class, .password:
            guard !self.allowed.isEmpty, !self.allowed.contains(value) else { return nil }
            return "\(prefix): String must be one of: \(self.allowed.sorted().joined(separator: ", "))"
        case .list:
            guard !self.allowed.isEmpty else { return nil }
            for item in Self.items(value) where !self.allowed.contains(item) {
                return "\(prefix): String must be one of: \(self.allowed.sorted().joined(separator: ", "))"
            }
            return nil
        }
    }

    /// The items of a list value.
    package static func items(_ value: String) -> [String] {
        value.split(separator: ",").map { item in
            String(item.drop(while: { $0 == " " }).reversed().drop(while: { $0 == " " }).reversed())
        }
    }
}

extension ConfigDefinition.Kind {
    var name: String {
        switch self {
        case .boolean: "BOOLEAN"
        case .string: "STRING"
        case .int: "INT"
        case .short: "SHORT"
        case .long: "LONG"
        case .double: "DOUBLE"
        case .list: "LIST"
        case .class: "CLASS"
        case .password: "PASSWORD"
        }
    }
}

/// Where a config's value comes from, with the numbers of DescribeConfigs.
package enum ConfigSource: Int8, Sendable {
    case topic = 1
    case broker = 2
    case defaultBroker = 3
    case staticBroker = 4
    case defaultValue = 5
}
