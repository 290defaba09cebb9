import KafkaProtocol

/// The access control entries of a cluster, and the decision they lead to.
///
/// The rules are those of Kafka's StandardAuthorizer: a super user may do everything; one matching DENY decides
/// against, whatever is allowed elsewhere; one matching ALLOW decides for; a resource that no entry covers is open
/// only if configured so.
struct AccessList: Sendable {
    var superUsers: Set<KafkaString> = []
    var allowsEveryoneWithoutEntry = false
    private(set) var entries: Set<AccessEntry> = []

    mutating func add(_ entry: AccessEntry) { self.entries.insert(entry) }

    mutating func remove(_ entry: AccessEntry) { self.entries.remove(entry) }

    /// The matching entries, in a stable order.
    func entries(matching filter: AccessFilter) -> [AccessEntry] {
        self.entries.filter(filter.matches).sorted { Self.key($0).lexicographicallyPrecedes(Self.key($1)) }
    }

    func allows(
        principal: KafkaString,
        host: KafkaString,
        operation: AccessOperation,
        resource: AccessResource
    ) -> Bool {
        if self.superUsers.contains(principal) { return true }
        var isCovered = false
        var isAllowed = false
        let implying = operation.implying
        for entry in self.entries where entry.covers(resource) {
            isCovered = true
            guard entry.concerns(principal: principal, host: host) else { continue }
            switch entry.permission {
            case .deny where entry.operation == operation || entry.operation == .all: return false
            case .allow where entry.operation == .all || implying.contains(entry.operation): isAllowed = true
            default: break
            }
        }
        return isAllowed || (!isCovered && self.allowsEveryoneWithoutEntry)
    }

    /// Whether there may be a resource of this type on which the operation is allowed.
    func allowsAnywhere(
        principal: KafkaString,
        host: KafkaString,
        operation: AccessOperation,
        type: AccessResourceType
    ) -> Bool {
        if self.superUsers.contains(principal) { return true }
        let mine = self.entries.filter { entry in
            entry.type == type && entry.concerns(principal: principal, host: host)
                && (entry.operation == operation || entry.operation == .all)
        }
        let denials = mine.filter { $0.permission == .deny }
        if denials.contains(where: { $0.pattern == .literal && $0.name == AccessEntry.wildcard }) { return false }
        if self.allowsEveryoneWithoutEntry { return true }
        return mine.contains { entry in
            guard entry.permission == .allow else { return false }
            // A denial dominates if it covers everything that is allowed.
            return !denials.contains { denial in
                denial.pattern == .prefixed
                    ? entry.name.utf8.starts(with: denial.name.utf8) && entry.name != AccessEntry.wildcard
                    : entry.pattern == .literal && entry.name == denial.name
            }
        }
    }

    private static func key(_ entry: AccessEntry) -> [String] {
        [
            "\(entry.type.rawValue)", entry.name.string, "\(entry.pattern.rawValue)", entry.principal.string,
            entry.host.string, "\(entry.operation.rawValue)", "\(entry.permission.rawValue)",
        ]
    }
}

extension AccessOperation {
    /// The operations whose permission includes this one.
    var implying: Set<AccessOperation> {
        switch self {
        case .describe: [.describe, .read, .write, .delete, .alter]
        case .describeConfigs: [.describeConfigs, .alterConfigs]
        default: [self]
        }
    }
}
