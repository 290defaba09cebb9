import KafkaClient
import KafkaProtocol
import Logging
import MirrorModel
import NIOCore

/// Reads progress at the start and writes it beside the data path.
extension FlowSupervisor {
    /// What MirrorMaker 2 has left; without it groups that are behind are translated later, or not at all.
    func readOffsetSyncs(deadline: Deadline) async -> [TopicPartition: OffsetMap] {
        let topic = configuration.offsetSyncs.topic
        do {
            return try await OffsetSync.readMaps(from: topic, of: clients.offsetSyncs, deadline: deadline)
        } catch {
            logger.warning(
                "offset syncs cannot be read; offsets from before this start are not translated",
                metadata: ["topic": "\(topic)", "reason": "\(error)"]
            )
            return [:]
        }
    }

    func loadProgress(deadline: Deadline) async throws -> [TopicPartition: ProgressRecord] {
        let progress = try await store.load(deadline: deadline)
        let isStale = try await EarlierOwner.displace(
            await store.owner,
            client: clients.target,
            store: store,
            logger: logger,
            deadline: deadline
        )
        guard isStale else { return progress }
        return try await store.committed(waitsForTransactions: true, deadline: deadline).progress
    }

    /// A partition that was given up with a transaction open may be further than its shard could say.
    func reloadProgress() async {
        guard ownership != nil, hasGivenUpPartitions else { return }
        guard let committed = try? await store.committed(waitsForTransactions: true, deadline: .after(.seconds(20)))
        else { return }
        hasGivenUpPartitions = false
        ledger?.reload(committed.progress)
    }

    func keepWriting() async {
        // What was found out by comparing shall not have to be found out again.
        try? await Task.sleep(for: .milliseconds(min(100, configuration.progressIntervalMs)))
        guard !Task.isCancelled else { return }
        await writeProgress(deadline: .after(.seconds(15)))
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(configuration.progressIntervalMs))
            guard !Task.isCancelled else { return }
            await writeProgress(deadline: .after(.seconds(15)))
        }
    }

    func writeProgress(deadline: Deadline) async {
        for shard in shards {
            let moved = await shard.takeMovedPositions()
            ledger?.observe(moved)
        }
        guard ownership == nil else {
            // Shards write it with the records; only long offset maps are kept from here.
            if let unwritten = ledger?.unwritten, !unwritten.isEmpty {
                _ = await history.complete(unwritten, deadline: deadline)
                ledger?.wrote(unwritten)
            }
            progressWrittenAt = .now()
            return
        }
        guard let unwritten = ledger?.unwritten, !unwritten.isEmpty else {
            progressWrittenAt = .now()
            return
        }
        do {
            try await store.write(await history.complete(unwritten, deadline: deadline), deadline: deadline)
            ledger?.wrote(unwritten)
            progressWrittenAt = .now()
            clear(.progress)
        } catch {
            guard !Task.isCancelled else { return }
            let text = "progress cannot be written: \(text(of: error))"
            impede(.progress, text, likeness: Self.likeness(of: error))
            if (error as? KafkaClientError)?.code == .unknownTopic {
                try? await store.createAgain(deadline: deadline)
                ledger?.lostWhatWasWritten()
            }
        }
    }
}
