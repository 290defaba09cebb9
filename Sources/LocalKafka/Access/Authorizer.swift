package import KafkaProtocol

/// The operations of Kafka's access control lists, with their numbers on the wire.
package enum AccessOperation: Int8, Sendable, CaseIterable, Hashable {
    case unknown = 0
    case any = 1
    case all = 2
    case read = 3
    case write = 4
    case create = 5
    case delete = 6
    case alter = 7
    case describe = 8
    case clusterAction = 9
    case describeConfigs = 10
    case alterConfigs = 11
    case idempotentWrite = 12
    case createTokens = 13
    case describeTokens = 14
}

/// The kinds of resource an access control list can name, with their numbers on the wire.
package enum AccessResourceType: Int8, Sendable, CaseIterable, Hashable {
    case unknown = 0
    case any = 1
    case topic = 2
    case group = 3
    case cluster = 4
    case transactionalID = 5
    case delegationToken = 6
    case user = 7
}

/// One resource a request wants to touch; the cluster's name is `kafka-cluster`.
package struct AccessResource: Hashable, Sendable {
    package var type: AccessResourceType
    package var name: KafkaString

    package init(_ type: AccessResourceType, _ name: KafkaString) {
        self.type = type
        self.name = name
    }

    package static let cluster = AccessResource(.cluster, "kafka-cluster")
}

/// Decides whether a principal (`User:alice`) at a host may do something.
package protocol Authorizer: AnyObject {
    func allows(
        principal: String,
        host: String,
        operation: AccessOperation,
        resource: AccessResource
    ) -> Bool
}
