/// The access control lists of a cluster.
package final class AccessService: Authorizer {
    let superUsers: Set<String>
    let allowEveryoneIfNoACL: Bool

    init(configuration: LocalCluster.Configuration) {
        self.superUsers = configuration.superUsers
        self.allowEveryoneIfNoACL = configuration.allowEveryoneIfNoACL
    }

    package func allows(
        principal: String,
        host: String,
        operation: AccessOperation,
        resource: AccessResource
    ) -> Bool {
        self.superUsers.contains(principal) || self.allowEveryoneIfNoACL
    }
}
