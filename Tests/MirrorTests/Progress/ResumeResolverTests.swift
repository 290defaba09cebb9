import KafkaClient
import KafkaProtocol
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
            let flow = try clusters.flow("A.consumer.auto.offset.reset = latest")
            try await clusters.withClient(of: clusters.a) { client in
                let resolver = ResumeResolver(
                    source: client,
                    target: client,
                    configuration: flow,
                    logger: clusters.logger
                )
                let partitions = ["old", "new"].map { name in
                    TopicPlan.Mirrored(
                        source: TopicPartition(topic: TopicName(name), partition: 0),
                        sourceTopicID: .zero,
                        target: TopicPartition(topic: TopicName("A." + name), partition: 0),
                        targetTopicID: .zero
                    )
                }
                let decisions = await resolver.resolve(
                    partitions,
                    ledger: ProgressLedger(),
                    initial: [partitions[0].source],
                    deadline: .after(.seconds(10))
                )
                for (mirrored, decision) in decisions {
                    guard case .begin(let assignment) = decision else {
                        Issue.record("\(decision)")
                        continue
                    }
                    #expect(assignment.start == (mirrored.source.topic == "old" ? .latest : .earliest))
                }
            }
        }
    }
}
