import KafkaProtocol

/// The access control lists of a cluster.
package final class AccessService: Authorizer {
    private(set) var list = AccessList()

    init(configuration: LocalCluster.Configuration) {
        self.list.superUsers = Set(configuration.superUsers.map { KafkaString($0) })
        self.list.allowsEveryoneWithoutEntry = configuration.allowEveryoneIfNoACL
    }

    package func allows(
        principal: String,
        host: String,
        operation: AccessOperation,
        resource: AccessResource
    ) -> Bool {
        self.list.allows(
            principal: KafkaString(principal),
            host: KafkaString(host),
            operation: operation,
            resource: resource
        )
    }

    package func add(_ entry: AccessEntry) { self.list.add(entry) }

    package func remove(_ entry: AccessEntry) { self.list.remove(entry) }

    package var entries: Set<AccessEntry> { self.list.entries }
}

extension RequestContext {
    /// Whether the client may do something on at least one resource of this type.
    func allowsAnywhere(_ operation: AccessOperation, _ type: AccessResourceType) -> Bool {
        guard self.cluster.authorizer != nil else { return true }
        return self.cluster.access.list.allowsAnywhere(
            principal: KafkaString(self.principal),
            host: KafkaString(self.host),
            operation: operation,
            type: type
        )
    }
}
