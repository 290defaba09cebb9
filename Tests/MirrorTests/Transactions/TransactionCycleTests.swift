import KafkaProtocol
import NIOCore
import Testing

@testable import Mirror

@Suite("When a shard's transactions begin and end")
struct TransactionCycleTests {
    private let p0 = TopicPartition(topic: "A.t", partition: 0)
    private let p1 = TopicPartition(topic: "A.t", partition: 1)
    private let progress = TopicPartition(topic: "mm2-offsets.A.internal", partition: 3)

    private func time(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .milliseconds(milliseconds) }

    /// A cycle that has begun at 0 with an interval of 1000 and a pause of 50 milliseconds.
    private func begun() -> TransactionCycle {
        var cycle = TransactionCycle(settings: TransactionCycle.Settings())
        cycle.begin(now: time(0))
        #expect(cycle.takeActions().isEmpty)
        return cycle
    }

    /// One with a batch of p0 out since 10.
    private func written() -> TransactionCycle {
        var cycle = begun()
        cycle.want(p0, now: time(10))
        #expect(cycle.takeActions() == [.add([p0], generation: 0)])
        #expect(!cycle.admits(p0))
        cycle.added(generation: 0, now: time(10))
        #expect(cycle.takeActions() == [.admit([p0])])
        #expect(cycle.admits(p0))
        cycle.sent(now: time(10))
        return cycle
    }

    @Test("Records, progress, commit, and the next transaction begins with nothing announced")
    func wholeCycle() {
        var cycle = written()
        cycle.acknowledged(now: time(20))
        #expect(cycle.takeActions().isEmpty)
        #expect(cycle.nextWake == time(70))
        cycle.tick(now: time(70))
        #expect(cycle.takeActions() == [.prepareProgress])
        #expect(!cycle.admits(p0))
        cycle.record(to: [progress], now: time(70))
        #expect(cycle.takeActions() == [.add([progress], generation: 0)])
        cycle.added(generation: 0, now: time(71))
        #expect(cycle.takeActions() == [.writeProgress])
        cycle.recorded(now: time(72))
        #expect(cycle.takeActions() == [.commit(generation: 0)])
        #expect(cycle.nextWake == nil)
        cycle.want(p0, now: time(73))
        #expect(cycle.takeActions().isEmpty)
        cycle.committed(generation: 0, now: time(74))
        #expect(cycle.takeActions() == [.deliver, .add([p0], generation: 0)])
    }

    @Test("While records keep coming the interval ends the transaction, and it waits for what is out")
    func interval() {
        var cycle = written()
        for now in stride(from: Int64(20), to: 1000, by: 20) {
            cycle.sent(now: time(now))
            cycle.acknowledged(now: time(now))
        }
        #expect(cycle.takeActions().isEmpty)
        cycle.tick(now: time(1010))
        #expect(cycle.phase == .closing)
        #expect(cycle.takeActions().isEmpty)
        cycle.acknowledged(now: time(1020))
        #expect(cycle.takeActions() == [.prepareProgress])
    }

    @Test("Partitions that come together are announced together, others while the first are under way")
    func announcements() {
        var cycle = begun()
        cycle.want(p0, now: time(1))
        cycle.want(p1, now: time(1))
        cycle.want(progress, now: time(1))
        #expect(cycle.takeActions() == [.add([p0], generation: 0)])
        cycle.added(generation: 0, now: time(2))
        #expect(cycle.takeActions() == [.admit([p0]), .add([p1, progress], generation: 0)])
        cycle.added(generation: 0, now: time(3))
        #expect(cycle.takeActions() == [.admit([p1, progress])])
    }

    @Test("One that the coordinator refuses does not keep the others out")
    func refusedPartition() {
        var cycle = begun()
        cycle.want(p0, now: time(1))
        _ = cycle.takeActions()
        cycle.want(p1, now: time(1))
        cycle.notAdded(refused: [p0], generation: 0, now: time(2))
        #expect(cycle.takeActions() == [.add([p1], generation: 0)])
    }

    @Test("Without records progress is looked for once per interval")
    func onlyProgress() {
        var cycle = begun()
        #expect(cycle.nextWake == time(1000))
        cycle.tick(now: time(999))
        #expect(cycle.takeActions().isEmpty)
        cycle.tick(now: time(1000))
        #expect(cycle.takeActions() == [.prepareProgress])
        cycle.record(to: [], now: time(1000))
        #expect(cycle.takeActions() == [.nothingToCommit])
        #expect(cycle.nextWake == time(2000))
        cycle.hurry(now: time(1100))
        #expect(cycle.takeActions() == [.prepareProgress])
        cycle.record(to: [progress], now: time(1100))
        #expect(cycle.takeActions() == [.add([progress], generation: 0)])
    }

    @Test("After a failure nothing of before counts, answers included")
    func failure() {
        var cycle = written()
        cycle.fail("why", now: time(20))
        cycle.fail("again", now: time(20))
        #expect(cycle.takeActions() == [.recover("why")])
        #expect(cycle.nextWake == nil)
        cycle.want(p1, now: time(21))
        #expect(cycle.takeActions().isEmpty)
        cycle.added(generation: 0, now: time(21))
        cycle.committed(generation: 0, now: time(21))
        cycle.acknowledged(now: time(21))
        cycle.dropped(1, now: time(21))
        #expect(cycle.takeActions().isEmpty)
        cycle.begin(now: time(30))
        #expect(cycle.takeActions() == [.add([p1], generation: 1)])
        cycle.added(generation: 0, now: time(31))
        #expect(cycle.takeActions().isEmpty)
        cycle.added(generation: 1, now: time(31))
        #expect(cycle.takeActions() == [.admit([p1])])
        cycle.sent(now: time(32))
        cycle.tick(now: time(100))
        #expect(cycle.takeActions().isEmpty)
        // The batch that was out before does not hold this one up, nor does its answer let it go on too early.
        cycle.acknowledged(now: time(101))
        cycle.tick(now: time(200))
        #expect(cycle.takeActions() == [.prepareProgress])
    }

    @Test("A transaction that takes too long is given up before its coordinator does")
    func timeout() {
        var cycle = written()
        cycle.tick(now: time(1500))
        #expect(cycle.phase == .closing)
        #expect(cycle.nextWake == time(40_010))
        cycle.tick(now: time(40_010))
        #expect(cycle.phase == .halted)
        guard case .recover? = cycle.takeActions().first else {
            Issue.record("it is not given up")
            return
        }
    }

    @Test("A partition that is announced while the transaction ends waits for the next one")
    func lateAnnouncement() {
        var cycle = written()
        cycle.want(p1, now: time(20))
        _ = cycle.takeActions()
        cycle.hurry(now: time(20))
        cycle.acknowledged(now: time(21))
        #expect(cycle.takeActions().isEmpty)
        cycle.added(generation: 0, now: time(22))
        #expect(cycle.takeActions() == [.prepareProgress])
        #expect(!cycle.admits(p1))
        cycle.record(to: [progress], now: time(22))
        cycle.added(generation: 0, now: time(22))
        cycle.recorded(now: time(22))
        cycle.committed(generation: 0, now: time(23))
        #expect(cycle.takeActions().suffix(2) == [.deliver, .add([p1], generation: 0)])
    }
}
