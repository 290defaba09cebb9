import ArgumentParser
import KafkaProtocol
import MirrorModel
import Testing

@testable import MirrorCommands

@Suite struct IntegrityCommandTests {
    private let gap = Gap(
        flow: "A->B",
        kind: .retention,
        cluster: "A",
        partition: TopicPartition(topic: "orders", partition: 3),
        sourceTopic: "orders",
        from: 10,
        to: 19,
        timestamp: 1_700_000_000_000,
        text: "gone"
    )

    @Test func gapsAreATable() {
        #expect(GapsCommand.lines([], .table) == ["no gaps"])
        let lines = GapsCommand.lines([gap], .table)
        #expect(lines[0].hasPrefix("FOUND                 FLOW  KIND       CLUSTER  PARTITION"))
        #expect(
            lines[1] == "2023-11-14T22:13:20Z  A->B  retention  A        orders-3   10    19  ?        continue  gone"
        )
    }

    @Test func gapsAreJSONToo() {
        #expect(GapsCommand.lines([gap], .json) == [String(decoding: gap.bytes, as: UTF8.self)])
    }

    @Test func stoppedPartitionsAreListed() {
        let entry = QuarantineEntry(
            code: "damagedData",
            cluster: "A",
            offset: 7,
            isRetried: true,
            since: 1_700_000_000_000,
            message: "broken",
            nextStep: "Repair it."
        )
        let partition = TopicPartition(topic: "t", partition: 0)
        let lines = QuarantineListCommand.lines([("A->B", partition, entry)], .table)
        #expect(lines[1].hasPrefix("2023-11-14T22:13:20Z  A->B  t-0"))
        #expect(lines[1].hasSuffix("broken. Repair it."))
        let json = QuarantineListCommand.lines([("A->B", partition, entry)], .json)[0]
        #expect(json.hasPrefix(#"{"type":"quarantine","flow":"A->B","topic":"t","partition":0,"code":"damagedData""#))
        #expect(QuarantineListCommand.lines([], .table) == ["no partition is stopped"])
    }

    @Test func wrongCommandLinesAreRefused() {
        let wrong = [
            ["f", "--topic", "t", "--skip-to", "3"],
            ["f", "--topic", "t", "--partition", "0", "--skip-to", "3", "--skip-batch"],
            ["f", "--topic", "t", "--partition", "0", "--skip-to", "-3"],
            ["f"],
        ]
        for arguments in wrong {
            #expect(throws: (any Error).self) { try QuarantineReleaseCommand.parse(arguments) }
        }
        #expect(throws: Never.self) {
            try QuarantineReleaseCommand.parse(["f", "--topic", "t", "--partition", "0", "--skip-to", "3"])
        }
    }

    @Test func topicsMatchHereAndAtTheSource() throws {
        #expect(try TopicPattern(nil).matches(gap))
        #expect(try TopicPattern("ord.*").matches(gap))
        #expect(try !TopicPattern("ord").matches(gap))
        #expect(throws: (any Error).self) { try TopicPattern("(") }
    }
}
