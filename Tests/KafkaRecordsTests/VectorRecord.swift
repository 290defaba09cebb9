import KafkaRecords
import TestSupport

/// A record as the golden data spells it.
struct VectorRecord: Decodable {
    var offset: Int64
    var timestamp: Int64
    var key: HexBytes?
    var value: HexBytes?
    var headers: [Header]
    var sequence: Int32?

    /// A name as text and a value as bytes.
    struct Header: Decodable {
        var name: String
        var value: HexBytes?

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            name = try container.decode(String.self)
            value = try container.decodeIfPresent(HexBytes.self)
        }
    }

    var record: Record {
        Record(
            offset: offset,
            timestamp: timestamp,
            key: key?.buffer,
            value: value?.buffer,
            headers: headers.map { RecordHeader(key: $0.name, value: $0.value?.buffer) }
        )
    }
}
