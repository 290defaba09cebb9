import KafkaCompression
import KafkaProtocol
import KafkaRecords
import NIOCore
import TestSupport
import Testing

/// Fetch answers of a real broker, and what a consumer makes of them.
@Suite struct FetchVectorTests {
    struct Line: Decodable {
        var name: String
        var version: Int16
        var isolation: String
        var fetchOffset: Int64
        var response: HexBytes
        var partitions: Int
        var batches: Int?
        var recordsBytes: Int?
        var partialTrailingBytes: Int?
        var abortedTransactions: [[Int64]]?
        var records: [VectorRecord]
        var nextOffset: Int64
    }

    @Test func handsOutWhatJavaConsumersSee() throws {
        let lines = try Vectors.lines("broker/fetch.jsonl", as: Line.self)
        let codecs = StandardCodecs()
        for line in lines {
            var body = line.response.buffer
            let response = try FetchResponse.decode(from: &body, version: line.version)
            let partitions = response.responses.flatMap(\.partitions)
            try #require(partitions.count == line.partitions, "\(line.name)")
            guard let partition = partitions.first else {
                #expect(line.records.isEmpty && line.nextOffset == line.fetchOffset, "\(line.name)")
                continue
            }
            try expect(partition, equals: line, codecs)
        }
        print("fetch.jsonl: \(lines.count) cases")
        #expect(lines.count == 303)
    }

    private func expect(_ partition: FetchResponse.PartitionData, equals line: Line, _ codecs: StandardCodecs) throws {
        let data = partition.records?.joined() ?? ByteBuffer()
        #expect(data.readableBytes == line.recordsBytes, "\(line.name)")
        let aborted = partition.abortedTransactions?.map {
            AbortedTransaction(producerID: $0.producerID, firstOffset: $0.firstOffset)
        }
        #expect(aborted?.map { [$0.producerID, $0.firstOffset] } == line.abortedTransactions, "\(line.name)")

        var scanner = RecordBatchScanner(data)
        var filter = AbortedTransactionFilter(line.isolation == "read_committed" ? aborted ?? [] : [])
        var position = line.fetchOffset
        var records: [Record] = []
        var batches = 0
        while let batch = try scanner.next() {
            batches += 1
            if try filter.visibility(of: batch) == .visible {
                records += try batch.records(codecs: codecs).filter { $0.offset >= line.fetchOffset }
            }
            position = max(position, batch.nextOffset)
        }
        #expect(batches == line.batches && scanner.unreadBytes == line.partialTrailingBytes, "\(line.name)")
        #expect(records == line.records.map(\.record), "\(line.name)")
        #expect(position == line.nextOffset, "\(line.name)")
    }
}
