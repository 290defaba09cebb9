import KafkaClient
import KafkaNetwork
import KafkaProtocol
import LocalKafka
import Logging
import Mirror
import MirrorModel
import NIOPosix
import ServiceLifecycle

/// The parts of the demo: two clusters, their producers, the mirror between them, and a check per direction.
struct Demo: Sendable {
    private let clusters: [SandboxCluster]
    private let clients: [KafkaClient]
    private let mirror: MirrorService
    private let checks: [DemoCheck]
    private let begin = ContinuousClock.now

    /// Starts two clusters with the demo's topics.
    static func start() async throws -> Demo {
        let clusters = ["A", "B"].map { SandboxCluster(alias: $0, brokers: 3, autoCreateTopics: false) }
        for cluster in clusters {
            try await cluster.start(topics: DemoTopic.all.map { ($0.name.string, $0.partitions) })
            for topic in DemoTopic.all {
                // Bounds the memory of a demo that is left running.
                try await cluster.cluster.setTopicConfigs(topic.name, ["retention.ms": "300000"])
            }
        }
        return try Demo(clusters)
    }

    private init(_ clusters: [SandboxCluster]) throws {
        var logger = Logger(label: "demo")
        logger.logLevel = .critical
        let log = logger
        self.clusters = clusters
        self.clients = try clusters.map { cluster in
            let properties = ["bootstrap.servers": cluster.bootstrapServers, "client.id": "demo-producer"]
            return KafkaClient(
                name: cluster.alias,
                configuration: try ClientConfiguration(properties: properties),
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
                logger: log
            )
        }
        self.mirror = try MirrorService(
            configuration: try MirrorConfiguration(file: "demo", bytes: SandboxProperties.text(clusters).utf8),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            threadPool: .singleton,
            logger: log
        )
        self.checks = [
            DemoCheck(source: clusters[0], target: clusters[1]),
            DemoCheck(source: clusters[1], target: clusters[0]),
        ]
    }

    /// Runs producers, mirror and checks until `end` returns, then lets the mirror catch up; returns the last state.
    func run(until end: @escaping @Sendable () async -> Void) async -> DemoSnapshot {
        await withTaskGroup(of: Void.self) { group in
            for client in self.clients { group.addTask { await client.run() } }
            group.addTask { await self.mirror.run() }
            group.addTask {
                while !Task.isCancelled {
                    await self.check()
                    try? await Task.sleep(for: .milliseconds(200))
                }
            }
            await self.produce(until: end)
            let deadline = ContinuousClock.now + .seconds(5)
            var snapshot = await self.snapshot()
            while snapshot.isIncomplete, ContinuousClock.now < deadline {
                try? await Task.sleep(for: .milliseconds(50))
                await self.check()
                snapshot = await self.snapshot()
            }
            self.mirror.stop()
            for client in self.clients { client.close() }
            group.cancelAll()
            await group.waitForAll()
            for cluster in self.clusters { await cluster.cluster.stop() }
            return snapshot
        }
    }

    private func produce(until end: @escaping @Sendable () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for client in self.clients {
                for topic in DemoTopic.all { group.addTask { await DemoProducer(client: client, topic: topic).run() } }
            }
            await end()
            group.cancelAll()
        }
    }

    private func check() async {
        for check in self.checks { await check.advance() }
    }

    func snapshot() async -> DemoSnapshot {
        let statuses = await self.mirror.status()
        var flows: [DemoSnapshot.Flow] = []
        for (source, check) in zip(self.clusters, self.checks) {
            guard let status = statuses.first(where: { $0.pair.source == source.alias }) else { continue }
            flows.append(await self.flow(status, source, check))
        }
        return DemoSnapshot(elapsed: ContinuousClock.now - self.begin, flows: flows, residentMemory: residentMemory())
    }

    private func flow(_ status: FlowStatus, _ source: SandboxCluster, _ check: DemoCheck) async -> DemoSnapshot.Flow {
        let results = await check.results
        var rows: [DemoSnapshot.Row] = []
        for topic in DemoTopic.all {
            let summary = try? await source.cluster.topic(topic.name)
            let partitions = status.partitions.filter { $0.source.topic == topic.name }
            var row = DemoSnapshot.Row(
                topic: topic.name,
                codec: "\(topic.codec)",
                partitions: Int(topic.partitions)
            )
            row.source = summary?.partitions.reduce(0) { $0 + $1.endOffset } ?? 0
            row.mirrored = partitions.reduce(0) { $0 + $1.counters.records }
            row.compared = results[topic.name]?.compared ?? 0
            row.different = results[topic.name]?.different ?? 0
            row.firstDifference = results[topic.name]?.firstDifference
            rows.append(row)
        }
        let counters = status.counters
        return DemoSnapshot.Flow(
            name: status.name,
            phase: status.phase.text,
            rows: rows,
            bytes: counters.bytes,
            fastPathBatches: counters.fastPathBatches.values.reduce(0, +),
            slowPathBatches: counters.slowPathBatches.values.reduce(0, +)
        )
    }
}

extension FlowStatus.Phase {
    fileprivate var text: String {
        switch self {
        case .starting: "starting"
        case .waiting(let reason): "waiting: \(reason)"
        case .running: "running"
        case .stopping: "stopping"
        case .stopped: "stopped"
        case .lost(let reason), .failed(let reason): "stopped: \(reason)"
        }
    }
}
