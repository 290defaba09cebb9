import Foundation
import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore

/// Writes one demo topic at its rate until it is cancelled.
struct DemoProducer {
    static let interval = Duration.milliseconds(50)

    let client: KafkaClient
    let topic: DemoTopic

    func run() async {
        let appender = RecordAppender(client: client, topic: topic.name, compression: topic.codec)
        var number = 0
        var due = 0.0
        while !Task.isCancelled {
            due += Double(topic.rate) * 0.05
            let now = Int64(Date().timeIntervalSince1970 * 1000)
            var records: [AppendedRecord] = []
            while due >= 1 {
                records.append(record(number, timestamp: now))
                number += 1
                due -= 1
            }
            // What an append could not deliver is not written again: the demo shows the mirror, not the producer.
            _ = try? await appender.append(records)
            try? await Task.sleep(for: Self.interval)
        }
    }

    private func record(_ number: Int, timestamp: Int64) -> AppendedRecord {
        let value = topic.example.replacing("%d", with: String(number))
        return AppendedRecord(
            // Runs of records per partition, as sticky partitioning makes them.
            partition: Int32(number / 16 % Int(topic.partitions)),
            key: ByteBuffer(string: "key-\(number % 1000)"),
            value: ByteBuffer(string: value),
            timestamp: timestamp
        )
    }
}
