package import KafkaClient
package import KafkaProtocol
package import Logging
package import MirrorModel

/// What Kafka holds of a flow's offset maps, read from outside while the flow runs or is stopped; nothing is changed.
///
/// The maps are in the progress records, with the long parts in a topic of their own. Where progress is MirrorMaker 2's,
/// its offset syncs tell as much as they can.
package struct KeptOffsets: Sendable {
    /// By source partition; a partition without a map has not been mirrored as far as is known.
    package let maps: [TopicPartition: OffsetMap]
    /// Whether the flow has ever written progress.
    package let isKnown: Bool

    package static func read(
        _ flow: FlowConfiguration,
        clients: FlowClients,
        logger: Logger,
        deadline: Deadline
    ) async throws -> KeptOffsets {
        let store = ProgressStore(
            client: clients.target,
            topic: flow.progressTopic,
            sourceAlias: flow.sourceAlias,
            connectorName: flow.connectorName,
            logger: logger
        )
        guard let progress = try await store.peek(deadline: deadline) else {
            return KeptOffsets(maps: [:], isKnown: false)
        }
        async let sourceMetadata = clients.source.refreshMetadata(.all, deadline: deadline)
        async let targetMetadata = clients.target.refreshMetadata(.all, deadline: deadline)
        let (source, target) = try await (sourceMetadata.topics, targetMetadata.topics)

        var maps: [TopicPartition: OffsetMap] = [:]
        for (partition, record) in progress {
            let mirror = flow.selection.targetTopic(of: partition.topic)
            // What is kept about a topic that has been made anew since says nothing of the present one.
            guard isSame(record.sourceTopicID, source[partition.topic]?.topicID),
                isSame(record.targetTopicID, target[mirror]?.topicID), let bytes = record.offsetMap
            else { continue }
            maps[partition] = try? OffsetMap(encoded: bytes, byteLimit: OffsetMemory.largestMap)
        }
        let continued = maps.filter(\.value.isContinuation).keys
        if !continued.isEmpty {
            let earlier = try await OffsetHistory.readMaps(
                from: flow.sourceAlias,
                at: clients.target,
                deadline: deadline
            )
            for partition in continued {
                guard let map = earlier(partition) else { continue }
                maps[partition]?.limit(bytes: OffsetMemory.largestMap)
                _ = maps[partition]?.adopt(map)
            }
        }
        let lacking = progress.filter { $0.value.offset >= 0 && $0.value.offsetMap == nil }
        if !lacking.isEmpty, flow.offsetSyncs.isEnabled {
            let syncs = try await OffsetSync.readMaps(
                from: flow.offsetSyncs.topic,
                of: clients.offsetSyncs,
                deadline: deadline
            )
            for partition in lacking.keys { maps[partition] = syncs[partition] }
        }
        return KeptOffsets(maps: maps, isKnown: true)
    }

    private static func isSame(_ kept: KafkaUUID?, _ present: KafkaUUID?) -> Bool {
        guard let kept, let present, present != .zero else { return true }
        return kept == present
    }
}
