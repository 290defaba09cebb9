import KafkaClient
package import Logging
package import MirrorModel
package import NIOCore
package import NIOPosix
import ServiceLifecycle

/// All flows of one configuration, each on its own.
package final class MirrorService: Service {
    package let flows: [FlowSupervisor]
    /// Flows that are off and send heartbeats all the same.
    private let heartbeatFlows: [HeartbeatFlow]
    private let stopping: AsyncStream<Never>
    private let stopContinuation: AsyncStream<Never>.Continuation

    /// - Parameters:
    ///   - configuration: flows that are switched off send heartbeats only.
    ///   - eventLoopGroup: moves the records; one shard of each flow per loop.
    ///   - threadPool: where batches are decoded and encoded that cannot be passed through.
    package convenience init(
        configuration: MirrorConfiguration,
        eventLoopGroup: any EventLoopGroup,
        threadPool: NIOThreadPool,
        logger: Logger
    ) throws {
        try self.init(configuration: configuration, eventLoopGroup: eventLoopGroup, logger: logger) {
            flow,
            clients,
            eventLoop,
            shardCount,
            logger in
            var settings = try ShardConfiguration(
                sourceAlias: flow.sourceAlias,
                targetAlias: flow.targetAlias,
                consumer: flow.sourceConsumer,
                producer: flow.targetProducer
            )
            if flow.exactlyOnce != nil {
                settings.writeTransactions()
            } else {
                settings.flow.yieldsWhenOvertaken = true
            }
            settings.flow.policies = flow.integrity
            settings.flow.keepsLedger = true
            settings.flow.openTransactionPatience = .milliseconds(flow.openTransactionPatienceMs)
            settings.fetch.byteBudget = max(1 << 20, flow.memoryBytes / shardCount)
            return Shard(
                source: clients.source,
                target: clients.target,
                configuration: settings,
                eventLoop: eventLoop,
                threadPool: threadPool,
                logger: logger
            )
        }
    }

    init(
        configuration: MirrorConfiguration,
        eventLoopGroup: any EventLoopGroup,
        logger: Logger,
        makeShard: @escaping FlowSupervisor.ShardFactory
    ) throws {
        var loops: [any EventLoop] = []
        for loop in eventLoopGroup.makeIterator() { loops.append(loop) }
        let directory = OffsetsDirectory()
        var flows: [FlowSupervisor] = []
        for flow in configuration.flows where flow.isEnabled {
            flows.append(
                FlowSupervisor(
                    configuration: flow,
                    clients: try FlowClients(flow, eventLoopGroup: eventLoopGroup, logger: logger),
                    eventLoops: loops,
                    directory: directory,
                    logger: logger,
                    makeShard: makeShard
                )
            )
        }
        (self.stopping, self.stopContinuation) = AsyncStream.makeStream(of: Never.self)
        self.flows = flows
        var told: Set<String> = []
        self.heartbeatFlows = try configuration.flows.filter { !$0.isEnabled && $0.sendsHeartbeats }.map { flow in
            // A cluster in trouble is told once, not by every flow that only sends it heartbeats.
            let isAlone = told.insert(flow.targetAlias).inserted && !configuration.reaches(flow.targetAlias, as: flow)
            return try HeartbeatFlow(flow, eventLoopGroup: eventLoopGroup, logger: logger, isAlone: isAlone)
        }
    }

    /// Runs all flows until `stop` is called, the service group shuts down, or the task is cancelled.
    package func run() async {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for flow in self.heartbeatFlows { group.addTask { await flow.run() } }
                await withDiscardingTaskGroup { group in
                    for flow in self.flows { group.addTask { await flow.run() } }
                    if self.flows.isEmpty { group.addTask { for await _ in self.stopping {} } }
                }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            self.stop()
        }
    }

    /// Ends all flows in order; `run` returns when they have.
    package func stop() {
        for flow in flows { flow.stop() }
        stopContinuation.finish()
    }

    package func status() async -> [FlowStatus] {
        var result: [FlowStatus] = []
        for flow in flows { result.append(await flow.status()) }
        return result
    }
}

extension MirrorConfiguration {
    /// Whether a flow of records connects to cluster `alias` as this one's heartbeats do.
    fileprivate func reaches(_ alias: String, as flow: FlowConfiguration) -> Bool {
        flows.contains { other in
            guard other.isEnabled else { return false }
            return FlowConfiguration.Client.allCases.contains { client in
                other.alias(of: client) == alias
                    && FlowClients.connectsAlike(other.properties(of: client), flow.targetProducer)
            }
        }
    }
}
