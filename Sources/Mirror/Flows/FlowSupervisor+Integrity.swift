import KafkaClient
import KafkaProtocol
import Logging
import MirrorModel

/// What is done with events of partitions: gaps, quarantine, release.
extension FlowSupervisor {
    func stoppedPartitions() async -> [PartitionStatus] {
        var result: [PartitionStatus] = []
        for shard in shards { result += await shard.stopped() }
        return result
    }

    /// Does with a stopped partition what somebody decided; returns why it cannot.
    func release(_ partition: TopicPartition, _ action: ReleaseOrder.Action) async -> String? {
        guard let index = owners[partition] else { return "the partition is not mirrored at the moment" }
        return await shards[index].release(partition, action)
    }

    func note(_ event: PartitionEvent) async {
        var (level, text) = event.message
        let now = ContinuousClock.now
        switch event.kind {
        case .gap(let gap):
            guard await gaps.take(gap), news.tells(.partitions, "\(event.source): \(text)", now: now) else { return }
            logger.warning("\(text)", metadata: gap.metadata)
            return
        case .placeLost:
            await resumeAnew(event.source)
        case .sourceRecreated(let old, _) where old != .zero:
            goneTopics.insert(old)
            guard news.tells(.partitions, "\(event.source): \(text)", now: now) else { return }
        case .quarantined, .impeded:
            guard news.tells(.partition(event.source), text, now: now) else { return }
        case .recovered:
            guard news.tellsEnd(of: .partition(event.source), now: now) else { return }
        default:
            guard level < .info || news.tells(.partitions, "\(event.source): \(text)", now: now) else { return }
        }
        if case .quarantined(let reason) = event.kind, reason.code == .recordTooLarge {
            text += await clients.targetAdmin.largestBatch(of: reason.partition.topic).map { " It is \($0) now." } ?? ""
        }
        logger.log(level: level, "\(text)", metadata: ["partition": "\(event.source)"])
    }

    /// The ledger holds a gap.
    func confirm(_ gap: Gap) async {
        let source = TopicPartition(topic: gap.sourceTopic, partition: gap.partition)
        if let index = owners[source] { await shards[index].recorded(source, gapKey: gap.key) }
        guard gap.policy == .fail, failure == nil, let key = gap.kind.key else { return }
        failure =
            "\(gap.text): cluster \(gap.cluster), partition \(gap.topicPartition), offset \(gap.from) (\(key) = fail)"
        logger.error("the flow ends", metadata: ["reason": "\(failure ?? "")"])
        stop()
    }
}
