package import KafkaClient
import KafkaProtocol
package import Logging
package import MirrorModel
import NIOCore

/// Writes signs of life of a flow to the topic `heartbeats` of its target, as MirrorMaker 2 does.
///
/// They show that the flow's process is there, and, mirrored onward, through which clusters records come and how
/// long that takes.
package struct HeartbeatTask: Sendable {
    private let settings: HeartbeatSettings
    private let pair: PropertyResolution.Pair
    private let topic: MirrorTopic
    private let client: KafkaClient
    private let adminClient: KafkaClient
    private let logger: Logger
    private let news: JobNews

    /// - Parameters:
    ///   - client: of the target, for writing.
    ///   - adminClient: of the target, for creating the topic.
    ///   - isAlone: no flow of records runs beside it that tells when the target does not answer.
    package init(
        configuration: FlowConfiguration,
        client: KafkaClient,
        adminClient: KafkaClient,
        logger: Logger,
        isAlone: Bool = false
    ) {
        self.settings = configuration.heartbeats
        self.pair = configuration.pair
        self.client = client
        self.adminClient = adminClient
        self.logger = logger
        self.news = JobNews(logger: logger, isAlone: isAlone, expectsNonsense: true)
        self.topic = MirrorTopic(
            name: ReplicationPolicy.heartbeatsTopic,
            replicationFactor: configuration.heartbeats.topicReplicationFactor,
            replicationFactorKey: "heartbeats.topic.replication.factor"
        )
    }

    package var troubles: [String] { news.troubles }

    private static let what = "heartbeats cannot be written"

    /// Runs until the task is cancelled; what fails is tried again with growing pauses.
    package func run() async {
        guard settings.isEnabled else { return }
        let appender = RecordAppender(client: client, topic: topic.name)
        let interval = Duration.milliseconds(settings.intervalMs)
        var isTopicThere = false
        var pause = interval
        while !Task.isCancelled {
            let begin = ContinuousClock.now
            do {
                let deadline = Deadline.after(.seconds(15))
                if !isTopicThere { try await topic.create(at: adminClient, logger: logger, deadline: deadline) }
                isTopicThere = true
                try await append(appender, deadline: deadline)
                news.succeeded(Self.what)
                pause = interval
            } catch {
                guard !Task.isCancelled else { return }
                isTopicThere = false
                news.failed(Self.what, error, nextStep: "\(pair).emit.heartbeats.enabled = false switches them off")
                pause = min(max(pause * 2, .seconds(1)), max(interval, .seconds(30)))
            }
            try? await Task.sleep(until: begin + pause)
        }
    }

    private func append(_ appender: RecordAppender, deadline: Deadline) async throws {
        let heartbeat = Heartbeat(
            sourceAlias: pair.source,
            targetAlias: pair.target,
            timestamp: ContinuousClock.millisecondsSince1970
        )
        let record = AppendedRecord(
            partition: 0,
            key: ByteBuffer(bytes: try heartbeat.key()),
            value: ByteBuffer(bytes: heartbeat.value()),
            timestamp: heartbeat.timestamp
        )
        try await appender.append([record], deadline: deadline)
    }
}
