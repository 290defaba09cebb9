import KafkaProtocol
import NIOCore
import TestSupport
import Testing

@Suite struct KafkaStringTests {
    @Test func comparesBytes() {
        let composed = KafkaString("caf\u{e9}")
        let decomposed = KafkaString("cafe\u{301}")
        #expect(composed.string == decomposed.string)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(composed.hashValue == KafkaString("caf\u{e9}").hashValue)
    }

    @Test func ordersBytes() {
        let sorted: [KafkaString] = ["", "a", "a\u{0}", "ab", "b", "e\u{301}", "\u{e9}", "\u{ffff}", "\u{1f600}"]
        #expect(sorted.shuffled().sorted() == sorted)
    }

    @Test func isAString() {
        let number = 3
        let text: KafkaString = "topic-\(number)"
        #expect(text.string == "topic-3")
        #expect("\(text)" == "topic-3")
        #expect(!text.isEmpty)
    }
}

@Suite struct KafkaUUIDTests {
    @Test func readsWhatItWrites() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let uuid = KafkaUUID(high: generator.next(), low: generator.next())
            #expect(KafkaUUID(uuid.description) == uuid)
        }
    }

    @Test func hasKafkasForm() {
        // A topic id that a broker chose, in both of its forms.
        let uuid = KafkaUUID(high: 0x35cf_5635_1c4b_4ba6, low: 0xbac6_0c36_ed1d_e40d)
        #expect(uuid.description == "Nc9WNRxLS6a6xgw27R3kDQ")
        #expect(KafkaUUID.zero.description == "AAAAAAAAAAAAAAAAAAAAAA")
        #expect(KafkaUUID(high: .max, low: .max).description == "_____________________w")
    }

    @Test func refusesOtherText() {
        #expect(KafkaUUID("") == nil)
        #expect(KafkaUUID("AAAAAAAAAAAAAAAAAAAAA") == nil)
        #expect(KafkaUUID("AAAAAAAAAAAAAAAAAAAAAB") == nil)
        #expect(KafkaUUID("AAAAAAAAAAAAAAAAAAAA+A") == nil)
    }

    @Test func randomOnesAreVersionFour() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            let uuid = KafkaUUID.random(using: &generator)
            #expect(uuid.high >> 12 & 0xf == 4)
            #expect(uuid.low >> 62 == 2)
            #expect(!uuid.description.hasPrefix("-"))
        }
    }
}

@Suite struct RecordDataTests {
    @Test func joinsWithoutCopyingOnePiece() {
        let piece = ByteBuffer(repeating: 1, count: 5_000)
        #expect(RecordData(piece).joined() == piece)
        #expect(RecordData(parts: [piece, piece]).byteCount == 10_000)
        #expect(RecordData(parts: []).parts == [ByteBuffer()])
    }

    @Test func equalityIgnoresTheCuts() {
        let one = RecordData(ByteBuffer(string: "abcdef"))
        var several = RecordData(parts: [ByteBuffer(string: "ab")])
        several.append(ByteBuffer(string: "cdef"))
        #expect(one == several)
        #expect(several.parts.count == 2)
        several.append(ByteBuffer(string: "g"))
        #expect(one != several)
    }
}

@Suite struct NameTests {
    @Test func partitions() {
        let partition = TopicPartition(topic: "orders", partition: 3)
        #expect("\(partition)" == "orders-3")
        #expect(partition < TopicPartition(topic: "orders", partition: 10))
        #expect(partition < TopicPartition(topic: "orders.v2", partition: 0))
    }

    @Test func apiKeys() {
        #expect(ApiKey.fetch.rawValue == 1)
        #expect("\(ApiKey.fetch)" == "Fetch")
        #expect("\(ApiKey(999))" == "Api(999)")
        #expect(ApiKey(999).request == nil)
        for request in ApiKey.requests { #expect("\(request)" == "\(request.apiKey)Request") }
    }
}
