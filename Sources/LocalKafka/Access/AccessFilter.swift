import KafkaProtocol

/// Chooses access control entries, for DescribeAcls and DeleteAcls.
struct AccessFilter: Sendable {
    var type: AccessResourceType
    var name: KafkaString?
    var pattern: AccessPattern
    var principal: KafkaString?
    var host: KafkaString?
    var operation: AccessOperation
    var permission: AccessPermission

    /// Reads the numbers of a request; nil if it holds one that nobody knows.
    init?(
        type: Int8,
        name: KafkaString?,
        pattern: Int8,
        principal: KafkaString?,
        host: KafkaString?,
        operation: Int8,
        permission: Int8
    ) {
        guard let type = AccessResourceType(rawValue: type), type != .unknown,
            let pattern = AccessPattern(rawValue: pattern), pattern != .unknown,
            let operation = AccessOperation(rawValue: operation), operation != .unknown,
            let permission = AccessPermission(rawValue: permission), permission != .unknown
        else { return nil }
        self.type = type
        self.name = name
        self.pattern = pattern
        self.principal = principal
        self.host = host
        self.operation = operation
        self.permission = permission
    }

    func matches(_ entry: AccessEntry) -> Bool {
        (self.type == .any || self.type == entry.type)
            && self.matchesName(of: entry)
            && (self.principal == nil || self.principal == entry.principal)
            && (self.host == nil || self.host == entry.host)
            && (self.operation == .any || self.operation == entry.operation)
            && (self.permission == .any || self.permission == entry.permission)
    }

    private func matchesName(of entry: AccessEntry) -> Bool {
        switch self.pattern {
        case .literal, .prefixed:
            guard self.pattern == entry.pattern else { return false }
            return self.name == nil || self.name == entry.name
        case .any, .unknown:
            return self.name == nil || self.name == entry.name
        case .match:
            guard let name = self.name else { return true }
            return entry.covers(AccessResource(entry.type, name))
        }
    }
}
