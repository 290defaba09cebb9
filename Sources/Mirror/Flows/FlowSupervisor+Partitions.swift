import KafkaClient
import KafkaProtocol
import Logging
import MirrorModel

/// Hands partitions to shards and takes them back.
extension FlowSupervisor {
    func begin(_ wanted: [TopicPlan.Mirrored]) async {
        // What a slow broker tells of a topic that is known to be gone would be mirrored in the place of its successor.
        let gone = wanted.filter { goneTopics.contains($0.sourceTopicID) }
        discovery.giveBack(gone.map(\.source))
        let added = wanted.filter { !goneTopics.contains($0.sourceTopicID) }
        guard !added.isEmpty else { return }
        await reloadProgress()
        guard let ledger else { return }
        let resolved = await resolver.resolve(
            added,
            ledger: ledger,
            initial: discovery.initial ?? [],
            deadline: .after(.seconds(20))
        )
        let decisions = await continuity.continued(resolved, ledger)
        var held: Set<TopicName> = []
        var begun: Set<TopicName> = []
        var assignments: [[PartitionAssignment]] = Array(repeating: [], count: shards.count)
        let trouble = await writeStarts(of: decisions)
        await writeProven(of: decisions)
        guard !Task.isCancelled else { return }
        for (mirrored, decision) in decisions {
            switch decision {
            case .beginOnceWritten where trouble != nil, .beginWhenWritten where trouble?.passes == true:
                discovery.giveBack([mirrored.source])
                held.insert(mirrored.source.topic)
                hold(mirrored.source.topic, reason: trouble?.reason ?? "", nextStep: nil)
            case .comparing(let count, _):
                isComparing = true
                discovery.giveBack([mirrored.source])
                held.insert(mirrored.source.topic)
                tell(
                    mirrored.source.topic,
                    reason: "the target holds records that no progress tells of, which are compared with the source"
                        + " first, \(count) so far",
                    nextStep: nil
                )
            case .begin(let assignment), .beginOnceWritten(let assignment, _), .beginWhenWritten(let assignment, _):
                self.ledger?.began(mirrored)
                let index = load.indices.min { load[$0] < load[$1] } ?? 0
                load[index] += 1
                owners[mirrored.source] = index
                let kept = self.ledger?.takeOffsetMap(of: mirrored)
                assignments[index].append(offsets.begin(assignment, persisted: kept))
                begun.insert(mirrored.source.topic)
            case .wait(let reason, let nextStep):
                discovery.giveBack([mirrored.source])
                held.insert(mirrored.source.topic)
                hold(mirrored.source.topic, reason: reason, nextStep: nextStep)
            }
        }
        for (index, assignments) in assignments.enumerated() where !assignments.isEmpty {
            await shards[index].assign(assignments)
        }
        for topic in begun.subtracting(held) { release(topic) }
        let count = assignments.reduce(0) { $0 + $1.count }
        if count > 0 { logger.info("mirroring partitions", metadata: ["new": "\(count)", "all": "\(owners.count)"]) }
    }

    /// Why something could not be written down, and whether it may be written later.
    struct WritingTrouble {
        var reason: String
        var passes: Bool
    }

    /// Writes down where partitions begin that would begin somewhere else next time, and with which producer; returns why
    /// it cannot.
    private func writeStarts(of decisions: [(TopicPlan.Mirrored, ResumeResolver.Decision)]) async -> WritingTrouble? {
        let starts = ledger?.starts(of: decisions, offsets) ?? [:]
        guard !starts.isEmpty else { return nil }
        do {
            try await store.write(starts, deadline: .after(.seconds(15)))
            let written = starts.mapValues(\.withoutOffsetMap)
            self.ledger?.begins(written)
            self.ledger?.wrote(written)
            return nil
        } catch {
            return WritingTrouble(
                reason: "where mirroring begins cannot be written: \(text(of: error))",
                passes: (error as? KafkaClientError)?.kafkaError != .topicAuthorizationFailed
            )
        }
    }

    /// Writes down how far comparisons have come, so that a process that is killed early does not make the next one begin
    /// anew.
    private func writeProven(of decisions: [(TopicPlan.Mirrored, ResumeResolver.Decision)]) async {
        var records: [TopicPartition: ProgressRecord] = [:]
        for case (let mirrored, .comparing(_, let proven?)) in decisions {
            ledger?.proved(proven, of: mirrored)
            guard var record = ledger?.known[mirrored.source] else { continue }
            record.offsetMap = ledger?.offsetMap(of: mirrored)
            records[mirrored.source] = record
        }
        guard !records.isEmpty else { return }
        do {
            try await store.write(records, deadline: .after(.seconds(5)))
            ledger?.wrote(records.mapValues(\.withoutOffsetMap))
        } catch {
            logger.debug("what is compared so far cannot be written", metadata: ["reason": "\(error)"])
        }
    }

    /// Stops partitions at the same time: each may have to wait for what it has sent.
    func end(_ removed: [TopicPlan.Mirrored]) async {
        await withTaskGroup(of: (TopicPartition, PartitionPosition?).self) { group in
            for mirrored in removed {
                guard let index = owners.removeValue(forKey: mirrored.source) else { continue }
                hasGivenUpPartitions = true
                load[index] -= 1
                let shard = shards[index]
                group.addTask { (mirrored.source, await shard.revoke(mirrored.source)) }
            }
            for await (partition, position) in group {
                if let position { ledger?.observe([partition: position]) }
                if news.tells(.partitions, "\(partition) is no longer mirrored", now: .now) {
                    logger.info("no longer mirroring a partition", metadata: ["partition": "\(partition)"])
                }
            }
        }
    }

    /// Gives a partition back, so that the next look finds out from the target where it goes on.
    func takeUpAgain(_ partition: TopicPartition, isForgotten: Bool) async {
        guard let index = owners.removeValue(forKey: partition) else { return }
        load[index] -= 1
        let position = await shards[index].revoke(partition)
        if let position { ledger?.observe([partition: position]) }
        continuity.overtook(partition, position?.producer, isForgotten: isForgotten)
        discovery.giveBack([partition])
    }

    /// Gives a partition up and begins it again with what its target holds now.
    func resumeAnew(_ partition: TopicPartition) async {
        guard let mirrored = discovery.current[partition] else { return }
        await end([mirrored])
        discovery.giveBack([mirrored.source])
    }
}
