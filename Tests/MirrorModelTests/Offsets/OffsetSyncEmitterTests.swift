import KafkaProtocol
import MirrorModel
import Testing

@Suite struct OffsetSyncEmitterTests {
    private let partition = TopicPartition(topic: "t", partition: 3)

    @Test func dueAsMirrorMaker() {
        var emitter = OffsetSyncEmitter(offsetLagMax: 50, publishesChanges: false)
        let records: [(Int64, Int64, Bool)] = [
            (0, 100, true), (2, 102, true), (3, 152, false), (4, 153, true), (5, 154, false), (6, 203, false),
            (7, 204, true), (2, 206, true), (3, 207, false), (4, 3, true), (5, 4, false),
        ]
        for (source, target, isDue) in records {
            let answer = emitter.acknowledged(partition, source: source, target: target)
            #expect(answer == isDue, "\(source), \(target)")
        }
        var eager = OffsetSyncEmitter(offsetLagMax: 0)
        for offset in Int64(0)..<5 {
            let isDue = eager.acknowledged(partition, source: offset, target: offset)
            #expect(isDue)
        }
    }

    @Test func boundedInFlightAndNothingLost() {
        var emitter = OffsetSyncEmitter(offsetLagMax: 100)
        let partitions = (0..<15).map { TopicPartition(topic: "t", partition: Int32($0)) }
        for partition in partitions { emitter.acknowledged(partition, source: 5, target: 7) }
        let first = emitter.takeReady()
        #expect(first.count == 10)
        let none = emitter.takeReady()
        #expect(none.isEmpty)
        for sync in first { emitter.finished(sync, isWritten: sync != first[0]) }
        let second = emitter.takeReady()
        #expect(Set((first + second).map(\.partition)) == Set(partitions))
        #expect(second.contains(first[0]))
    }

    @Test func flushPublishesTheLastPosition() {
        var emitter = OffsetSyncEmitter(offsetLagMax: 100)
        emitter.acknowledged(partition, source: 0, target: 0, count: 30)
        for sync in emitter.takeReady() { emitter.finished(sync, isWritten: true) }
        emitter.flush()
        let ready = emitter.takeReady()
        #expect(ready.map(\.upstreamOffset) == [29])
    }

    @Test func aChangeComesWithTheEndOfTheRun() {
        var emitter = OffsetSyncEmitter(offsetLagMax: 100)
        emitter.acknowledged(partition, source: 0, target: 0, count: 30)
        var map = OffsetMap()
        for sync in emitter.takeReady() {
            map.apply(source: sync.upstreamOffset, target: sync.downstreamOffset)
            emitter.finished(sync, isWritten: true)
        }
        emitter.acknowledged(partition, source: 31, target: 30, count: 5)
        for _ in 0..<3 {
            for sync in emitter.takeReady() {
                map.apply(source: sync.upstreamOffset, target: sync.downstreamOffset)
                emitter.finished(sync, isWritten: true)
            }
        }
        #expect(map.translate(source: 17) == .bounded(1))
        #expect(map.translate(source: 29) == .exact(29))
        #expect(map.translate(source: 30) == .bounded(30))
        #expect(map.translate(source: 31) == .exact(30))
    }
}
