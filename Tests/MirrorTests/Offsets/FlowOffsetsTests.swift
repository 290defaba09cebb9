import Foundation
import KafkaClient
import KafkaProtocol
import MirrorModel
import Testing

@testable import Mirror

/// The maps of many partitions together.
@Suite struct FlowOffsetsTests {
    private func partition(_ number: Int, topic: String = "t") -> TopicPartition {
        TopicPartition(topic: TopicName(topic), partition: Int32(number))
    }

    /// `OFFSET_PARTITIONS=50000` measures the process as well, which needs the process for itself.
    @Test func longHistoriesOfManyPartitionsStayWithinTheBudget() throws {
        let asked = ProcessInfo.processInfo.environment["OFFSET_PARTITIONS"].flatMap { Int($0) }
        let count = asked ?? 1_000
        let budget = (64 << 20) / 50_000 * count
        let before = try residentBytes()
        let flow = FlowOffsets(memoryBytes: budget)
        for number in 0..<count { _ = flow.partition(partition(number), target: partition(number, topic: "A.t")) }
        // More runs than fit: each of dozens of records, with a hole behind it.
        for number in 0..<count {
            let offsets = try #require(flow[partition(number)])
            var source: Int64 = 1_000_000
            var target: Int64 = 500_000
            for index in 0..<300 {
                let length = Int64(50 + index % 300)
                offsets.wrote(through: source + length) { map in
                    map.append(source: source, target: target, count: length)
                }
                source += length + 2
                target += length
            }
            // The newest part is exact in every one of them.
            #expect(offsets.translate(source: source - 3) == .exact(target - 1))
        }
        let totals = flow.totals()
        let used = totals.bytes + count * OffsetMemory.perPartition
        print(
            "offset maps of \(count) partitions: \(used >> 10) KiB of \(budget >> 10) KiB, \(totals.runs) runs kept,",
            "\(totals.lostRuns) given up"
        )
        #expect(used <= budget)
        #expect(totals.lostRuns > 0)
        if asked != nil {
            let heap = try residentBytes() - before
            print(
                "memory of \(count) partitions: \(heap >> 10) KiB, \((heap - totals.bytes) / count) bytes each beside runs"
            )
            #expect(heap <= budget)
        }
        withExtendedLifetime(flow) {}
    }

    /// Memory of the process, as the kernel counts it.
    private func residentBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
        return pages * 4_096
    }

    @Test func oneLongHistoryBorrowsWhatOthersDoNotNeed() throws {
        let flow = FlowOffsets(memoryBytes: 1 << 20)
        for number in 0..<1_000 { _ = flow.partition(partition(number), target: partition(number, topic: "A.t")) }
        let offsets = try #require(flow[partition(7)])
        for index in 0..<3_000 as Range<Int64> {
            offsets.wrote(through: index * 3 + 1) { $0.append(source: index * 3, target: index * 2, count: 2) }
        }
        let totals = flow.totals()
        #expect(totals.lostRuns == 0 && totals.runs == 3_000)
        #expect(flow.translate(source: partition(7), offset: 4_502) == .exact(3_002))
        #expect(flow.translateBack(target: partition(7, topic: "A.t"), offset: 3_002) == .exact(4_503))
        #expect(flow.translate(source: partition(8), offset: 0) == .unknown(.nothingMirrored))
        #expect(flow.translate(source: partition(9_999), offset: 0) == .unknown(.nothingMirrored))
        let coverage = try #require(flow.coverage(of: partition(7)))
        #expect(coverage.sourceOffsets == 0..<8_999 && coverage.targetOffsets == 0..<6_000)
        #expect(coverage.reachesBeginning && coverage.runs == 3_000)
        flow.forget(partition(7))
        #expect(flow.coverage(of: partition(7)) == nil)
        #expect(flow.source(of: partition(7, topic: "A.t")) == nil)
    }

    @Test func aPartitionThatGoesOnKeepsItsMap() throws {
        let flow = FlowOffsets()
        let source = partition(0)
        let target = partition(0, topic: "A.t")
        let first = flow.begin(PartitionAssignment(source: source, target: target, start: .earliest), persisted: nil)
        first.offsets?.wrote(through: 9) { $0.append(source: 0, target: 5, count: 10) }
        // The target lost two records.
        var again = PartitionAssignment(source: source, target: target, start: .offset(8))
        again.resumed = PartitionPosition(sourceOffset: 7, targetOffset: 12)
        again = flow.begin(again, persisted: nil)
        #expect(again.offsets === first.offsets)
        #expect(flow.translate(source: source, offset: 3) == .exact(8))
        #expect(flow.translate(source: source, offset: 9) == .bounded(13))
        // Three are found behind what progress tells.
        var found = PartitionAssignment(source: source, target: target, start: .offset(12))
        found.copied = [OffsetMap.Run(source: 9, target: 13, count: 3)]
        found.resumed = PartitionPosition(sourceOffset: 11, targetOffset: 15)
        _ = flow.begin(found, persisted: nil)
        #expect(flow.translate(source: source, offset: 8) == .exact(13))
        #expect(flow.translate(source: source, offset: 11) == .exact(15))
        #expect(flow.translate(source: source, offset: 12) == .exact(16))
        // From its beginning again: nothing of before counts.
        _ = flow.begin(PartitionAssignment(source: source, target: target, start: .earliest), persisted: nil)
        #expect(flow.translate(source: source, offset: 3) == .unknown(.nothingMirrored))
    }
}
