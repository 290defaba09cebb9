package import KafkaClient
package import Logging
package import MirrorModel
package import NIOCore

/// The connections of a flow to its two clusters.
///
/// The file may give consumers, producers and admins of a cluster different ways to connect. Where it does not, one
/// client serves both.
package struct FlowClients: Sendable {
    /// Reads records and metadata of the source.
    package let source: KafkaClient
    package let sourceAdmin: KafkaClient
    /// Writes records, and reads metadata of the target.
    package let target: KafkaClient
    package let targetAdmin: KafkaClient
    /// Reads and writes offset syncs, at one of the two clusters.
    package let offsetSyncs: KafkaClient
    package let offsetSyncsAdmin: KafkaClient

    package init(_ configuration: FlowConfiguration, eventLoopGroup: any EventLoopGroup, logger: Logger) throws {
        func client(_ alias: String, _ properties: [String: String]) throws -> KafkaClient {
            try KafkaClient(name: alias, properties: properties, eventLoopGroup: eventLoopGroup, logger: logger)
        }
        source = try client(configuration.sourceAlias, configuration.sourceConsumer)
        sourceAdmin =
            Self.connectsAlike(configuration.sourceConsumer, configuration.sourceAdmin)
            ? source : try client(configuration.sourceAlias, configuration.sourceAdmin)
        target = try client(configuration.targetAlias, configuration.targetProducer)
        targetAdmin =
            Self.connectsAlike(configuration.targetProducer, configuration.targetAdmin)
            ? target : try client(configuration.targetAlias, configuration.targetAdmin)

        let syncs = configuration.offsetSyncs
        let alias = syncs.isAtTarget ? configuration.targetAlias : configuration.sourceAlias
        var known: [([String: String], KafkaClient)] =
            syncs.isAtTarget
            ? [(configuration.targetProducer, target), (configuration.targetAdmin, targetAdmin)]
            : [(configuration.sourceConsumer, source), (configuration.sourceAdmin, sourceAdmin)]
        func match(_ properties: [String: String]) -> KafkaClient? {
            known.first { Self.connectsAlike($0.0, properties) }?.1
        }
        offsetSyncs = try match(syncs.producer) ?? client(alias, syncs.producer)
        known.append((syncs.producer, offsetSyncs))
        offsetSyncsAdmin = try match(syncs.admin) ?? client(alias, syncs.admin)
    }

    /// Whether one client serves for both.
    static func connectsAlike(_ a: [String: String], _ b: [String: String]) -> Bool {
        ConfigKey.connection.allSatisfy { a[$0.name] == b[$0.name] }
    }

    /// Every client once.
    package var all: [KafkaClient] {
        var all: [KafkaClient] = []
        for client in [source, target, sourceAdmin, targetAdmin, offsetSyncs, offsetSyncsAdmin]
        where !all.contains(where: { $0 === client }) {
            all.append(client)
        }
        return all
    }
}
