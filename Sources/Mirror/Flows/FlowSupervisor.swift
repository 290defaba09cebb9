import KafkaClient
import KafkaProtocol
package import Logging
package import MirrorModel
package import NIOCore

/// Runs one flow: connects, finds topics, hands partitions to shards, writes progress, and stops in order.
///
/// # Responsibilities
/// 1. A cluster that cannot be reached keeps this flow waiting, with one clear message, and nothing else.
/// 2. What should be mirrored is compared with what is, every few seconds; a topic that fails waits alone.
/// 3. Progress is written beside the data path and never holds it up.
/// 4. `stop` takes nothing new, waits for what was sent, writes progress and closes everything, within a deadline.
package actor FlowSupervisor {
    /// Makes the shard of one event loop.
    package typealias ShardFactory =
        @Sendable (FlowConfiguration, FlowClients, any EventLoop, _ shardCount: Int, Logger) throws
        -> any PartitionMirroring

    package nonisolated let configuration: FlowConfiguration
    /// Where the flow's records are in the mirror, for checkpoints, group offsets and failback.
    package nonisolated let offsets = FlowOffsets()
    let clients: FlowClients
    let eventLoops: [any EventLoop]
    let makeShard: ShardFactory
    let logger: Logger
    let store: ProgressStore
    let creator: TopicCreator
    let resolver: ResumeResolver
    let continuity: ProducerContinuity
    let heartbeats: HeartbeatTask
    let offsetSyncs: OffsetSyncTask
    let history: OffsetHistory
    let groups: GroupSync
    /// Set when the flow writes in transactions.
    let ownership: FlowOwnership?
    let gaps: GapLedger
    let board: QuarantineBoard
    let stopping: AsyncStream<Never>
    let stopContinuation: AsyncStream<Never>.Continuation

    var phase = FlowStatus.Phase.starting
    var impediments: [Impediment: String] = [:]
    var discovery: TopicDiscovery
    var ledger: ProgressLedger?
    var shards: [any PartitionMirroring] = []
    var owners: [TopicPartition: Int] = [:]
    var load: [Int] = []
    var progressWrittenAt: NIODeadline?
    /// Source topics that were deleted, and made anew since.
    var goneTopics: Set<KafkaUUID> = []
    var hasGivenUpPartitions = false
    /// Comparisons are not through: the next look is not to wait.
    var isComparing = false
    /// Why the flow has stopped by itself.
    var loss: String?
    var news = TroubleNews()
    var blocked: Set<TopicName> = []
    var missingNames: Set<String> = []
    /// Why a policy ended the flow.
    var failure: String?

    enum Impediment: Int, Comparable {
        case clusters, progress

        var subject: TroubleNews.Subject { self == .clusters ? .clusters : .progress }

        static func < (a: Impediment, b: Impediment) -> Bool { a.rawValue < b.rawValue }
    }

    /// How long stopping may take: together less than the ten seconds that a container is given.
    static let drainTime = Duration.seconds(4)
    static let lastWriteTime = Duration.seconds(3)

    package init(
        configuration: FlowConfiguration,
        clients: FlowClients,
        eventLoops: [any EventLoop],
        directory: OffsetsDirectory = OffsetsDirectory(),
        logger: Logger,
        makeShard: @escaping ShardFactory
    ) {
        var logger = logger
        logger[metadataKey: "flow"] = .string(configuration.name)
        self.configuration = configuration
        self.clients = clients
        self.eventLoops = eventLoops
        self.makeShard = makeShard
        self.logger = logger
        self.store = ProgressStore(
            client: clients.target,
            topic: configuration.progressTopic,
            sourceAlias: configuration.sourceAlias,
            connectorName: configuration.connectorName,
            logger: logger
        )
        self.creator = TopicCreator(
            source: clients.sourceAdmin,
            target: clients.targetAdmin,
            configuration: configuration,
            logger: logger
        )
        self.continuity = ProducerContinuity(
            source: clients.source,
            target: clients.target,
            configuration: configuration
        )
        self.resolver = ResumeResolver(
            source: clients.source,
            target: clients.target,
            configuration: configuration,
            logger: logger
        )
        self.offsetSyncs = OffsetSyncTask(
            configuration: configuration,
            clients: clients,
            offsets: offsets,
            logger: logger
        )
        self.history = OffsetHistory(configuration: configuration, clients: clients, offsets: offsets, logger: logger)
        self.gaps = GapLedger(
            configuration: configuration,
            client: clients.target,
            adminClient: clients.targetAdmin,
            logger: logger
        )
        self.board = QuarantineBoard(
            configuration: configuration,
            client: clients.target,
            adminClient: clients.targetAdmin,
            logger: logger
        )
        self.heartbeats = HeartbeatTask(
            configuration: configuration,
            client: clients.target,
            adminClient: clients.targetAdmin,
            logger: logger
        )
        self.groups = GroupSync(
            configuration: configuration,
            clients: clients,
            offsets: offsets,
            directory: directory,
            logger: logger
        )
        directory.register(offsets, of: configuration.pair)
        self.discovery = TopicDiscovery(selection: configuration.selection)
        let store = self.store
        self.ownership = configuration.exactlyOnce.map {
            FlowOwnership(settings: $0, client: clients.target, store: store, logger: logger)
        }
        (self.stopping, self.stopContinuation) = AsyncStream.makeStream(of: Never.self)
    }

    /// Asks the flow to end; `run` returns when it has.
    package nonisolated func stop() {
        stopContinuation.finish()
    }

    /// Runs until `stop` is called or the task is cancelled, or another process has taken the flow over.
    package func run() async {
        let clients = clients.all
        await withDiscardingTaskGroup { group in
            for client in clients { group.addTask { await client.run() } }
            if let ownership { group.addTask { for await reason in ownership.losses { await self.lose(reason) } } }
            await self.untilStopped()
            await self.shutDown()
            await ownership?.close()
            for client in clients { client.close() }
        }
        phase = loss.map { .lost(reason: $0) } ?? failure.map { .failed(reason: $0) } ?? .stopped
    }

    private func lose(_ reason: String) {
        loss = reason
        logger.error(
            "the flow has stopped",
            metadata: [
                "reason": "\(reason)",
                "next": "this process writes nothing more of it; start it again to take the flow back",
            ]
        )
        stop()
    }

    package func status() async -> FlowStatus {
        var partitions: [PartitionStatus] = []
        var counters = PipelineCounters()
        for shard in shards {
            partitions += await shard.status()
            counters += await shard.totals()
        }
        return FlowStatus(
            pair: configuration.pair,
            phase: phase,
            impediments: impediments.sorted { $0.key < $1.key }.map(\.value) + heartbeats.troubles + groups.troubles,
            topicCount: discovery.topicCount,
            waitingTopics: discovery.waiting,
            partitions: partitions.sorted { $0.source < $1.source },
            counters: counters,
            groups: await groups.report,
            progressWrittenAt: progressWrittenAt,
            gaps: await gaps.found,
            offsets: offsets.totals(),
            offsetSyncsWritten: await offsetSyncs.writtenCount
        )
    }

    /// Ends on the spot, with nothing waited for, written or committed: what a crash leaves, for tests.
    func abandon() async {
        for shard in shards { await (shard as? Shard)?.abandon() }
        for client in clients.all { client.close() }
        stop()
    }

    // MARK: Life

    private func untilStopped() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.work() }
            for await _ in stopping {}
            group.cancelAll()
        }
    }

    private func work() async {
        var pause = Duration.milliseconds(250)
        // Short at first, so that people soon read what is wrong; later long enough for the slowest of clusters.
        var limit = Duration.seconds(3)
        while !Task.isCancelled {
            do {
                try await start(within: limit)
                break
            } catch {
                guard !Task.isCancelled else { return }
                wait(for: text(of: error), likeness: Self.likeness(of: error))
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(5))
                limit = .seconds(30)
            }
        }
        guard !Task.isCancelled else { return }
        if news.tellsEnd(of: .start, now: .now) { logger.info("the flow has started now") }
        phase = .running
        await withDiscardingTaskGroup { group in
            group.addTask { await self.keepLooking() }
            group.addTask { await self.keepWriting() }
            group.addTask { await self.keepCounting() }
            group.addTask { await self.gaps.run { await self.confirm($0) } }
            group.addTask {
                await self.board.run(
                    stopped: { await self.stoppedPartitions() },
                    release: { await self.release($0, $1) }
                )
            }
            if let ownership { group.addTask { await ownership.watch() } }
            group.addTask { await self.heartbeats.run() }
            group.addTask { await self.offsetSyncs.run() }
            group.addTask { await self.history.run() }
            group.addTask { await self.groups.run() }
            for shard in shards {
                group.addTask {
                    for await event in shard.events {
                        await self.note(event)
                        if case .overtaken(let isForgotten) = event.kind {
                            await self.takeUpAgain(event.source, isForgotten: isForgotten)
                        }
                    }
                }
            }
        }
    }

    /// Reads both clusters and the progress at once; the first partitions begin when all three are there.
    private func start(within limit: Duration) async throws {
        let deadline = Deadline.after(limit)
        async let source = clients.source.refreshMetadata(.all, deadline: deadline)
        async let target = clients.target.refreshMetadata(.all, deadline: deadline)
        async let grants = ownership?.claim(ids: eventLoops.count, deadline: deadline)
        async let progress = ownership == nil ? loadProgress(deadline: deadline) : [:]
        let (sourceMetadata, targetMetadata) = try await (source, target)
        let owned = try await grants
        let loaded = try await progress
        var ledger = ProgressLedger(
            loaded: owned?.first?.progress ?? loaded,
            isTransactional: ownership != nil
        )
        if ledger.lacksOffsets, configuration.offsetSyncs.isEnabled {
            ledger.learn(from: await readOffsetSyncs(deadline: deadline))
        }
        self.ledger = ledger
        if shards.isEmpty {
            shards = try eventLoops.map { try makeShard(configuration, clients, $0, eventLoops.count, logger) }
            load = Array(repeating: 0, count: shards.count)
        }
        if let ownership, let owned {
            for (index, grant) in owned.enumerated() {
                let context = TransactionContext(
                    ownership: ownership,
                    shard: index,
                    grant: grant,
                    progressTopic: configuration.progressTopic.name
                )
                await shards[index].beginTransactions(context)
            }
        }
        phase = .running
        try await pass(source: sourceMetadata, target: targetMetadata)
    }

    private func wait(for reason: String, likeness: String?) {
        phase = .waiting(reason: reason)
        guard news.tells(.start, likeness ?? reason, now: .now) else { return }
        logger.warning("the flow waits", metadata: ["reason": "\(reason)"])
    }

    private func shutDown() async {
        phase = .stopping
        guard !shards.isEmpty else { return }
        await withDiscardingTaskGroup { group in
            for shard in shards { group.addTask { await shard.drain(patience: Self.drainTime) } }
        }
        let deadline = Deadline.after(Self.lastWriteTime)
        async let syncs: Void = offsetSyncs.finish(deadline: deadline)
        for shard in shards {
            let positions = await shard.positions()
            ledger?.observe(positions)
        }
        await writeProgress(deadline: deadline)
        await syncs
    }
}
