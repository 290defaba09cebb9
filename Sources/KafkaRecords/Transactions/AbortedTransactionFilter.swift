/// A transaction that was rolled back, as a fetch at `read_committed` lists it.
public struct AbortedTransaction: Hashable, Sendable {
    public var producerID: Int64
    public var firstOffset: Int64

    public init(producerID: Int64, firstOffset: Int64) {
        self.producerID = producerID
        self.firstOffset = firstOffset
    }
}

/// Whether the records of a batch are for consumers.
public enum BatchVisibility: Hashable, Sendable {
    case visible
    /// A marker: it has no data.
    case control
    /// Part of a transaction that was rolled back.
    case aborted
}

/// Finds the batches of one fetch answer that a consumer gets to see.
///
/// The brokers' list is not sorted and may name transactions from before or after the returned data. A transaction
/// becomes active at the first batch that ends at or behind its first offset, and ends with its producer's abort
/// marker. With an empty list this is `read_uncommitted`: only control batches are hidden.
public struct AbortedTransactionFilter: Sendable {
    /// Sorted with the next one to become active at the end.
    private var pending: [AbortedTransaction]
    private var active: Set<Int64> = []

    public init(_ aborted: some Sequence<AbortedTransaction> = []) {
        pending = aborted.sorted { $0.firstOffset > $1.firstOffset }
    }

    /// Decides about the next batch; batches are shown to the filter in the order of the log.
    public mutating func visibility(of batch: RecordBatchView) throws(RecordError) -> BatchVisibility {
        if batch.producerID >= 0 {
            while let next = pending.last, next.firstOffset <= batch.lastOffset {
                active.insert(next.producerID)
                pending.removeLast()
            }
        }
        guard !batch.isControl else {
            if !active.isEmpty, try batch.controlRecord()?.type == .abort { active.remove(batch.producerID) }
            return .control
        }
        return batch.isTransactional && active.contains(batch.producerID) ? .aborted : .visible
    }

    /// Decides about the next element; older formats know no transactions.
    public mutating func visibility(of element: ScannedBatch) throws(RecordError) -> BatchVisibility {
        switch element {
        case .batch(let batch): try visibility(of: batch)
        case .legacy: .visible
        }
    }
}
