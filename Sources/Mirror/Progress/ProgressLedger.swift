import KafkaClient
package import KafkaProtocol
package import MirrorModel

/// What is known and what has been written about the progress of a flow's partitions.
///
/// A value: it decides what a write has to hold, and what a partition goes on from.
package struct ProgressLedger: Sendable {
    /// The newest progress of each source partition, from the topic or from this run.
    package private(set) var known: [TopicPartition: ProgressRecord]
    /// Partitions whose progress the topic does not show yet.
    private var pending: Set<TopicPartition> = []
    /// What was kept of the partitions' offset maps.
    private var offsetMaps: [TopicPartition: [UInt8]]
    /// Where an earlier record than that of the progress went, which does not say where its own went.
    private var anchors: [TopicPartition: ProgressRecord] = [:]
    private var targetTopicIDs: [TopicPartition: KafkaUUID] = [:]
    /// Progress is committed together with the records.
    private let isTransactional: Bool

    package init(loaded: [TopicPartition: ProgressRecord] = [:], isTransactional: Bool = false) {
        self.isTransactional = isTransactional
        self.offsetMaps = loaded.compactMapValues(\.offsetMap)
        // Whether there is something to write is not to depend on them.
        let progress = loaded.mapValues { record in
            var record = record
            record.offsetMap = nil
            return record
        }
        self.known = progress
    }

    /// Adds what MirrorMaker 2's offset syncs tell of partitions whose progress is its own.
    ///
    /// It flushes syncs when it has written progress, so the last one usually tells where the last record went. A sync
    /// that is ahead of the progress was acknowledged all the same, with everything before it.
    package mutating func learn(from syncs: [TopicPartition: OffsetMap]) {
        for (partition, record) in known where record.targetOffset == nil && !record.isStart {
            guard let run = syncs[partition]?.latest?.run else { continue }
            let (source, target) = (run.source + run.count - 1, run.target + run.count - 1)
            guard source >= record.offset else {
                anchors[partition] = ProgressRecord(offset: source, targetOffset: target)
                continue
            }
            known[partition]?.offset = source
            known[partition]?.targetOffset = target
            pending.insert(partition)
        }
        for (partition, map) in syncs where known[partition] != nil && offsetMaps[partition] == nil {
            offsetMaps[partition] = map.encoded()
        }
    }

    /// Whether there is progress that says nothing of where the records are.
    package var lacksOffsets: Bool {
        known.contains { $0.value.offset >= 0 && offsetMaps[$0.key] == nil }
    }

    /// What was kept of a partition's offset map, if the partition goes on from it; once.
    package mutating func takeOffsetMap(of mirrored: TopicPlan.Mirrored) -> OffsetMap? {
        guard let bytes = offsetMaps.removeValue(forKey: mirrored.source) else { return nil }
        switch resumption(of: mirrored) {
        case .after, .behind, .exactly: break
        case .nothingKnown, .sourceRecreated, .targetRecreated: return nil
        }
        return try? OffsetMap(encoded: bytes, byteLimit: OffsetMemory.largestMap)
    }

    /// Remembers which target topic a partition is mirrored to from now on.
    package mutating func began(_ mirrored: TopicPlan.Mirrored) {
        began(mirrored.source, targetTopicID: mirrored.targetTopicID)
    }

    package mutating func began(_ source: TopicPartition, targetTopicID: KafkaUUID) {
        targetTopicIDs[source] = targetTopicID
    }

    /// Takes over where partitions without progress are about to begin.
    package mutating func begins(_ starts: [TopicPartition: ProgressRecord]) {
        known.merge(starts) { _, new in new }
        pending.formUnion(starts.keys)
    }

    /// Takes over how far partitions have come.
    package mutating func observe(_ positions: [TopicPartition: PartitionPosition]) {
        for (partition, position) in positions {
            // Where mirroring begins is worth a record: what is written from there on has to come even when it is
            // stopped before the first record, and `latest` is somewhere else by then.
            let isStart = position.targetOffset == nil && known[partition]?.isStart ?? true
            // Another topic of the same name begins at -1 behind what the old one has left at the target.
            guard position.sourceOffset >= 0 || isStart || position.targetOffset != nil else { continue }
            let targetID = targetTopicIDs[partition] ?? .zero
            var record = ProgressRecord(
                offset: position.sourceOffset,
                targetOffset: position.targetOffset,
                leaderEpoch: position.leaderEpoch >= 0 ? position.leaderEpoch : nil,
                sourceTopicID: position.sourceTopicID == .zero ? nil : position.sourceTopicID,
                targetTopicID: targetID == .zero ? nil : targetID
            )
            record.isStart = isStart
            record.targetStart = isStart ? known[partition]?.targetStart : nil
            record.isTransactional = isTransactional
            // An identity of transactions is no one's to go on with.
            record.producer = isTransactional ? nil : position.producer.map { ProgressRecord.Producer($0) }
            guard known[partition] != record else { continue }
            known[partition] = record
            pending.insert(partition)
        }
    }

    /// Progress that the topic does not show yet.
    package var unwritten: [TopicPartition: ProgressRecord] {
        var result: [TopicPartition: ProgressRecord] = [:]
        for partition in pending { result[partition] = known[partition] }
        return result
    }

    package mutating func wrote(_ progress: [TopicPartition: ProgressRecord]) {
        // What has changed since the write began waits for the next one.
        for (partition, record) in progress where known[partition] == record { pending.remove(partition) }
    }

    /// Takes what the topic shows for what is known.
    package mutating func reload(_ progress: [TopicPartition: ProgressRecord]) {
        let fresh = ProgressLedger(loaded: progress, isTransactional: isTransactional)
        known.merge(fresh.known) { _, new in new }
        pending.subtract(fresh.known.keys)
        offsetMaps.merge(fresh.offsetMaps) { _, new in new }
    }

    /// The topic has been lost: everything has to be written again.
    package mutating func lostWhatWasWritten() {
        pending = Set(known.keys)
    }

    /// Where a partition goes on.
    package func resumption(of mirrored: TopicPlan.Mirrored) -> Resumption {
        guard let record = known[mirrored.source] else { return .nothingKnown }
        if let id = record.sourceTopicID, mirrored.sourceTopicID != .zero, id != mirrored.sourceTopicID {
            return .sourceRecreated(before: record)
        }
        if let id = record.targetTopicID, mirrored.targetTopicID != .zero, id != mirrored.targetTopicID {
            return .targetRecreated(before: record)
        }
        if isTransactional && record.isTransactional { return .exactly(record) }
        if record.targetOffset == nil, let anchor = anchors[mirrored.source] { return .behind(record, known: anchor) }
        return .after(record)
    }

    /// What progress says about a partition that is to be mirrored.
    package enum Resumption: Sendable, Equatable {
        case nothingKnown
        case after(ProgressRecord)
        /// The progress does not say where its record went, but it is known of an earlier one.
        case behind(ProgressRecord, known: ProgressRecord)
        /// The record alone says it: what stands behind it at the target are markers, and records of transactions that
        /// were not committed.
        case exactly(ProgressRecord)
        /// The progress is about another topic that had the same name at the source.
        case sourceRecreated(before: ProgressRecord)
        /// What was mirrored went to another topic that had the same name at the target.
        case targetRecreated(before: ProgressRecord)
    }
}
