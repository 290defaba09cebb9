import KafkaRecords
import NIOCore
import TestSupport

extension SeededGenerator {
    mutating func bytes(_ count: Int) -> ByteBuffer {
        ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) })
    }

    /// Null, empty, short or a little longer, sometimes well compressible.
    mutating func field() -> ByteBuffer? {
        switch Int.random(in: 0..<8, using: &self) {
        case 0: nil
        case 1: ByteBuffer()
        case 2: ByteBuffer(repeating: 7, count: Int.random(in: 1...300, using: &self))
        default: bytes(Int.random(in: 1...40, using: &self))
        }
    }

    mutating func timestamp() -> Int64 {
        switch Int.random(in: 0..<10, using: &self) {
        case 0: -1
        case 1: Int64.random(in: 0...Int64.max, using: &self)
        default: 1_700_000_000_000 + Int64.random(in: -1_000_000...1_000_000, using: &self)
        }
    }

    /// Records with all kinds of fields; offsets from `base` on, with gaps if wanted.
    mutating func records(_ count: Int, from base: Int64 = 0, gaps: Bool = false) -> [Record] {
        var offset = base
        return (0..<count).map { _ in
            if gaps { offset += Int64.random(in: 0...3, using: &self) }
            defer { offset += 1 }
            let headers = Int.random(in: 0..<4, using: &self) == 0 ? Int.random(in: 1...3, using: &self) : 0
            return Record(
                offset: offset,
                timestamp: timestamp(),
                key: field(),
                value: field(),
                headers: (0..<headers).map { _ in RecordHeader(key: field() ?? ByteBuffer(), value: field()) }
            )
        }
    }

    /// A batch of these records with random producer fields.
    mutating func batch(
        of records: [Record],
        codec: CompressionCodec = .none,
        codecs: (any RecordCodecs)? = nil,
        logAppendTime: Int64? = nil
    ) throws -> RecordBatchView {
        var builder = RecordBatchBuilder(baseOffset: records.first?.offset ?? 0, codec: codec)
        builder.partitionLeaderEpoch = Int32.random(in: -1...99, using: &self)
        builder.producerID = Int64.random(in: -1...1 << 40, using: &self)
        builder.producerEpoch = Int16.random(in: -1...99, using: &self)
        builder.baseSequence = Int32.random(in: -1...Int32.max, using: &self)
        builder.isTransactional = Bool.random(using: &self)
        builder.logAppendTime = logAppendTime
        builder.append(contentsOf: records)
        return try RecordBatchView(try builder.build(codecs: codecs))
    }
}
