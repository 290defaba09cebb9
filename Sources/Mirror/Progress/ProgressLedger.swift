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
        self.known = loaded.mapValues(\.withoutOffsetMap)
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
        guard let bytes = offsetMaps.removeValue(forKey: mirrored.source), goesOn(mirrored) else { return nil }
        return try? OffsetMap(encoded: bytes, byteLimit: OffsetMemory.largestMap)
    }

    /// Whether a partition goes on with the topics that its progress is about.
    package func goesOn(_ mirrored: TopicPlan.Mirrored) -> Bool {
        switch resumption(of: mirrored) {
        case .after, .behind, .exactly: true
        case .nothingKnown, .sourceRecreated, .targetRecreated: false
        }
    }

    /// The map that a partition goes on from, short enough for a progress record; nil when nothing is known.
    package func offsetMap(
        of mirrored: TopicPlan.Mirrored,
        adding copied: [OffsetMap.Run] = [],
        isFromBeginning: Bool = false
    ) -> [UInt8]? {
        let kept = goesOn(mirrored) ? offsetMaps[mirrored.source] : nil
        guard kept != nil || !copied.isEmpty else { return nil }
        var map =
            kept.flatMap { try? OffsetMap(encoded: $0, byteLimit: OffsetMemory.largestMap) }
            ?? OffsetMap(byteLimit: OffsetMemory.largestMap)
        map.add(copied, isFromBeginning: isFromBeginning)
        map.limit(bytes: PartitionOffsets.shortenedLimit)
        return map.encoded()
    }

    /// Takes over how far a comparison has come that is not through.
    package mutating func proved(_ proven: ResumePlan.Proven, of mirrored: TopicPlan.Mirrored) {
        let kept = goesOn(mirrored) ? offsetMaps[mirrored.source] : nil
        var map =
            kept.flatMap { try? OffsetMap(encoded: $0, byteLimit: OffsetMemory.largestMap) }
            ?? OffsetMap(byteLimit: OffsetMemory.largestMap)
        map.add(proven.copied, isFromBeginning: proven.isFromBeginning)
        offsetMaps[mirrored.source] = map.encoded()
        known[mirrored.source] = proven.progress
        anchors[mirrored.source] = nil
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
        for (partition, start) in starts {
            guard let before = known[partition] else { continue }
            // What is kept about other topics says nothing of these.
            let isSame =
                isSameTopic(before.sourceTopicID, start.sourceTopicID)
                && isSameTopic(before.targetTopicID, start.targetTopicID)
            if !isSame { offsetMaps[partition] = nil }
        }
        known.merge(starts) { _, new in new }
        pending.formUnion(starts.keys)
    }

    private func isSameTopic(_ a: KafkaUUID?, _ b: KafkaUUID?) -> Bool { a == nil || b == nil || a == b }

    /// Takes over how far partitions have come.
    package mutating func observe(_ positions: [TopicPartition: PartitionPosition]) {
        for (partition, position) in positions {
            // Where mirroring begins is worth a record: what is written from there on has to come even when it is
            // stopped before the first record, and `latest` is somewhere else by then.
            let targetID = targetTopicIDs[partition] ?? .zero
            // So it is with a target topic that was made anew.
            let isSameTarget = isSameTopic(known[partition]?.targetTopicID, targetID == .zero ? nil : targetID)
            let isStart = position.targetOffset == nil && (known[partition]?.isStart ?? true || !isSameTarget)
            // Another topic of the same name begins at -1 behind what the old one has left at the target.
            guard position.sourceOffset >= 0 || isStart || position.targetOffset != nil else { continue }
            var record = ProgressRecord(
                offset: position.sourceOffset,
                targetOffset: position.targetOffset,
                leaderEpoch: position.leaderEpoch >= 0 ? position.leaderEpoch : nil,
                sourceTopicID: position.sourceTopicID == .zero ? nil : position.sourceTopicID,
                targetTopicID: targetID == .zero ? nil : targetID
            )
            record.isStart = isStart
            record.targetStart = isStart && isSameTarget ? known[partition]?.targetStart : nil
            record.isTransactional = isTransactional
            record.isApart = position.isApart
            record.isDoubtful = position.isDoubtful
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

    /// Whether a transaction that was to bring this progress is committed, by what the topic shows afterwards.
    ///
    /// All of it has to be there as it was written: a partition that only got other particulars shows the same offsets
    /// when the transaction is lost.
    package static func isCommitted(
        _ pending: [TopicPartition: ProgressRecord],
        accordingTo shown: [TopicPartition: ProgressRecord]
    ) -> Bool {
        guard !pending.isEmpty else { return false }
        return pending.allSatisfy { shown[$0.key]?.withoutOffsetMap == $0.value.withoutOffsetMap }
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

extension ProgressRecord {
    /// The position alone.
    package var withoutOffsetMap: ProgressRecord {
        var record = self
        record.offsetMap = nil
        return record
    }
}

extension OffsetMap {
    /// Adds copies that were found at the target behind what is known, or in the place of its end.
    ///
    /// - Parameter isFromBeginning: Nothing was mirrored before them.
    package mutating func add(_ copied: [Run], isFromBeginning: Bool) {
        if isFromBeginning, isEmpty { isOrigin = true }
        if let first = copied.first { goBack(source: first.source, target: first.target) }
        for run in copied { append(source: run.source, target: run.target, count: run.count) }
    }
}
