import KafkaClient
import KafkaProtocol
import KafkaRecords
import LocalKafka
import MirrorModel
import NIOCore
import Testing

@testable import Mirror

@Suite struct ResumeResolverTests {
    /// What the source holds, what its mirror holds, what progress says, and where mirroring has to go on.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var source: [String]
        /// What the target held before.
        var leftOver: [String] = []
        var target: [String]
        var progress: ProgressRecord?
        var start: StartPosition
        var resumed: PartitionPosition?

        var testDescription: String { name }
    }

    private static func began(behind offset: Int64) -> ProgressRecord {
        var record = ProgressRecord(offset: offset)
        record.isStart = true
        return record
    }

    static let cases = [
        Case(
            name: "begun with the first record, nothing mirrored",
            source: ["a", "b"],
            target: [],
            progress: began(behind: -1),
            start: .offset(0),
            resumed: PartitionPosition(sourceOffset: -1)
        ),
        Case(
            name: "begun with the first record, killed before the next write",
            source: ["a", "b", "c"],
            target: ["a", "b"],
            progress: began(behind: -1),
            start: .offset(2),
            resumed: PartitionPosition(sourceOffset: 1, targetOffset: 1)
        ),
        Case(
            name: "begun in the middle, the target holds others",
            source: ["a", "b", "c"],
            target: ["x"],
            progress: began(behind: 1),
            start: .offset(2),
            resumed: PartitionPosition(sourceOffset: 1)
        ),
        Case(name: "nothing is known", source: ["a"], target: [], progress: nil, start: .earliest),
        Case(
            name: "progress of MirrorMaker",
            source: ["a", "b"],
            target: ["a"],
            progress: ProgressRecord(offset: 0),
            start: .offset(1),
            resumed: PartitionPosition(sourceOffset: 0)
        ),
        Case(
            name: "the target ends where progress says",
            source: ["a", "b", "c"],
            target: ["a", "b"],
            progress: ProgressRecord(offset: 1, targetOffset: 1),
            start: .offset(2),
            resumed: PartitionPosition(sourceOffset: 1, targetOffset: 1)
        ),
        Case(
            name: "records came after the last write of progress",
            source: ["a", "b", "c", "d"],
            target: ["a", "b", "c"],
            progress: ProgressRecord(offset: 0, targetOffset: 0),
            start: .offset(3),
            resumed: PartitionPosition(sourceOffset: 2, targetOffset: 2)
        ),
        Case(
            name: "somebody else wrote to the target",
            source: ["a", "b", "c", "d"],
            target: ["a", "b", "x"],
            progress: ProgressRecord(offset: 0, targetOffset: 0),
            start: .offset(2),
            resumed: PartitionPosition(sourceOffset: 1, targetOffset: 1)
        ),
        Case(
            name: "the target lost its last records",
            source: ["a", "b", "c"],
            target: ["a"],
            progress: ProgressRecord(offset: 2, targetOffset: 2),
            start: .offset(1),
            resumed: PartitionPosition(sourceOffset: 0, targetOffset: 0)
        ),
        Case(
            name: "the target lost everything",
            source: ["a", "b", "c"],
            target: [],
            progress: ProgressRecord(offset: 2, targetOffset: 2),
            start: .earliest
        ),
        Case(
            name: "the target lost records and others came",
            source: ["a", "b", "c"],
            target: ["x"],
            progress: ProgressRecord(offset: 2, targetOffset: 2),
            start: .earliest
        ),
    ]

    private static func another(_ offset: Int64, at targetOffset: Int64?) -> ProgressRecord {
        ProgressRecord(offset: offset, targetOffset: targetOffset, sourceTopicID: KafkaUUID(high: 7, low: 7))
    }

    static let recreated = [
        Case(
            name: "another source topic, nothing of it mirrored",
            source: ["a", "b"],
            leftOver: ["old"],
            target: [],
            progress: another(5, at: 0),
            start: .offset(0),
            resumed: PartitionPosition(sourceOffset: -1, targetOffset: 0)
        ),
        Case(
            name: "another source topic, killed before the next write",
            source: ["a", "b"],
            leftOver: ["old"],
            target: ["a"],
            progress: another(5, at: 0),
            start: .offset(1),
            resumed: PartitionPosition(sourceOffset: 0, targetOffset: 1)
        ),
        Case(
            name: "another source topic, the old one's last records and some of the new one behind the progress",
            source: ["a", "b"],
            leftOver: ["old", "older"],
            target: ["a"],
            progress: another(5, at: 0),
            start: .offset(1),
            resumed: PartitionPosition(sourceOffset: 0, targetOffset: 2)
        ),
        Case(
            name: "another source topic, progress of an earlier version",
            source: ["a", "b"],
            leftOver: ["old"],
            target: [],
            progress: another(5, at: nil),
            start: .offset(0),
            resumed: PartitionPosition(sourceOffset: -1)
        ),
    ]

    @Test(arguments: cases + recreated) func goesOnWhereTheTargetEnds(_ test: Case) async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.b.createTopic("A.t", partitions: 1)
            if !test.source.isEmpty { try await clusters.append(test.source, to: "t", of: clusters.a) }
            if !test.leftOver.isEmpty { try await clusters.append(test.leftOver, to: "A.t", of: clusters.b) }
            if !test.target.isEmpty { try await clusters.append(test.target, to: "A.t", of: clusters.b) }
            let flow = try clusters.flow()
            try await clusters.withClient(of: clusters.a) { source in
                try await clusters.withClient(of: clusters.b) { target in
                    try await source.refreshMetadata(.all)
                    try await target.refreshMetadata(.all)
                    let mirrored = TopicPlan.Mirrored(
                        source: TopicPartition(topic: "t", partition: 0),
                        sourceTopicID: try #require(source.metadata.topics["t"]?.topicID),
                        target: TopicPartition(topic: "A.t", partition: 0),
                        targetTopicID: try #require(target.metadata.topics["A.t"]?.topicID)
                    )
                    let resolver = ResumeResolver(
                        source: source,
                        target: target,
                        configuration: flow,
                        logger: clusters.logger
                    )
                    let decisions = await resolver.resolve(
                        [mirrored],
                        ledger: ProgressLedger(loaded: test.progress.map { [mirrored.source: $0] } ?? [:]),
                        initial: [mirrored.source],
                        deadline: .after(.seconds(10))
                    )
                    guard case .begin(let assignment) = try #require(decisions.first).1 else {
                        Issue.record("\(decisions)")
                        return
                    }
                    #expect(assignment.start == test.start)
                    #expect(assignment.resumed?.sourceOffset == test.resumed?.sourceOffset)
                    #expect(assignment.resumed?.targetOffset == test.resumed?.targetOffset)
                    #expect(assignment.sourceTopicID == mirrored.sourceTopicID)
                }
            }
        }
    }

    @Test func theLatestIsOnlyForWhatWasThereAtTheStart() async throws {
        try await TwoClusters.run { clusters in
            for topic in ["old", "new"] as [TopicName] {
                try await clusters.a.createTopic(topic, partitions: 1)
                try await clusters.b.createTopic("A.\(topic)", partitions: 1)
                try await clusters.append(["1", "2"], to: topic, of: clusters.a)
            }
            try await clusters.append(["x"], to: "A.old", of: clusters.b)
            let flow = try clusters.flow("A.consumer.auto.offset.reset = latest")
            try await Self.withResolver(clusters, flow) { resolver, mirrored in
                let partitions = [try mirrored("old"), try mirrored("new")]
                let decisions = await resolver.resolve(
                    partitions,
                    ledger: ProgressLedger(),
                    initial: [partitions[0].source],
                    deadline: .after(.seconds(10))
                )
                for (mirrored, decision) in decisions {
                    switch decision {
                    case .beginOnceWritten(let assignment, let record):
                        #expect(mirrored.source.topic == "old" && assignment.start == .offset(2))
                        #expect(record.isStart && record.offset == 1 && record.targetStart == 1)
                    case .begin(let assignment):
                        #expect(mirrored.source.topic == "new" && assignment.start == .earliest)
                    default: Issue.record("\(decision)")
                    }
                }
            }
        }
    }

    @Test func aPlaceThatWasWrittenDownIsFoundAgain() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.b.createTopic("A.t", partitions: 1)
            // The same values in both topics before mirroring began: they are not to be taken for copies.
            try await clusters.append(["a", "b", "c", "d", "e"], to: "t", of: clusters.a)
            try await clusters.append(["a", "b"], to: "A.t", of: clusters.b)
            var start = ProgressRecord(offset: 1)
            start.isStart = true
            start.targetStart = 2
            let flow = try clusters.flow("A.consumer.auto.offset.reset = latest")
            try await Self.withResolver(clusters, flow) { resolver, mirrored in
                let partition = try mirrored("t")
                let ledger = ProgressLedger(loaded: [partition.source: start])
                func decide() async throws -> ResumeResolver.Decision {
                    let decisions = await resolver.resolve(
                        [partition],
                        ledger: ledger,
                        initial: [partition.source],
                        deadline: .after(.seconds(10))
                    )
                    return try #require(decisions.first).1
                }
                guard case .begin(let first) = try await decide() else { throw TimedOut() }
                #expect(first.start == .offset(2))
                let copies = try await clusters.a.batches("t", 0).flatMap { try $0.records(codecs: nil) }[2...3]
                var builder = RecordBatchBuilder()
                for copy in copies { builder.append(timestamp: copy.timestamp, key: copy.key, value: copy.value) }
                try await clusters.b.append([try builder.build(codecs: nil)], to: "A.t", 0)
                guard case .begin(let second) = try await decide() else { throw TimedOut() }
                #expect(second.start == .offset(4) && second.resumed?.targetOffset == 3)
            }
        }
    }

    @Test func aTargetOfManyRecordsWithoutProgressIsComparedInPieces() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.b.createTopic("A.t", partitions: 1)
            let batches = try (0..<200).map { try ShardHarness.batch($0 * 100..<$0 * 100 + 100, codec: .lz4) }
            try await clusters.a.append(batches, to: "t", 0)
            try await clusters.b.append(Array(batches.dropLast()), to: "A.t", 0)
            try await Self.withResolver(clusters, try clusters.flow()) { resolver, mirrored in
                let partition = try mirrored("t")
                var pieces = 0
                while true {
                    // A piece is at most as long as the call, which is too short for all of it here.
                    let decisions = await resolver.resolve(
                        [partition],
                        ledger: ProgressLedger(),
                        initial: [partition.source],
                        deadline: .after(.milliseconds(100))
                    )
                    pieces += 1
                    switch try #require(decisions.first).1 {
                    case .begin(let assignment):
                        #expect(assignment.start == .offset(19_900) && assignment.resumed?.targetOffset == 19_899)
                        return
                    case .comparing(let count, _): #expect(count < 19_900 && pieces < 1_000)
                    case .wait: #expect(pieces < 1_000)
                    case .beginOnceWritten, .beginWhenWritten: Issue.record("not the latest")
                    }
                }
            }
        }
    }

    @Test("a comparison goes on in the next process where it was when the last one was killed")
    func comparisonsSurviveTheirProcess() async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            try await clusters.b.createTopic("A.t", partitions: 1)
            let batches = try (0..<100).map { try ShardHarness.batch($0 * 100..<$0 * 100 + 100) }
            try await clusters.a.append(batches, to: "t", 0)
            try await clusters.b.append(Array(batches.dropLast()), to: "A.t", 0)
            var kept: [TopicPartition: ProgressRecord] = [:]
            var lives = 0
            while true {
                var ledger = ProgressLedger(loaded: kept)
                let before = kept.values.first?.offset ?? -1
                let isDone = try await Self.withResolver(
                    clusters,
                    try clusters.flow(),
                    fetchBytes: 16 << 10,
                    slice: .milliseconds(30)
                ) {
                    resolver,
                    mirrored in
                    let partition = try mirrored("t")
                    // A part of it; then the process is gone.
                    let decisions = await resolver.resolve(
                        [partition],
                        ledger: ledger,
                        initial: [partition.source],
                        deadline: .after(.seconds(10))
                    )
                    switch try #require(decisions.first).1 {
                    case .begin(let assignment):
                        #expect(assignment.start == .offset(9_900) && assignment.resumed?.targetOffset == 9_899)
                        let map = FlowOffsets().begin(assignment, persisted: ledger.takeOffsetMap(of: partition))
                            .offsets
                        for offset: Int64 in [0, 1_234, 9_899, 9_900] {
                            #expect(map?.translate(source: offset) == .exact(offset))
                        }
                        return true
                    case .comparing(_, let proven?):
                        ledger.proved(proven, of: partition)
                        var record = try #require(ledger.known[partition.source])
                        record.offsetMap = ledger.offsetMap(of: partition)
                        #expect(record.offset > before && record.targetOffset == record.offset)
                        kept = [partition.source: try #require(ProgressRecord(bytes: record.bytes))]
                    case .comparing(_, nil), .wait: break
                    case .beginOnceWritten, .beginWhenWritten: Issue.record("not the latest")
                    }
                    return false
                }
                lives += 1
                if isDone { break }
                try #require(lives < 1_000)
            }
            print("a comparison of 9,900 records took \(lives) processes")
            #expect(lives > 1)
        }
    }

    @Test func whatIsSurelyNotOursIsNotReadToItsEnd() {
        let mirrored = TopicPlan.Mirrored(
            source: TopicPartition(topic: "t", partition: 0),
            sourceTopicID: .zero,
            target: TopicPartition(topic: "A.t", partition: 0),
            targetTopicID: .zero
        )
        var plan = ResumePlan(
            mirrored,
            resumption: .nothingKnown,
            startOffset: .earliest,
            isInitial: true,
            targetEnd: 50_000_000
        )
        var asked = 0
        while case .ask(let question) = plan.next, asked < 1_000 {
            asked += 1
            switch question {
            case .logStart, .epochEnd: plan.answer(.offset(0))
            case .records(let side, let from):
                let records = (from..<from + 1_000).map { offset in
                    let time: Int64 = side == .source ? 1 : 2
                    return SeenRecord(Record(offset: offset, timestamp: time, key: nil, value: nil), epoch: 0)
                }
                plan.answer(.records(records, next: from + 1_000))
            }
        }
        #expect(asked < 30)
        guard case .begin(let assignment) = plan.next else {
            Issue.record("\(plan.next)")
            return
        }
        #expect(assignment.start == .earliest && assignment.resumed == nil)
        guard case .unproven(10_000, among: _)? = plan.notices.first, plan.notices.count == 1 else {
            Issue.record("\(plan.notices)")
            return
        }
    }

    /// Runs `body` with a resolver and a function that names the partition 0 of a topic of A.
    private static func withResolver<Value: Sendable>(
        _ clusters: TwoClusters,
        _ flow: FlowConfiguration,
        fetchBytes: Int32 = 4 << 20,
        slice: Duration = .seconds(1),
        _ body: (ResumeResolver, (TopicName) throws -> TopicPlan.Mirrored) async throws -> Value
    ) async throws -> Value {
        try await clusters.withClient(of: clusters.a) { source in
            try await clusters.withClient(of: clusters.b) { target in
                try await source.refreshMetadata(.all)
                try await target.refreshMetadata(.all)
                let resolver = ResumeResolver(
                    source: source,
                    target: target,
                    configuration: flow,
                    fetchBytes: fetchBytes,
                    slice: slice,
                    logger: clusters.logger
                )
                return try await body(resolver) { topic in
                    TopicPlan.Mirrored(
                        source: TopicPartition(topic: topic, partition: 0),
                        sourceTopicID: try #require(source.metadata.topics[topic]?.topicID),
                        target: TopicPartition(topic: "A.\(topic)", partition: 0),
                        targetTopicID: try #require(target.metadata.topics["A.\(topic)"]?.topicID)
                    )
                }
            }
        }
    }
}
