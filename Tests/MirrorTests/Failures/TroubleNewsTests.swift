import KafkaProtocol
import Testing

@testable import Mirror

@Suite struct TroubleNewsTests {
    private let start = ContinuousClock.now

    @Test func aTroubleIsToldOnceThenOnceAMinuteAndItsEnd() {
        var news = TroubleNews()
        let told = [
            news.tellsEnd(of: .start, now: start),
            news.tells(.start, "no answer within 3 s", now: start),
            news.tells(.start, "no answer within 9001 ms", now: start + .seconds(10)),
            news.tells(.start, "wrong password", now: start + .seconds(20)),
            news.tells(.start, "no answer within 3 s", now: start + .seconds(79)),
            news.tells(.start, "no answer within 3 s", now: start + .seconds(80)),
            news.tellsEnd(of: .start, now: start + .seconds(81)),
            news.tellsEnd(of: .start, now: start + .seconds(82)),
        ]
        #expect(told == [false, true, false, true, false, true, true, false])
    }

    @Test func numbersMakeNoOtherText() {
        var news = TroubleNews()
        let told = ["a length of -5", "a length of 123456", "a length of none", "a-b", "a-7", "a9"].map {
            news.tells(.start, $0, now: start)
        }
        #expect(told == [true, false, true, true, true, false])
    }

    @Test func manyPartitionsAreCounted() {
        var news = TroubleNews()
        var told = 0
        for partition in 0..<1_000 as Range<Int32> {
            let subject = TroubleNews.Subject.partition(TopicPartition(topic: "t", partition: partition))
            if news.tells(subject, "held up", now: start) { told += 1 }
        }
        #expect(told == 10)
        let counts = [0, 5, 10].map { news.withheld(now: start + .seconds($0)).map(\.count) }
        #expect(counts == [[], [990], []])
        let other = news.tells(.topics, "not concerned", now: start)
        #expect(other)
        let late = TroubleNews.Subject.partition(TopicPartition(topic: "u", partition: 0))
        let isToldLater = news.tells(late, "held up", now: start + .seconds(60))
        #expect(isToldLater)
    }
}
