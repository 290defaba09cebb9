import DequeModule
package import KafkaClient
package import KafkaProtocol
import KafkaRecords
package import Logging
package import MirrorModel
import NIOCore

/// Keeps a flow's gaps in a compacted topic at its target.
///
/// # Responsibilities
/// 1. A gap is told once, written, and only then confirmed, so that no partition moves past a gap that is not kept.
/// 2. The same finding, made again after a crash or because the confirmation got lost, neither doubles the entry nor is
///    told again in the same run.
/// 3. What cannot be written is tried again until it can; meanwhile the partitions concerned wait, and nobody else.
package actor GapLedger {
    private let flow: String
    private let topic: MirrorTopic
    private let client: KafkaClient
    private let adminClient: KafkaClient
    private let appender: RecordAppender
    private let logger: Logger
    private let news: JobNews
    /// The newest entries of the ledger.
    private var written: [[UInt8]: Gap] = [:]
    /// Their keys, oldest first.
    private var writtenKeys: Deque<[UInt8]> = []
    private var told: Set<[UInt8]> = []
    private var waiting: [[UInt8]: Gap] = [:]
    private var order: [[UInt8]] = []
    private var isLoaded = false
    private var counts = GapCounts()
    private let metrics: GapMetrics
    private let wake: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    private static let what = "gaps cannot be written to the ledger, partitions that have one wait"
    /// How many entries are remembered: a source that is always ahead of its mirror makes new ones for ever.
    private static let memory = 10_000

    /// - Parameters:
    ///   - client: of the target, for reading and writing.
    ///   - adminClient: of the target, for creating the topic.
    package init(configuration: FlowConfiguration, client: KafkaClient, adminClient: KafkaClient, logger: Logger) {
        self.flow = configuration.name
        self.metrics = GapMetrics()
        self.client = client
        self.adminClient = adminClient
        self.logger = logger
        self.news = JobNews(logger: logger)
        self.topic = MirrorTopic(
            name: Gap.ledgerTopic(sourceAlias: configuration.sourceAlias),
            replicationFactor: configuration.ledgerReplicationFactor,
            replicationFactorKey: "offset.storage.replication.factor"
        )
        self.appender = RecordAppender(client: client, topic: topic.name)
        (self.wake, self.wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// What was found in this run.
    package var found: GapCounts { counts }

    package nonisolated var troubles: [String] { news.troubles }

    /// Takes a finding; it is confirmed by `run` when it is kept.
    ///
    /// - Returns: Whether it is new in this run, and has to be told.
    package func take(_ gap: Gap) -> Bool {
        let key = gap.key
        if waiting.updateValue(gap, forKey: key) == nil { order.append(key) }
        wakeUp.yield()
        guard told.insert(key).inserted else { return false }
        counts.add(gap)
        metrics.count(gap)
        return true
    }

    /// Writes findings until the task is cancelled.
    ///
    /// - Parameter confirm: is called for each finding that the ledger holds.
    package func run(confirm: @Sendable (Gap) async -> Void) async {
        var pause = Duration.milliseconds(100)
        for await _ in wake {
            while !order.isEmpty, !Task.isCancelled {
                do {
                    for gap in try await write() { await confirm(gap) }
                    news.succeeded(Self.what)
                    pause = .milliseconds(100)
                } catch {
                    guard !Task.isCancelled else { return }
                    news.failed(
                        Self.what,
                        error,
                        nextStep: "allow the target principal to CREATE, READ and WRITE topic \(topic.name)"
                    )
                    try? await Task.sleep(for: pause)
                    pause = min(pause * 2, .seconds(10))
                }
            }
        }
    }

    /// Writes everything that waits.
    private func write() async throws -> [Gap] {
        let deadline = Deadline.after(.seconds(15))
        if !isLoaded {
            if try await !topic.create(at: adminClient, logger: logger, deadline: deadline) {
                for gap in try await GapLedger.read(topic.name, client: client, deadline: deadline)
                where gap.flow.utf8.elementsEqual(flow.utf8) { remember(gap) }
            }
            isLoaded = true
        }
        let now = ContinuousClock.millisecondsSince1970
        let keys = order
        var gaps: [Gap] = []
        var fresh: [Gap] = []
        for key in keys {
            guard var gap = waiting[key] else { continue }
            if let kept = written[key], kept.to >= gap.to, kept.policy == gap.policy {
                gaps.append(gap)
                continue
            }
            // What grows keeps the time when it was found.
            gap.timestamp = written[key]?.timestamp ?? now
            gaps.append(gap)
            fresh.append(gap)
        }
        do {
            try await appender.append(
                fresh.map {
                    AppendedRecord(
                        partition: 0,
                        key: ByteBuffer(bytes: $0.key),
                        value: ByteBuffer(bytes: $0.bytes),
                        timestamp: now
                    )
                },
                deadline: deadline
            )
        } catch {
            // The topic may have been deleted.
            isLoaded = false
            throw error
        }
        order.removeFirst(keys.count)
        for gap in gaps {
            let key = gap.key
            // It may have grown meanwhile.
            if let newest = waiting[key], newest.to > gap.to {
                order.append(key)
            } else {
                waiting[key] = nil
            }
        }
        for gap in fresh { remember(gap) }
        return gaps
    }

    private func remember(_ gap: Gap) {
        let key = gap.key
        if written.updateValue(gap, forKey: key) == nil { writtenKeys.append(key) }
        while writtenKeys.count > Self.memory, let oldest = writtenKeys.popFirst() {
            written[oldest] = nil
            told.remove(oldest)
        }
    }

    /// All entries of a ledger in the order in which they were written; none when there is no such topic.
    package static func read(_ topic: TopicName, client: KafkaClient, deadline: Deadline) async throws -> [Gap] {
        let metadata = try await client.refreshMetadata(.topics([topic]), deadline: deadline)
        guard let state = metadata.topics[topic], state.error != .unknownTopicOrPartition else { return [] }
        let reader = CompactedTopicReader(client: client, topic: topic)
        return try await reader.readState(deadline: deadline).compactMap { item in
            item.record.value.flatMap { Gap(bytes: $0.readableBytesView) }
        }
    }
}

/// How many gaps there are.
package struct GapCounts: Sendable, Equatable {
    package private(set) var byKind: [GapKind: Int64] = [:]
    /// Records concerned; where their number is not known, offsets.
    package private(set) var records: Int64 = 0

    package init() {}

    package var total: Int64 { byKind.values.reduce(0, +) }

    mutating func add(_ gap: Gap) {
        byKind[gap.kind, default: 0] += 1
        records += gap.records ?? gap.offsets
    }
}

extension Gap {
    /// For the log.
    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [
            "kind": "\(kind.rawValue)", "cluster": "\(cluster)", "partition": "\(topicPartition)", "from": "\(from)",
            "policy": "\(policy.rawValue)",
        ]
        if to >= from { metadata["to"] = "\(to)" }
        if let records { metadata["records"] = "\(records)" }
        return metadata
    }
}
