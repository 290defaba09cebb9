import KafkaClient
package import Logging
package import MirrorModel
package import NIOCore

/// A flow that mirrors nothing and only says that this process is there, as MirrorMaker 2 has one for every pair of
/// clusters unless it is switched off.
package struct HeartbeatFlow: Sendable {
    private let client: KafkaClient
    private let adminClient: KafkaClient
    private let task: HeartbeatTask

    /// - Parameter isAlone: Nobody else tells when the target does not answer.
    package init(
        _ configuration: FlowConfiguration,
        eventLoopGroup: any EventLoopGroup,
        logger: Logger,
        isAlone: Bool = true
    ) throws {
        var logger = logger
        logger[metadataKey: "flow"] = .string(configuration.name)
        client = try KafkaClient(
            name: configuration.targetAlias,
            properties: configuration.targetProducer,
            eventLoopGroup: eventLoopGroup,
            logger: logger
        )
        adminClient =
            FlowClients.connectsAlike(configuration.targetProducer, configuration.targetAdmin)
            ? client
            : try KafkaClient(
                name: configuration.targetAlias,
                properties: configuration.targetAdmin,
                eventLoopGroup: eventLoopGroup,
                logger: logger
            )
        task = HeartbeatTask(
            configuration: configuration,
            client: client,
            adminClient: adminClient,
            logger: logger,
            isAlone: isAlone
        )
    }

    /// Runs until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await client.run() }
            if adminClient !== client { group.addTask { await adminClient.run() } }
            await task.run()
            client.close()
            adminClient.close()
        }
    }
}
