import KafkaClient
import KafkaProtocol
import Logging
import NIOCore

/// Noticing somebody else who writes to a mirror that is written in transactions.
///
/// What is between our batches is looked at before the transaction is committed, and the ledger has it by then: so no
/// crash hides it, and nothing is committed behind it that a policy wants to be stopped.
extension Shard {
    /// Looks at target offsets that are not explained; true while the transaction has to wait for that.
    func looksForForeignRecords(
        _ written: [Int: [UInt64: Int64?]],
        _ transactions: ShardTransactions
    ) -> Bool {
        var isWaiting = false
        for (slot, batches) in written {
            guard let cell = self.cellsByProduceSlot[slot] else { continue }
            if cell.flow.awaitsLedger {
                isWaiting = true
                continue
            }
            guard let range = cell.flow.unexplained(batches).first, !transactions.isSearchForbidden else { continue }
            isWaiting = true
            self.search(range, cell, transactions)
        }
        return isWaiting
    }

    private func search(_ range: Range<Int64>, _ cell: Cell, _ transactions: ShardTransactions) {
        let slot = cell.produceSlot
        guard transactions.searching.insert(slot).inserted else { return }
        let search = ForeignSearch(range, ownProducer: transactions.writer.identity.producerID)
        let fetch = RecordFetch(client: self.target, partition: cell.flow.assignment.target, isReadCommitted: true)
        Task {
            let result: Result<ForeignSearch, any Error>
            do {
                result = .success(
                    try await fetch.search(search, patience: .seconds(3), deadline: .after(.seconds(5)))
                )
            } catch {
                result = .failure(error)
            }
            self.eventLoop.execute {
                guard self.transactions === transactions, !self.isClosed else { return }
                transactions.searching.remove(slot)
                guard self.cells[cell.flow.assignment.source] === cell else { return }
                self.searched(result, from: range.lowerBound, cell, transactions)
            }
        }
    }

    private func searched(
        _ result: Result<ForeignSearch, any Error>,
        from start: Int64,
        _ cell: Cell,
        _ transactions: ShardTransactions
    ) {
        let partition = cell.flow.assignment.target
        switch result {
        case .success(let search) where search.next > start:
            cell.flow.explained(through: search.next - 1, search.found)
            self.run(cell)
            self.transactionsGoOn()
        case .failure(let error as KafkaClientError) where error.kafkaError == .topicAuthorizationFailed:
            // Mirroring does not need to read there; but then nobody can tell.
            transactions.isSearchForbidden = true
            self.logger.warning(
                "foreign records in mirrors would not be noticed",
                metadata: [
                    "reason": "\(error)", "next": "allow the target principal READ on topic \(partition.topic)",
                ]
            )
            self.transactionsGoOn()
        case .success, .failure:
            self.logger.debug("a mirror cannot be looked at now", metadata: ["partition": "\(partition)"])
            self.eventLoop.scheduleTask(in: .milliseconds(200)) {
                guard self.transactions === transactions, !self.isClosed else { return }
                self.transactionsGoOn()
            }
        }
    }
}
