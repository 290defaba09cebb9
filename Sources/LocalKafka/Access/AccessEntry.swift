package import KafkaProtocol

/// How the name in an access control entry is meant, with the numbers on the wire.
package enum AccessPattern: Int8, Sendable, CaseIterable, Hashable {
    case unknown = 0
    /// In filters: any kind of pattern of exactly this name.
    case any = 1
    /// In filters: every pattern that covers the name.
    case match = 2
    case literal = 3
    case prefixed = 4
}

/// What an access control entry says, with the numbers on the wire.
package enum AccessPermission: Int8, Sendable, CaseIterable, Hashable {
    case unknown = 0
    case any = 1
    case deny = 2
    case allow = 3
}

/// One access control entry: who may, or may not, do what with which resources.
package struct AccessEntry: Hashable, Sendable {
    package var type: AccessResourceType
    package var name: KafkaString
    package var pattern: AccessPattern
    package var principal: KafkaString
    package var host: KafkaString
    package var operation: AccessOperation
    package var permission: AccessPermission

    package static let wildcard: KafkaString = "*"
    package static let everyone: KafkaString = "User:*"

    package init(
        _ permission: AccessPermission,
        _ principal: KafkaString,
        _ operation: AccessOperation,
        on type: AccessResourceType,
        _ name: KafkaString,
        pattern: AccessPattern = .literal,
        host: KafkaString = AccessEntry.wildcard
    ) {
        self.type = type
        self.name = name
        self.pattern = pattern
        self.principal = principal
        self.host = host
        self.operation = operation
        self.permission = permission
    }

    /// Whether the entry is about the resource.
    func covers(_ resource: AccessResource) -> Bool {
        guard self.type == resource.type else { return false }
        return self.pattern == .prefixed
            ? resource.name.utf8.starts(with: self.name.utf8)
            : self.name == resource.name || self.name == Self.wildcard
    }

    /// Whether the entry is about this client.
    func concerns(principal: KafkaString, host: KafkaString) -> Bool {
        (self.principal == principal || self.principal == Self.everyone)
            && (self.host == host || self.host == Self.wildcard)
    }

    /// What is wrong with an entry that somebody wants to add.
    var complaint: String? {
        if self.type == .unknown || self.type == .any { return "Invalid resource type" }
        if self.pattern != .literal, self.pattern != .prefixed { return "Invalid pattern type" }
        if self.operation == .unknown || self.operation == .any { return "Invalid operation type" }
        if self.permission != .allow, self.permission != .deny { return "Invalid permission type" }
        if self.name.isEmpty { return "Resource name should not be empty" }
        if self.type == .cluster, self.name != AccessResource.cluster.name {
            return "The only valid name for the CLUSTER resource is \(AccessResource.cluster.name)"
        }
        if !self.principal.string.contains(":") {
            return "Could not parse principal from `\(self.principal)` (no colon is present separating the principal "
                + "type from the principal name)"
        }
        if self.operation != .all, !self.type.operations.contains(self.operation) {
            return "Operation \(self.operation) does not apply to resource type \(self.type)"
        }
        return nil
    }
}

extension AccessResourceType {
    /// The operations that make sense for a kind of resource.
    var operations: Set<AccessOperation> {
        switch self {
        case .topic: [.read, .write, .create, .describe, .delete, .alter, .describeConfigs, .alterConfigs]
        case .group: [.read, .describe, .delete, .describeConfigs, .alterConfigs]
        case .cluster:
            [.create, .clusterAction, .describeConfigs, .alterConfigs, .idempotentWrite, .alter, .describe]
        case .transactionalID: [.describe, .write]
        case .delegationToken: [.describe]
        case .user: [.createTokens, .describeTokens]
        case .unknown, .any: []
        }
    }
}
