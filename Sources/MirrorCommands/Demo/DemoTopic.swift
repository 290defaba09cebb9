import KafkaProtocol
import KafkaRecords

/// One topic of the demo: what its producer writes, and how it is compressed.
struct DemoTopic: Sendable {
    let name: TopicName
    let partitions: Int32
    let codec: CompressionCodec
    /// Records per second.
    let rate: Int
    /// The fields of a record's JSON value, `%d` standing for the record's number.
    let example: String

    static let all = [
        DemoTopic(
            name: "orders",
            partitions: 6,
            codec: .none,
            rate: 500,
            example: #"{"order":%d,"customer":"c-%d","total":42.50,"currency":"EUR"}"#
        ),
        DemoTopic(
            name: "clicks",
            partitions: 8,
            codec: .lz4,
            rate: 2000,
            example: #"{"session":%d,"path":"/products/%d","agent":"Mozilla/5.0","ms":17}"#
        ),
        DemoTopic(
            name: "payments",
            partitions: 3,
            codec: .zstd,
            rate: 300,
            example: #"{"payment":%d,"state":"authorised","method":"card","reference":"r-%d"}"#
        ),
        DemoTopic(
            name: "sensors",
            partitions: 4,
            codec: .snappy,
            rate: 1000,
            example: #"{"sensor":%d,"celsius":21.5,"humidity":0.43,"sequence":%d}"#
        ),
        DemoTopic(
            name: "audit",
            partitions: 2,
            codec: .gzip,
            rate: 200,
            example: #"{"event":%d,"actor":"service-%d","action":"update","result":"ok"}"#
        ),
    ]
}
