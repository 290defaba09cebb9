import KafkaClient
package import KafkaProtocol
import Logging
package import MirrorModel
import NIOCore

/// Shows in the control topic which partitions are stopped, and carries out what is asked for there.
///
/// The topic is created when the first partition stops. An order for a partition that is not stopped waits for a while:
/// the mirror may have started just now.
package actor QuarantineBoard {
    private let flow: String
    private let topic: MirrorTopic
    private let client: KafkaClient
    private let adminClient: KafkaClient
    private let appender: RecordAppender
    private let logger: Logger
    private let news: JobNews
    private var reader: CompactedTopicReader?
    private var state: ControlState
    /// Looks in a row that did not show a partition; one that is tried again runs for moments.
    private var absences: [TopicPartition: Int] = [:]
    private var seen: [String: ContinuousClock.Instant] = [:]

    private static let what = "stopped partitions cannot be shown, nor released"
    private static let pause = Duration.seconds(1)
    private static let patience = Duration.seconds(20)

    init(configuration: FlowConfiguration, client: KafkaClient, adminClient: KafkaClient, logger: Logger) {
        self.flow = configuration.name
        self.topic = ControlDesk.topic(configuration)
        self.client = client
        self.adminClient = adminClient
        self.appender = RecordAppender(client: client, topic: topic.name)
        self.logger = logger
        self.news = JobNews(logger: logger)
        self.state = ControlState(flow: configuration.name)
    }

    /// Runs until the task is cancelled.
    ///
    /// - Parameters:
    ///   - stopped: the partitions that are stopped now.
    ///   - release: does what an order says; returns why it cannot.
    package func run(
        stopped: @Sendable () async -> [PartitionStatus],
        release: @Sendable (TopicPartition, ReleaseOrder.Action) async -> String?
    ) async {
        while !Task.isCancelled {
            do {
                let now = await stopped()
                if try await isThere(isNeeded: !now.isEmpty) {
                    try await show(now)
                    try await carryOut(now, release)
                }
                news.succeeded(Self.what)
            } catch {
                guard !Task.isCancelled else { return }
                reader = nil
                news.failed(
                    Self.what,
                    error,
                    nextStep: "allow the target principal to CREATE, READ and WRITE topic \(topic.name)"
                )
            }
            try? await Task.sleep(for: Self.pause)
        }
    }

    /// Whether there is a topic to work with; reads what is new in it.
    private func isThere(isNeeded: Bool) async throws -> Bool {
        let deadline = Deadline.after(.seconds(10))
        if let reader {
            try await reader.poll(maximumWait: .milliseconds(5), deadline: deadline) { state.take($0.record) }
            return true
        }
        guard isNeeded || client.metadata.topics[topic.name] != nil else { return false }
        try await topic.create(at: adminClient, logger: logger, deadline: deadline)
        let reader = CompactedTopicReader(client: client, topic: topic.name)
        state = ControlState(flow: flow)
        try await reader.readToEnd(deadline: deadline) { state.take($0.record) }
        self.reader = reader
        return true
    }

    /// Writes down which partitions are stopped where the topic says something else.
    private func show(_ statuses: [PartitionStatus]) async throws {
        let time = ContinuousClock.millisecondsSince1970
        var records: [AppendedRecord] = []
        var present: Set<TopicPartition> = []
        for status in statuses {
            guard case .quarantined(let reason, let retryAt) = status.state else { continue }
            present.insert(status.source)
            var entry = QuarantineEntry(
                code: reason.code.rawValue,
                cluster: reason.cluster,
                offset: reason.sourceOffset,
                batchEnd: reason.batchEnd,
                isRetried: retryAt < .distantFuture,
                since: time,
                message: reason.message,
                nextStep: reason.nextStep
            )
            let shown = state.stopped[status.source]
            if let shown, shown.code == entry.code, shown.offset == entry.offset { entry.since = shown.since }
            if shown != entry { records.append(record(.quarantine, status.source, entry.bytes, time)) }
        }
        for partition in state.stopped.keys.sorted() {
            if present.contains(partition) {
                absences[partition] = nil
            } else {
                absences[partition, default: 0] += 1
                if absences[partition, default: 0] >= 3 { records.append(record(.quarantine, partition, nil, time)) }
            }
        }
        try await appender.append(records, deadline: .after(.seconds(10)))
    }

    private func carryOut(
        _ statuses: [PartitionStatus],
        _ release: @Sendable (TopicPartition, ReleaseOrder.Action) async -> String?
    ) async throws {
        let stopped = Set(statuses.map(\.source))
        for (partition, order) in state.orders.sorted(by: { $0.key < $1.key }) where order.answer == nil {
            let first = seen[order.id] ?? .now
            seen[order.id] = first
            guard stopped.contains(partition) || first.duration(to: .now) > Self.patience else { continue }
            let refusal = await release(partition, order.action)
            var answered = order
            answered.answer = refusal.map { "refused: \($0)" } ?? "done"
            logger.info(
                "somebody asked to release a partition",
                metadata: ["partition": "\(partition)", "answer": "\(answered.answer ?? "")"]
            )
            let time = ContinuousClock.millisecondsSince1970
            var records = [record(.release, partition, answered.bytes, time)]
            // Whoever reads the answer shall not find the partition among those that are stopped.
            if refusal == nil { records.insert(record(.quarantine, partition, nil, time), at: 0) }
            // Before the next look, or it would be done twice.
            state.answered(partition, answered)
            try await appender.append(records, deadline: .after(.seconds(10)))
        }
    }

    private func record(
        _ kind: ControlKey.Kind,
        _ partition: TopicPartition,
        _ value: [UInt8]?,
        _ time: Int64
    ) -> AppendedRecord {
        AppendedRecord(
            partition: 0,
            key: ByteBuffer(bytes: ControlKey(kind, flow: flow, partition: partition).bytes),
            value: value.map { ByteBuffer(bytes: $0) },
            timestamp: time
        )
    }
}
