import ArgumentParser
import Foundation
import KafkaProtocol
import MirrorModel
import Testing

@testable import Mirror
@testable import MirrorCommands

@Suite struct OffsetsTranslateTests {
    @Test func theCommandLine() throws {
        let arguments = ["offsets", "translate", "m.properties", "--group", "a", "--group", "b"]
        let command = try #require(
            try KafkaMirrorCommand.parseAsRoot(arguments + ["--from", "A", "--to", "B", "--format", "json"])
                as? OffsetsTranslateCommand
        )
        #expect(command.group == ["a", "b"])
        #expect(command.from == "A" && command.to == "B" && command.format == .json)
        #expect(throws: (any Error).self) { try KafkaMirrorCommand.parseAsRoot(["offsets", "translate"]) }
        #expect(throws: (any Error).self) { try KafkaMirrorCommand.parseAsRoot(arguments + ["--from", "A"]) }
        #expect(throws: (any Error).self) { try KafkaMirrorCommand.parseAsRoot(arguments + ["--format", "xml"]) }
        #expect(throws: (any Error).self) { try KafkaMirrorCommand.parseAsRoot(arguments + ["--wait", "-1"]) }
    }

    private static let answer = OffsetAnswer(
        from: "A",
        to: "B",
        groups: [
            OffsetAnswer.Group(
                id: "g",
                stateAtTarget: .active,
                lines: [
                    OffsetAnswer.Line(
                        source: TopicPartition(topic: "t", partition: 0),
                        offset: 1042,
                        metadata: "m",
                        target: TopicPartition(topic: "A.t", partition: 0),
                        position: 38,
                        precision: .exact,
                        remark: nil,
                        committed: 30
                    ),
                    OffsetAnswer.Line(
                        source: TopicPartition(topic: "t", partition: 11),
                        offset: 5,
                        metadata: "",
                        target: nil,
                        position: nil,
                        precision: .none,
                        remark: "topic not mirrored",
                        committed: nil
                    ),
                ]
            )
        ]
    )

    @Test func aTableForPeople() {
        let expected = """
            GROUP  AT A  OFFSET  AT B   OFFSET  HOW    COMMITTED THERE  REMARK
            g      t-0     1042  A.t-0      38  exact               30  the group is active there
            g      t-11       5  -           -  none                 -  topic not mirrored; the group is active there

            """
        #expect(OffsetAnswerText.table([Self.answer]) == expected)
        let empty = OffsetAnswer(from: "A", to: "B", groups: [])
        #expect(OffsetAnswerText.table([empty]) == "No group of A has committed offsets.\n")
    }

    @Test func jsonForPrograms() throws {
        let text = try OffsetAnswerText.json([Self.answer])
        let answers = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
        let group = try #require((answers.first?["groups"] as? [[String: Any]])?.first)
        #expect(group["group"] as? String == "g" && group["stateAtTarget"] as? String == "active")
        let lines = try #require(group["partitions"] as? [[String: Any]])
        #expect(lines.first?["targetOffset"] as? Int == 38 && lines.first?["precision"] as? String == "exact")
        #expect(lines.last?["targetOffset"] is NSNull && lines.last?.count == 10)
    }
}
