import KafkaProtocol
import KafkaRecords
import NIOCore

/// Bugs in the bytes of requests and answers.
enum Planting {
    /// Offsets in a record batch.
    private enum Field {
        static let length = 8
        static let crc = 17
        static let attributes = 21
        static let baseTimestamp = 27
        static let producerID = 43
        static let sequence = 53
    }

    static func planted(_ mutation: Mutation?, _ request: ProduceRequest) -> ProduceRequest {
        guard let mutation else { return request }
        var request = request
        switch mutation {
        case .sequenceNotAdvanced: change(&request) { $0.setInteger(Int32(0), at: $0.readerIndex + Field.sequence) }
        case .identityDropped:
            change(&request) {
                $0.setInteger(Int64(-1), at: $0.readerIndex + Field.producerID)
                $0.setInteger(Int16(-1), at: $0.readerIndex + Field.producerID + 8)
                $0.setInteger(Int32(-1), at: $0.readerIndex + Field.sequence)
            }
        case .transactionalBitLeft: change(&request) { set(&$0, bit: 0x10) }
        case .crcNotPatched: change(&request, fixesCRC: false) { flip(&$0, at: Field.crc) }
        case .valueAltered: change(&request) { flip(&$0, at: $0.readableBytes - 2) }
        case .timestampAltered:
            change(&request) { flip(&$0, at: Field.baseTimestamp + 6) }
        case .swappedPartitions:
            for topic in request.topicData.indices where request.topicData[topic].partitionData.count > 1 {
                let first = request.topicData[topic].partitionData[0].records
                request.topicData[topic].partitionData[0].records = request.topicData[topic].partitionData[1].records
                request.topicData[topic].partitionData[1].records = first
            }
        default: break
        }
        return request
    }

    private static func flip(_ bytes: inout ByteBuffer, at place: Int) {
        guard let byte = bytes.getInteger(at: bytes.readerIndex + place, as: UInt8.self) else { return }
        bytes.setInteger(byte ^ 0x01, at: bytes.readerIndex + place)
    }

    private static func set(_ bytes: inout ByteBuffer, bit: UInt16) {
        guard let flags = bytes.getInteger(at: bytes.readerIndex + Field.attributes, as: UInt16.self) else { return }
        bytes.setInteger(flags | bit, at: bytes.readerIndex + Field.attributes)
    }

    private static func change(
        _ request: inout ProduceRequest,
        fixesCRC: Bool = true,
        _ body: (inout ByteBuffer) -> Void
    ) {
        for topic in request.topicData.indices {
            for partition in request.topicData[topic].partitionData.indices {
                guard var bytes = request.topicData[topic].partitionData[partition].records?.joined() else { continue }
                body(&bytes)
                if fixesCRC { seal(&bytes) }
                request.topicData[topic].partitionData[partition].records = RecordData(bytes)
            }
        }
    }

    private static func seal(_ batch: inout ByteBuffer) {
        guard let view = try? RecordBatchView(batch) else { return }
        batch.setInteger(view.computedCRC(), at: batch.readerIndex + Field.crc)
    }

    /// Control batches look like data.
    static func withoutControlBits(_ records: ByteBuffer) -> ByteBuffer {
        var result = ByteBuffer()
        var rest = records
        while let length = rest.getInteger(at: rest.readerIndex + Field.length, as: Int32.self),
            var batch = rest.readSlice(length: Int(length) + 12)
        {
            if let flags = batch.getInteger(at: batch.readerIndex + Field.attributes, as: UInt16.self),
                flags & 0x20 != 0
            {
                batch.setInteger(flags & ~0x20, at: batch.readerIndex + Field.attributes)
                seal(&batch)
            }
            result.writeImmutableBuffer(batch)
        }
        result.writeBuffer(&rest)
        return result
    }
}
