package import KafkaClient
package import KafkaProtocol
import KafkaRecords
package import Logging
package import MirrorModel
import NIOCore

/// Writes offset syncs to MirrorMaker 2's topic, by its rules, so that its own connectors and tools can read them.
///
/// The data path knows nothing of it: once in a while the partitions that changed are looked at. What MirrorMaker 2 would
/// send between two looks and replace by something newer is left out.
package actor OffsetSyncTask {
    private static let what = "offset syncs cannot be written"
    /// How many syncs go in one batch.
    private static let batchSize = 1_000

    private let settings: OffsetSyncSettings
    private let client: KafkaClient
    private let adminClient: KafkaClient
    private let offsets: FlowOffsets
    private let topic: MirrorTopic
    private let appender: RecordAppender
    private let logger: Logger
    private let news: JobNews
    private let nextStep: String
    private let flushInterval: Duration
    private var emitter: OffsetSyncEmitter
    private var flushedAt = ContinuousClock.now
    private var isTopicThere = false
    /// Syncs that the topic has taken.
    package private(set) var writtenCount: Int64 = 0

    package init(configuration: FlowConfiguration, clients: FlowClients, offsets: FlowOffsets, logger: Logger) {
        self.settings = configuration.offsetSyncs
        self.client = clients.offsetSyncs
        self.adminClient = clients.offsetSyncsAdmin
        self.offsets = offsets
        self.topic = MirrorTopic(
            name: configuration.offsetSyncs.topic,
            replicationFactor: configuration.offsetSyncs.topicReplicationFactor,
            replicationFactorKey: "offset-syncs.topic.replication.factor"
        )
        self.appender = RecordAppender(client: clients.offsetSyncs, topic: configuration.offsetSyncs.topic)
        self.logger = logger
        self.news = JobNews(logger: logger)
        let alias = configuration.offsetSyncs.isAtTarget ? configuration.targetAlias : configuration.sourceAlias
        self.nextStep =
            "let the principal WRITE topic \(configuration.offsetSyncs.topic) at \(alias), or set "
            + "\(configuration.pair).emit.offset-syncs.enabled = false"
        self.flushInterval = .milliseconds(configuration.progressIntervalMs)
        self.emitter = OffsetSyncEmitter(
            offsetLagMax: configuration.offsetSyncs.offsetLagMax,
            maximumInFlight: Self.batchSize
        )
    }

    package nonisolated var troubles: [String] { news.troubles }

    /// Runs until the task is cancelled; what fails is tried again with growing pauses.
    package func run() async {
        guard settings.isEnabled else { return }
        let interval = min(flushInterval, .seconds(1))
        var pause = interval
        while !Task.isCancelled {
            collect()
            let now = ContinuousClock.now
            if now - flushedAt >= flushInterval {
                flushedAt = now
                emitter.flush()
            }
            let isWritten = await send(deadline: .after(.seconds(15)))
            pause = isWritten ? interval : min(max(pause * 2, .seconds(1)), .seconds(30))
            try? await Task.sleep(for: pause)
        }
    }

    /// Writes the last positions after the shards have ended.
    package func finish(deadline: Deadline) async {
        guard settings.isEnabled else { return }
        collect()
        emitter.flush()
        _ = await send(deadline: deadline)
    }

    private func collect() {
        for partition in offsets.changes.take() {
            let (latest, began) = partition.latest
            guard let latest else { continue }
            emitter.observed(partition.source, latest, began: began)
        }
    }

    private func send(deadline: Deadline) async -> Bool {
        do {
            if !isTopicThere { try await topic.create(at: adminClient, logger: logger, deadline: deadline) }
            isTopicThere = true
            while case let syncs = emitter.takeReady(), !syncs.isEmpty { try await write(syncs, deadline: deadline) }
            news.succeeded(Self.what)
            return true
        } catch {
            isTopicThere = false
            if !Task.isCancelled { news.failed(Self.what, error, nextStep: nextStep) }
            return false
        }
    }

    private func write(_ syncs: [OffsetSync], deadline: Deadline) async throws {
        var isWritten = false
        defer { for sync in syncs { emitter.finished(sync, isWritten: isWritten) } }
        let now = Int64(ContinuousClock.millisecondsSince1970)
        var records: [AppendedRecord] = []
        records.reserveCapacity(syncs.count)
        for sync in syncs {
            records.append(
                AppendedRecord(
                    partition: 0,
                    key: ByteBuffer(bytes: try sync.key()),
                    value: ByteBuffer(bytes: sync.value()),
                    timestamp: now
                )
            )
        }
        try await appender.append(records, deadline: deadline)
        isWritten = true
        writtenCount += Int64(syncs.count)
    }
}

extension OffsetSync {
    /// Reads what the topic holds, as maps.
    ///
    /// MirrorMaker 2 left out syncs when it was busy, so what lies between two of them is bounded, not exact.
    package static func readMaps(
        from topic: TopicName,
        of client: KafkaClient,
        deadline: Deadline
    ) async throws -> [TopicPartition: OffsetMap] {
        let metadata = try await client.refreshMetadata(.topics([topic]), deadline: deadline)
        guard let state = metadata.topics[topic], state.error != .unknownTopicOrPartition else { return [:] }
        var maps: [TopicPartition: OffsetMap] = [:]
        let reader = CompactedTopicReader(client: client, topic: topic)
        try await reader.readToEnd(deadline: deadline) { item in
            guard let key = item.record.key?.readableBytesView, let value = item.record.value?.readableBytesView,
                let sync = try? OffsetSync(key: key, value: value), sync.upstreamOffset >= 0, sync.downstreamOffset >= 0
            else { return }
            maps[sync.partition, default: OffsetMap()]
                .apply(source: sync.upstreamOffset, target: sync.downstreamOffset)
        }
        return maps
    }
}
