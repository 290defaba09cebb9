import KafkaClient
import KafkaProtocol
import LocalKafka
import Mirror
import MirrorModel
import NIOCore
import NIOPosix
import Testing

@Suite("Exactly-once mode when things go wrong", .serialized, .timeLimit(.minutes(5)))
struct ExactlyOnceFaultTests {
    private let mode = TwoClusters.exactlyOnce

    struct Case: Sendable, CustomTestStringConvertible {
        var api: ApiKey
        var fault: Fault
        var testDescription: String { "\(api) \(fault)" }
    }

    private static let cases: [Case] =
        [.closeAfter, .close, .dropAnswer, .garbage].flatMap { fault in
            [ApiKey.produce, .addPartitionsToTxn, .endTxn].map { Case(api: $0, fault: fault) }
        }
        + [
            ErrorCode.notLeaderOrFollower, .requestTimedOut, .notEnoughReplicasAfterAppend, .invalidProducerEpoch,
            .producerFenced, .outOfOrderSequenceNumber, .invalidTxnState, .transactionAbortable,
            .invalidProducerIDMapping,
            .unknownProducerID, .concurrentTransactions, .corruptMessage,
        ].map { Case(api: .produce, fault: .error($0)) }
        + [
            ErrorCode.concurrentTransactions, .notCoordinator, .coordinatorLoadInProgress, .producerFenced,
            .invalidProducerIDMapping, .invalidTxnState, .transactionAbortable, .unknownTopicOrPartition,
        ].map { Case(api: .addPartitionsToTxn, fault: .error($0)) }
        + [
            ErrorCode.concurrentTransactions, .notCoordinator, .coordinatorNotAvailable, .producerFenced,
            .invalidProducerEpoch, .invalidTxnState, .transactionAbortable, .unknownServerError,
        ].map { Case(api: .endTxn, fault: .error($0)) }

    @Test("An error or a lost answer, once at once and once later, and everything is there once", arguments: cases)
    func onceEach(_ example: Case) async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append(["warm"], to: "t", of: clusters.a)
            // Short enough to see requests without an answer through.
            let lines = mode + "\nB.producer.request.timeout.ms = 700\nB.request.timeout.ms = 700"
            try await clusters.withService(lines) { _ in
                try await eventually("the first is there") { try await clusters.committed("A.t") == ["warm"] }
                var expected = ["warm"]
                for round in 0..<3 {
                    if round < 2 {
                        try await clusters.b.faults.inject(example.api, example.fault, skip: round)
                    }
                    let values = (0..<5).map { "\(round)-\($0)" }
                    try await clusters.append(values, to: "t", of: clusters.a)
                    expected += values
                    if round == 1 { continue }
                    let last = values.last
                    try await eventually("round \(round)", within: .seconds(60)) {
                        try await clusters.committed("A.t").last == last
                    }
                }
                #expect(try await clusters.committed("A.t") == expected)
            }
        }
    }

    @Test("Coordinators move, brokers restart, leaders move: every record once, in order")
    func moves() async throws {
        try await TwoClusters.run(brokers: 3) { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.b.createTopic("A.t", partitions: 1, replicationFactor: 3)
            var expected: [String] = []
            try await clusters.withService(mode) { _ in
                for round in 0..<9 {
                    let values = (0..<10).map { "\(round)-\($0)" }
                    expected += values
                    try await clusters.append(values, to: "t", of: clusters.a)
                    let broker = Int32(round % 3)
                    switch round / 3 {
                    case 0:
                        for shard in 0..<4 {
                            try await clusters.b.moveCoordinator(
                                ofTransaction: KafkaString("A-mm2-MirrorSourceConnector-\(shard)"),
                                to: broker
                            )
                        }
                    case 1: try await clusters.b.moveLeader("A.t", 0, to: broker)
                    default:
                        try await clusters.b.setBroker(broker, isUp: false)
                        try await clusters.b.setBroker(broker, isUp: true)
                    }
                }
                let last = expected.last
                try await eventually("all of it", within: .seconds(40)) {
                    try await clusters.committed("A.t").last == last
                }
            }
            #expect(try await clusters.committed("A.t") == expected)
        }
    }

    @Test(
        "Killed while any request is out, whether it was carried out or not",
        arguments: [
            ApiKey.initProducerID, .addPartitionsToTxn, .produce, .endTxn,
        ],
        [Fault.drop, .dropAnswer]
    )
    func killedAtEachStep(api: ApiKey, fault: Fault) async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            var expected: [String] = []
            for skip in 0..<4 {
                let values = (0..<5).map { "\(skip)-\($0)" }
                expected += values
                try await clusters.append(values, to: "t", of: clusters.a)
                try await clusters.b.faults.inject(api, fault, skip: skip)
                try await clusters.withKilledService(mode) { _ in
                    let begin = ContinuousClock.now
                    // Either the request is out, or there is none of the kind so late.
                    try await eventually("it is out") {
                        if try await clusters.b.faults.pending() == 0 { return true }
                        return ContinuousClock.now - begin > .milliseconds(1_500)
                    }
                }
                try await clusters.b.faults.clear()
            }
            try await clusters.withService(mode) { _ in
                let last = expected.last
                try await eventually("all of it", within: .seconds(60)) {
                    try await clusters.committed("A.t").last == last
                }
            }
            #expect(try await clusters.committed("A.t") == expected)
        }
    }

    @Test("A transaction that its coordinator gave up is written again")
    func timedOut() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append(["1"], to: "t", of: clusters.a)
            let lines = mode + "\nB.producer.transaction.timeout.ms = 1000"
            try await clusters.withService(lines) { service in
                try await eventually("the first") { try await clusters.committed("A.t") == ["1"] }
                try await clusters.b.faults.inject(.endTxn, .delay(1_500))
                try await clusters.append(["2"], to: "t", of: clusters.a)
                try await eventually("the second", within: .seconds(60)) {
                    try await clusters.committed("A.t") == ["1", "2"]
                }
                // A delayed record: given up before the coordinator does.
                try await clusters.b.faults.inject(.produce, .delay(1_500))
                try await clusters.append(["3"], to: "t", of: clusters.a)
                try await eventually("the third", within: .seconds(60)) {
                    try await clusters.committed("A.t") == ["1", "2", "3"]
                }
                #expect(await service.status().first?.phase == .running)
            }
        }
    }

    @Test("One that is refused stops alone, what came before it is committed")
    func refusedAlone() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("large", partitions: 1)
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.b.createTopic("A.large", partitions: 1, configs: ["max.message.bytes": "1000"])
            let big = String(repeating: "x", count: 3_000)
            try await clusters.append(["small"], to: "large", of: clusters.a)
            try await clusters.append([big], to: "large", of: clusters.a)
            try await clusters.withService(mode) { service in
                try await eventually("it is quarantined") {
                    await service.status().first?.partitions.contains {
                        if case .quarantined = $0.state { true } else { false }
                    } ?? false
                }
                #expect(try await clusters.committed("A.large") == ["small"])
                try await clusters.append(["other"], to: "t", of: clusters.a)
                try await eventually("the other goes on") { try await clusters.committed("A.t") == ["other"] }
                try await clusters.b.setTopicConfigs("A.large", ["max.message.bytes": "10000"])
                try await eventually("it goes on", within: .seconds(60)) {
                    try await clusters.committed("A.large") == ["small", big]
                }
            }
        }
    }

    @Test("A commit that failed is not taken for one that succeeded because of partitions without records")
    func firstCommitFails() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            // One for each event loop, and all at their end already, as the other mode has left them.
            try await clusters.a.createTopic("idle", partitions: 8)
            for partition in 0..<8 {
                _ = try await clusters.a.append([try ShardHarness.batch(0..<1)], to: "idle", Int32(partition))
            }
            try await clusters.append(["0"], to: "t", of: clusters.a)
            try await clusters.withService { service in
                try await eventually("all is mirrored") {
                    let status = await service.status().first
                    return status?.partitions.count == 9 && status?.isCaughtUp == true
                }
            }
            try await clusters.append(["1"], to: "t", of: clusters.a)
            // The first is the process's claim; then those of its shards.
            try await clusters.b.faults.inject(.endTxn, count: 4, .error(.transactionAbortable), skip: 1)
            try await clusters.withService(mode) { _ in
                try await eventually("the second is there", within: .seconds(60)) {
                    try await clusters.committed("A.t").count >= 2
                }
                try await clusters.append(["2"], to: "t", of: clusters.a)
                try await eventually("the third is there", within: .seconds(60)) {
                    try await clusters.committed("A.t").last == "2"
                }
            }
            #expect(try await clusters.committed("A.t") == ["0", "1", "2"])
        }
    }

    @Test("A second process takes over; the first one stops with one message and nothing comes twice")
    func takenOver() async throws {
        try await TwoClusters.run { clusters in
            let log = LogLines()
            let first = TwoClusters(a: clusters.a, b: clusters.b, group: clusters.group, logger: log.logger)
            try await clusters.a.createTopic("t", partitions: 2)
            try await clusters.append(["0"], to: "t", of: clusters.a)
            var expected = ["0"]
            try await first.withService(mode) { old in
                try await eventually("the first") { try await clusters.committed("A.t") == ["0"] }
                // Another number of event loops, so that partitions and ids go together in another way.
                let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
                let second = TwoClusters(a: clusters.a, b: clusters.b, group: group, logger: clusters.logger)
                let writing = Task {
                    for round in 1...30 {
                        try await clusters.append(["\(round)"], to: "t", of: clusters.a)
                        try await Task.sleep(for: .milliseconds(10))
                    }
                }
                try await second.withService(mode) { new in
                    try await writing.value
                    expected += (1...30).map { "\($0)" }
                    try await eventually("all of it", within: .seconds(60)) {
                        try await clusters.committed("A.t").last == "30"
                    }
                    try await eventually("the old one has stopped", within: .seconds(60)) {
                        if case .lost = await old.status().first?.phase { true } else { false }
                    }
                    #expect(try await clusters.committed("A.t") == expected)
                    #expect(await new.status().first?.phase == .running)
                    try await clusters.append(["end"], to: "t", of: clusters.a)
                    expected.append("end")
                    try await eventually("it goes on") { try await clusters.committed("A.t").last == "end" }
                }
                try await group.shutdownGracefully()
            }
            #expect(try await clusters.committed("A.t") == expected)
            #expect(log.matching("error", "the flow has stopped", "another kafka-mirror process").count == 1)
        }
    }

    @Test("A process with nothing to write notices, too, that another one has taken over")
    func takenOverWhileIdle() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.append(["0"], to: "t", of: clusters.a)
            try await clusters.withService(mode) { old in
                try await eventually("the first") { try await clusters.committed("A.t") == ["0"] }
                try await clusters.withService(mode) { new in
                    try await eventually("the old one has stopped", within: .seconds(60)) {
                        if case .lost = await old.status().first?.phase { true } else { false }
                    }
                    #expect(await new.status().first?.phase == .running)
                }
            }
            #expect(try await clusters.committed("A.t") == ["0"])
        }
    }

    @Test("Between the two modes nothing is lost and nothing comes twice")
    func changingModes() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            var expected: [String] = []
            for (round, lines) in ["", mode, "", mode].enumerated() {
                let values = (0..<5).map { "\(round)-\($0)" }
                expected += values
                try await clusters.append(values, to: "t", of: clusters.a)
                let last = values.last
                try await clusters.withKilledService(lines) { _ in
                    try await eventually("round \(round)", within: .seconds(60)) {
                        try await clusters.committed("A.t").last == last
                    }
                }
            }
            #expect(try await clusters.committed("A.t") == expected)
        }
    }
}
