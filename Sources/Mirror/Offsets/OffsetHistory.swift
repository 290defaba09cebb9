package import KafkaClient
package import KafkaProtocol
import KafkaRecords
package import Logging
package import MirrorModel
import NIOCore

/// Keeps the offset maps of a flow over restarts and crashes.
///
/// # Overview
/// The end of a map travels in the progress record, so that the two always fit together: a record that tells of an offset
/// tells where the records before it are. A map that is too long for that is written to a compacted topic of our own
/// first, and the progress record holds only what came since.
///
/// # Order
/// 1. Positions are taken, then maps: a map is never behind the progress it is written with. What it knows beyond is
///    found again, or taken back, when the flow resumes.
/// 2. The long part is acknowledged before the progress record that refers to it is written.
/// 3. At the start a partition goes on with what its progress record holds; the long part is put before it later, so
///    that a long history holds nobody up. Until then nothing is written that would replace it.
package actor OffsetHistory {
    private static let what = "offset maps cannot be kept"
    private static let whatReading = "kept offset maps cannot be read"

    private let client: KafkaClient
    private let adminClient: KafkaClient
    private let offsets: FlowOffsets
    private let sourceAlias: String
    private let topic: MirrorTopic
    private let appender: RecordAppender
    private let logger: Logger
    private let news: JobNews
    private var isTopicThere = false

    package init(configuration: FlowConfiguration, clients: FlowClients, offsets: FlowOffsets, logger: Logger) {
        self.client = clients.target
        self.adminClient = clients.targetAdmin
        self.offsets = offsets
        self.sourceAlias = configuration.sourceAlias
        self.topic = MirrorTopic(
            name: Self.topicName(of: configuration.sourceAlias),
            replicationFactor: configuration.progressTopic.replicationFactor,
            replicationFactorKey: "offset.storage.replication.factor"
        )
        self.appender = RecordAppender(client: clients.target, topic: topic.name)
        self.logger = logger
        self.news = JobNews(logger: logger)
    }

    package nonisolated var troubles: [String] { news.troubles }

    // MARK: Writing

    /// Adds to progress that is about to be written what has to be known of the offsets before it.
    package func complete(
        _ progress: [TopicPartition: ProgressRecord],
        deadline: Deadline
    ) async -> [TopicPartition: ProgressRecord] {
        var result = progress
        var long: [(partition: PartitionOffsets, bytes: [UInt8], end: OffsetMap.Bookmark)] = []
        for source in progress.keys {
            guard let partition = offsets[source] else { continue }
            switch partition.unkept() {
            case .nothing: break
            case .short(let bytes): result[source]?.offsetMap = bytes
            case .long(let bytes, let end): long.append((partition, bytes, end))
            }
        }
        guard !long.isEmpty else { return result }
        let isWritten = await write(long.map { ($0.partition.source, $0.bytes) }, deadline: deadline)
        for (partition, _, end) in long {
            if isWritten { partition.kept(until: end) }
            // What could not be written is told as precisely as a progress record allows.
            result[partition.source]?.offsetMap = partition.shortened()
        }
        return result
    }

    private func write(_ maps: [(TopicPartition, [UInt8])], deadline: Deadline) async -> Bool {
        do {
            if !isTopicThere { try await topic.create(at: adminClient, logger: logger, deadline: deadline) }
            isTopicThere = true
            let now = Int64(ContinuousClock.millisecondsSince1970)
            let records = try maps.map { source, bytes in
                AppendedRecord(
                    partition: 0,
                    key: ByteBuffer(bytes: try Self.key(of: source)),
                    value: ByteBuffer(bytes: bytes),
                    timestamp: now
                )
            }
            try await appender.append(records, deadline: deadline)
            news.succeeded(Self.what)
            return true
        } catch {
            isTopicThere = false
            news.failed(
                Self.what,
                error,
                nextStep: "until then older offsets are translated less exactly after a restart"
            )
            return false
        }
    }

    /// The same bytes as in the key of an offset sync.
    private static func key(of source: TopicPartition) throws -> [UInt8] {
        try OffsetSync(partition: source, upstreamOffset: 0, downstreamOffset: 0).key()
    }

    // MARK: Reading

    /// Puts the long parts before the maps that go on from them, and forgets what the target deletes, until the task is
    /// cancelled.
    package func run() async {
        var pause = Duration.milliseconds(50)
        var trimsAt = ContinuousClock.now + .seconds(3)
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            guard !Task.isCancelled else { return }
            pause = .seconds(5)
            if trimsAt < .now {
                await trim(deadline: .after(.seconds(30)))
                trimsAt = .now + .seconds(300)
            }
            let waiting = offsets.continuations
            guard !waiting.isEmpty, !Task.isCancelled else { continue }
            do {
                try await load(waiting, deadline: .after(.seconds(60)))
                news.succeeded(Self.whatReading)
            } catch {
                guard !Task.isCancelled else { return }
                news.failed(Self.whatReading, error)
            }
        }
    }

    /// Forgets offsets whose records the target has deleted: a group must not be sent to where nothing is.
    func trim(deadline: Deadline) async {
        let metadata = client.metadata
        var queries: [TopicPartition: OffsetQuery] = [:]
        for partition in offsets.all where metadata.leader(of: partition.target) != nil {
            if !partition.read({ $0.isEmpty }) { queries[partition.target] = .earliest }
        }
        guard !queries.isEmpty else { return }
        for (target, result) in await client.listOffsets(queries, deadline: deadline) {
            guard case .success(let start) = result, let source = offsets.source(of: target) else { continue }
            offsets[source]?.trim(targetStart: start.offset)
        }
    }

    static func topicName(of sourceAlias: String) -> TopicName {
        "kafka-mirror-offsets.\(sourceAlias).internal"
    }

    /// The long parts of the maps of the flow from `sourceAlias` to the cluster of `client`.
    static func readMaps(
        from sourceAlias: String,
        at client: KafkaClient,
        deadline: Deadline
    ) async throws -> (TopicPartition) -> OffsetMap? {
        let topic = topicName(of: sourceAlias)
        let metadata = try await client.refreshMetadata(.topics([topic]), deadline: deadline)
        var found: [[UInt8]: OffsetMap] = [:]
        if let state = metadata.topics[topic], state.error != .unknownTopicOrPartition {
            let reader = CompactedTopicReader(client: client, topic: topic)
            for item in try await reader.readState(deadline: deadline) {
                guard let key = item.record.key?.readableBytesView, let value = item.record.value?.readableBytesView
                else { continue }
                found[Array(key)] = try? OffsetMap(encoded: Array(value), byteLimit: OffsetMemory.largestMap)
            }
        }
        return { partition in (try? key(of: partition)).flatMap { found[$0] } }
    }

    private func load(_ waiting: [PartitionOffsets], deadline: Deadline) async throws {
        let found = try await Self.readMaps(from: sourceAlias, at: client, deadline: deadline)
        var missing = 0
        for partition in waiting {
            let earlier = found(partition.source)
            if !partition.adopt(earlier) { missing += 1 }
        }
        guard missing > 0 else { return }
        logger.warning(
            "what was kept of older offsets is gone; groups that are far behind are not translated",
            metadata: ["topic": "\(topic.name)", "partitions": "\(missing)"]
        )
    }
}
