import KafkaClient
import KafkaCompression
import KafkaNetwork
import KafkaProtocol
package import KafkaRecords
package import NIOCore

/// Records in a mirror that somebody else has written.
package struct ForeignRecords: Sendable, Equatable {
    package var first: Int64
    package var last: Int64
    package var count: Int64

    package init(first: Int64, last: Int64, count: Int64) {
        self.first = first
        self.last = last
        self.count = count
    }

    fileprivate mutating func add(_ other: ForeignRecords) {
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.count += other.count
    }
}

/// Tells what stands at target offsets that no record of ours was given, in a mirror that is written in transactions.
///
/// Markers, and records of transactions that were not committed, stand there rightfully; what a reader of committed
/// records sees there is somebody else's, and so is what another producer has put among the batches of our open
/// transaction, where committed reading ends.
package struct ForeignSearch: Sendable {
    /// The next offset to look at.
    package private(set) var next: Int64
    /// The search ends before this offset.
    package let end: Int64
    package private(set) var found: ForeignRecords?
    private let ownProducer: Int64

    package init(_ range: Range<Int64>, ownProducer: Int64) {
        self.next = range.lowerBound
        self.end = range.upperBound
        self.ownProducer = ownProducer
    }

    package var isDone: Bool { self.next >= self.end }

    /// The target has deleted what was before this offset: nobody reads it.
    package mutating func begins(at offset: Int64) {
        self.next = max(self.next, offset)
    }

    /// Looks at the records of a fetch from `next` on.
    ///
    /// - Parameter aborted: the transactions that the answer says were aborted; nil when it was read uncommitted, behind
    ///   the last stable offset.
    package mutating func look(at bytes: ByteBuffer, aborted: [AbortedTransaction]?) throws(RecordError) {
        var filter = AbortedTransactionFilter(aborted ?? [])
        var scanner = RecordBatchScanner(bytes, checkCRCs: false)
        while let element = try scanner.next(), !self.isDone {
            let visibility = try filter.visibility(of: element)
            guard element.lastOffset >= self.next else { continue }
            if visibility == .visible, aborted != nil || element.producerID != self.ownProducer { self.take(element) }
            self.next = element.nextOffset
        }
    }

    private mutating func take(_ element: ScannedBatch) {
        var found = ForeignRecords(first: .max, last: -1, count: 0)
        // What cannot be read is somebody else's all the same.
        let records = (try? element.records(codecs: StandardCodecs(), limit: Self.recordBytes)) ?? []
        for record in records where record.offset >= self.next && record.offset < self.end {
            found.add(ForeignRecords(first: record.offset, last: record.offset, count: 1))
        }
        if records.isEmpty {
            let last = min(element.lastOffset, self.end - 1)
            found = ForeignRecords(first: self.next, last: last, count: last - self.next + 1)
        }
        guard found.count > 0 else { return }
        self.found?.add(found)
        if self.found == nil { self.found = found }
    }

    /// A batch whose records take more is counted by its offsets.
    private static let recordBytes = 64 << 20
}

extension ScannedBatch {
    fileprivate var producerID: Int64 {
        switch self {
        case .batch(let batch): batch.producerID
        case .legacy: -1
        }
    }
}

extension RecordFetch {
    /// Carries a search on for a while.
    func search(_ search: ForeignSearch, patience: Duration, deadline: Deadline) async throws -> ForeignSearch {
        var search = search
        let slice = Deadline.after(patience)
        while !search.isDone, !slice.hasPassed {
            let before = search.next
            do {
                let committed = try await self.data(from: before, isReadCommitted: true, deadline: deadline)
                let aborted = (committed?.abortedTransactions ?? []).map {
                    AbortedTransaction(producerID: $0.producerID, firstOffset: $0.firstOffset)
                }
                if let bytes = committed?.records?.joined(), bytes.readableBytes > 0 {
                    try search.look(at: bytes, aborted: aborted)
                }
                guard search.next == before else { continue }
                // A transaction is open there: ours, or somebody's.
                let rest = try await self.data(from: before, isReadCommitted: false, deadline: deadline)
                if let bytes = rest?.records?.joined(), bytes.readableBytes > 0 {
                    try search.look(at: bytes, aborted: nil)
                }
                guard search.next > before else { return search }
            } catch let error as KafkaClientError where error.kafkaError == .offsetOutOfRange {
                let start = try await self.client.listOffset(.earliest, of: self.partition, deadline: deadline).offset
                guard start > before else { return search }
                search.begins(at: start)
            }
        }
        return search
    }
}
