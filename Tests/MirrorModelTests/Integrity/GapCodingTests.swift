import KafkaProtocol
import MirrorModel
import Testing

@Suite struct GapCodingTests {
    private var gap: Gap {
        Gap(
            flow: "A->B",
            kind: .retention,
            cluster: "A",
            partition: TopicPartition(topic: "t\u{E9}\"", partition: 3),
            sourceTopic: "t\u{E9}\"",
            topicID: KafkaUUID(high: 1, low: 2),
            from: 10,
            to: 29,
            records: 20,
            targetOffset: 9,
            timestamp: 1_700_000_000_000,
            policy: .pause,
            text: "gone"
        )
    }

    @Test func entriesRoundTrip() {
        #expect(Gap(bytes: gap.bytes) == gap)
        for kind in GapKind.allCases {
            var other = Gap(
                flow: "A->B",
                kind: kind,
                cluster: "B",
                partition: TopicPartition(topic: "A.t", partition: 0),
                sourceTopic: "t",
                from: 5,
                to: 4,
                text: ""
            )
            #expect(Gap(bytes: other.bytes) == other)
            #expect(other.offsets == 0)
            other.to = 5
            #expect(other.offsets == 1)
        }
    }

    @Test func fieldNamesStay() {
        let text = String(decoding: gap.bytes, as: UTF8.self)
        #expect(
            text
                == #"{"flow":"A->B","kind":"retention","cluster":"A","topic":"té\"","partition":3,"sourceTopic":"té\"","topicId":"AAAAAAAAAAEAAAAAAAAAAg","from":10,"to":29,"records":20,"targetOffset":9,"timestamp":1700000000000,"policy":"pause","text":"gone"}"#
        )
        #expect(
            String(decoding: gap.key, as: UTF8.self)
                == #"{"flow":"A->B","kind":"retention","cluster":"A","topic":"té\"","partition":3,"topicId":"AAAAAAAAAAEAAAAAAAAAAg","from":10}"#
        )
    }

    @Test func aFindingHasOneKeyHoweverOftenItIsMade() {
        var again = gap
        again.timestamp += 1
        again.to += 7
        #expect(again.key == gap.key)
        again.from += 1
        #expect(again.key != gap.key)
        var cut = gap
        cut.kind = .truncation
        var other = cut
        other.to += 1
        #expect(cut.key != other.key)
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"flow":"A->B"}"#,
        #"{"flow":"A->B","kind":"x","cluster":"A","topic":"t","partition":0,"from":0,"to":1}"#,
    ])
    func malformedEntriesAreNone(text: String) {
        #expect(Gap(bytes: text.utf8) == nil)
    }

    @Test func controlRecordsRoundTrip() {
        let partition = TopicPartition(topic: "t", partition: 2)
        for kind in [ControlKey.Kind.quarantine, .release] {
            let key = ControlKey(kind, flow: "A->B", partition: partition)
            #expect(ControlKey(bytes: key.bytes) == key)
        }
        #expect(ControlKey(bytes: #"{"type":"release","flow":"A->B","topic":"t","partition":-1}"#.utf8) == nil)
        let entry = QuarantineEntry(
            code: "damagedData",
            cluster: "A",
            offset: 7,
            batchEnd: 9,
            isRetried: true,
            since: 5,
            message: "m",
            nextStep: "n"
        )
        #expect(QuarantineEntry(bytes: entry.bytes) == entry)
        for action in [ReleaseOrder.Action.goOn, .skipTo(12), .skipBatch] {
            var order = ReleaseOrder(id: "x", action: action, timestamp: 3)
            #expect(ReleaseOrder(bytes: order.bytes) == order)
            order.answer = "done"
            #expect(ReleaseOrder(bytes: order.bytes) == order)
        }
        #expect(ReleaseOrder(bytes: #"{"id":"x","action":"skip-to","timestamp":3}"#.utf8) == nil)
    }
}
