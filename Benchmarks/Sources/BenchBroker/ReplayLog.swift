import KafkaProtocol
import KafkaRecords
import NIOCore

/// Canned batches that are served again and again with rising offsets.
///
/// One block of batches is built at start. Reading copies or references its bytes and sets only the base offsets,
/// which lie outside the checksums, so that serving costs next to nothing.
public final class ReplayLog {
    /// A transaction that consumers must not see.
    struct Aborted {
        var producerID: Int64
        var firstOffset: Int64
    }

    let block: ByteBuffer
    /// Where each batch begins in the block, and the end of the last one.
    private let starts: [Int]
    /// The base offset of each batch, and the end of the last one.
    private let offsets: [Int64]
    let aborted: [Aborted]
    public let repeats: Int
    /// Records that a reader of committed records sees, in all repetitions.
    public let visibleRecords: Int

    var endOffset: Int64 { span * Int64(repeats) }
    public var byteCount: Int { block.readableBytes * repeats }
    public var batchCount: Int { (offsets.count - 1) * repeats }
    private var span: Int64 { offsets.last ?? 0 }

    init(batches: [ByteBuffer], aborted: [Aborted], visibleRecords: Int, repeats: Int) throws {
        var block = ByteBufferAllocator().buffer(capacity: batches.reduce(0) { $0 + $1.readableBytes })
        var starts: [Int] = []
        var offsets: [Int64] = []
        var end: Int64 = 0
        for batch in batches {
            starts.append(block.writerIndex)
            let view = try RecordBatchView(batch)
            offsets.append(view.baseOffset)
            end = view.nextOffset
            block.writeImmutableBuffer(batch)
        }
        starts.append(block.writerIndex)
        offsets.append(end)
        self.block = block
        self.starts = starts
        self.offsets = offsets
        self.aborted = aborted
        self.repeats = repeats
        self.visibleRecords = visibleRecords * repeats
    }

    /// From this size on a batch is sent from where it is.
    private static let longBatch = 8192
    /// Base offset, length, leader epoch.
    private static let prefix = 16

    /// Complete batches from the one that holds `offset`.
    func read(from offset: Int64, maxBytes: Int, needsOne: Bool) -> (records: RecordData, aborted: [Aborted])? {
        guard offset >= 0, offset < endOffset else { return nil }
        var parts: [ByteBuffer] = []
        var left = maxBytes
        var repetition = offset / span
        let first = repetition
        var batch = index(of: offset % span)
        while repetition < Int64(repeats) {
            let last = runEnd(from: batch, maxBytes: left, needsOne: needsOne && parts.isEmpty)
            guard last > batch else { break }
            append(batch..<last, shift: repetition * span, to: &parts)
            left -= starts[last] - starts[batch]
            guard last == offsets.count - 1 else { break }
            batch = 0
            repetition += 1
        }
        guard !parts.isEmpty else { return nil }
        var hidden: [Aborted] = []
        if !aborted.isEmpty {
            for repetition in first...min(repetition, Int64(repeats) - 1) {
                for entry in aborted {
                    hidden.append(
                        Aborted(producerID: entry.producerID, firstOffset: entry.firstOffset + repetition * span)
                    )
                }
            }
        }
        return (RecordData(parts: parts), hidden)
    }

    private func index(of offset: Int64) -> Int {
        var low = 0
        var high = offsets.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if offsets[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }

    private func runEnd(from batch: Int, maxBytes: Int, needsOne: Bool) -> Int {
        var low = batch
        var high = offsets.count - 1
        let limit = starts[batch] + maxBytes
        while low < high {
            let middle = (low + high + 1) / 2
            if starts[middle] <= limit { low = middle } else { high = middle - 1 }
        }
        return low == batch && needsOne ? batch + 1 : low
    }

    private func append(_ batches: Range<Int>, shift: Int64, to parts: inout [ByteBuffer]) {
        let bytes = starts[batches.lowerBound]..<starts[batches.upperBound]
        guard bytes.count / batches.count < Self.longBatch else {
            for batch in batches {
                var prefix = ByteBufferAllocator().buffer(capacity: Self.prefix)
                prefix.writeInteger(offsets[batch] + shift)
                var rest = block
                rest.moveReaderIndex(to: starts[batch])
                rest.moveWriterIndex(to: starts[batch + 1])
                rest.moveReaderIndex(forwardBy: 8)
                prefix.writeInteger(rest.readInteger(as: Int64.self) ?? 0)
                parts.append(prefix)
                parts.append(rest.slice())
            }
            return
        }
        var copy = ByteBufferAllocator().buffer(capacity: bytes.count)
        block.withUnsafeReadableBytes { all in
            _ = copy.writeBytes(UnsafeRawBufferPointer(rebasing: all[bytes]))
        }
        copy.withUnsafeMutableReadableBytes { target in
            for batch in batches {
                target.storeBytes(
                    of: (offsets[batch] + shift).bigEndian,
                    toByteOffset: starts[batch] - bytes.lowerBound,
                    as: Int64.self
                )
            }
        }
        parts.append(copy)
    }
}
