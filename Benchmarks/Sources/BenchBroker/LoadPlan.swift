import KafkaCompression
public import KafkaRecords
import NIOCore

/// What the source shall serve.
public struct LoadPlan: Sendable {
    public enum Variant: String, Sendable {
        case plain
        /// Transactions of eight batches; every third is aborted.
        case transactional
        /// A log cleaner has taken every fourth record.
        case compacted
    }

    public var recordBytes = 1024
    public var recordsPerBatch = 250
    public var codec = CompressionCodec.none
    public var variant = Variant.plain
    /// Of every partition, as stored.
    public var partitionBytes = 64 << 20

    public init() {}

    private static let blockBytes = 4 << 20

    /// Builds the block that all partitions share.
    public func makeLog() throws -> ReplayLog {
        var text = TextSource(seed: 42)
        let codecs = StandardCodecs()
        var batches: [ByteBuffer] = []
        var aborted: [ReplayLog.Aborted] = []
        var visible = 0
        var bytes = 0
        var offset: Int64 = 0
        var transaction = 0
        var uncompressed = 0
        let limit = min(Self.blockBytes, partitionBytes)
        repeat {
            let isAborted = variant == .transactional && transaction % 3 == 2
            if isAborted { aborted.append(ReplayLog.Aborted(producerID: 7, firstOffset: offset)) }
            for _ in 0..<(variant == .transactional ? 8 : 1) {
                var builder = RecordBatchBuilder(
                    baseOffset: offset,
                    codec: codec,
                    capacity: recordsPerBatch * (recordBytes + 64)
                )
                builder.partitionLeaderEpoch = 0
                if variant == .transactional {
                    builder.isTransactional = true
                    builder.producerID = 7
                    builder.producerEpoch = 0
                    builder.baseSequence = Int32(truncatingIfNeeded: offset) & .max
                }
                for _ in 0..<recordsPerBatch {
                    let number = builder.nextOffset
                    builder.append(
                        timestamp: 1_700_000_000_000 + number,
                        key: ByteBuffer(string: "key-\(number % 5000)"),
                        value: text.next(bytes: max(1, recordBytes - 16))
                    )
                }
                uncompressed += builder.uncompressedSize
                var batch = try builder.build(codecs: codecs)
                let view = try RecordBatchView(batch)
                offset = view.nextOffset
                if variant == .compacted {
                    if case .rewritten(let rest) = try view.compacted(codecs: codecs, keep: { $0.offset % 4 != 1 }) {
                        batch = rest
                    }
                }
                if !isAborted { visible += Int(try RecordBatchView(batch).recordCount) }
                bytes += batch.readableBytes
                batches.append(batch)
            }
            if variant == .transactional {
                let marker = try RecordBatchBuilder.endTransaction(
                    isAborted ? .abort : .commit,
                    baseOffset: offset,
                    timestamp: 1_700_000_000_000,
                    producerID: 7,
                    producerEpoch: 0,
                    coordinatorEpoch: 0,
                    partitionLeaderEpoch: 0
                )
                batches.append(marker)
                bytes += marker.readableBytes
                offset += 1
                transaction += 1
            }
        } while bytes < limit || (variant == .transactional && transaction % 3 != 0)
        return try ReplayLog(
            batches: batches,
            aborted: aborted,
            visibleRecords: visible,
            repeats: max(1, (partitionBytes + bytes / 2) / bytes)
        )
    }
}

/// Text that compresses like log lines: words of a small vocabulary and numbers.
struct TextSource {
    private var state: UInt64
    private static let words = """
        order payment customer shipped pending created updated failed retry session cart item price total currency \
        address street city country region timestamp request response latency status method path host agent client \
        server queue topic partition offset leader replica error warning info debug account balance transfer credit
        """.split(separator: " ").map { Array($0.utf8) }

    init(seed: UInt64) { state = seed }

    private mutating func random() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    mutating func next(bytes count: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count + 32)
        while buffer.readableBytes < count {
            let value = random()
            buffer.writeBytes(Self.words[Int(value % UInt64(Self.words.count))])
            buffer.writeInteger(UInt8(ascii: "="))
            buffer.writeString(String(value >> 40, radix: 16))
            buffer.writeInteger(UInt8(ascii: " "))
        }
        buffer.moveWriterIndex(to: count)
        return buffer
    }
}
