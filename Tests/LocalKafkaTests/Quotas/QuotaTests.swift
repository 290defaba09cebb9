import KafkaProtocol
import Testing

@testable import LocalKafka

@Suite struct QuotaTests {
    private let rate = "producer_byte_rate"

    @Test func theMostSpecificQuotaHolds() throws {
        var table = QuotaTable()
        func limit(_ user: KafkaString = "bob", _ client: KafkaString = "c") -> Double? {
            table.quota(rate, user: user, clientID: client)?.limit
        }
        // From the weakest to the strongest, as Kafka documents them.
        let entities: [QuotaEntity] = [
            QuotaEntity(clientID: .standard),
            QuotaEntity(clientID: .named("c")),
            QuotaEntity(user: .standard),
            QuotaEntity(user: .standard, clientID: .standard),
            QuotaEntity(user: .standard, clientID: .named("c")),
            QuotaEntity(user: .named("bob")),
            QuotaEntity(user: .named("bob"), clientID: .standard),
            QuotaEntity(user: .named("bob"), clientID: .named("c")),
        ]
        #expect(limit() == nil)
        for (index, entity) in entities.enumerated() {
            try table.alter(entity, [(rate, Double(index + 1))], validateOnly: false)
            #expect(limit() == Double(index + 1))
        }
        #expect(limit("eve") == 5)
        #expect(limit("eve", "other") == 4)
        #expect(limit("bob", "other") == 7)
    }

    @Test func changesAreChecked() throws {
        var table = QuotaTable()
        let user = QuotaEntity(user: .named("bob"))
        #expect(throws: QuotaFailure.self) { try table.alter(user, [("nonsense", 1)], validateOnly: false) }
        #expect(throws: QuotaFailure.self) { try table.alter(user, [(rate, -1)], validateOnly: false) }
        #expect(throws: QuotaFailure.self) { try table.alter(user, [(rate, 1.5)], validateOnly: false) }
        try table.alter(user, [("request_percentage", 1.5)], validateOnly: true)
        #expect(table.entries.isEmpty)
        try table.alter(user, [(rate, 100)], validateOnly: false)
        try table.alter(user, [(rate, nil)], validateOnly: false)
        #expect(table.entries.isEmpty)
        #expect(throws: QuotaFailure.self) { try QuotaEntity([]) }
        #expect(throws: QuotaFailure.self) { try QuotaEntity([("team", "a")]) }
        #expect(throws: QuotaFailure.self) { try QuotaEntity([("user", "a"), ("user", "b")]) }
        #expect(throws: QuotaFailure.self) { try QuotaEntity([("user", "a"), ("ip", "::1")]) }
    }

    @Test func whoStaysBelowIsNotHeldBack() {
        var meter = QuotaMeter()
        for second in Int64(0)..<30 {
            #expect(meter.record(1000, limit: 1000 * 1.2, now: second * 1000) == 0)
        }
    }

    @Test func whoIsAboveWaitsUntilTheRateIsRight() {
        var meter = QuotaMeter()
        // Twenty seconds' worth at once: ten have to pass beyond the window of ten.
        #expect(meter.record(20_000, limit: 1000, now: 0) == 10_000)
        #expect(meter.record(0, limit: 1000, now: 11_000) == 0)
    }

    @Test func clientsShareAQuotaThatDoesNotTellThemApart() throws {
        let service = QuotaService()
        try service.table.alter(QuotaEntity(user: .named("bob")), [(rate, 1000)], validateOnly: false)
        #expect(service.produced(10_000, principal: "User:bob", clientID: "a", now: 0) == 0)
        #expect(service.produced(10_000, principal: "User:bob", clientID: "b", now: 0) > 0)
        #expect(service.produced(10_000, principal: "User:eve", clientID: "a", now: 0) == 0)
        #expect(service.fetched(90_000, principal: "User:bob", clientID: "a", now: 0) == 0)
    }
}
