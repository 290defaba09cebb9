import Foundation
import KafkaProtocol
import LocalKafka
import TestSupport
import Testing

/// `kafka-mirror run` between brokers that other people wrote, and between those and the embedded cluster.
@Suite("The mirror between foreign brokers", .serialized, .timeLimit(.minutes(5)))
struct ForeignMirrorTests {
    @Test("Tansu to Tansu, at volume")
    func tansu() async throws {
        let source = try await ForeignBroker.tansu("A")
        let target = try await ForeignBroker.tansu("B")
        let data = try await RealData(at: source.bootstrapServers, perCodec: 40_000)
        try await Self.mirror("Tansu to Tansu", source.bootstrapServers, target.bootstrapServers, data)
        let more = try await RealData(at: source.bootstrapServers, perCodec: 500)
        let all = RealData(topics: data.topics, visible: data.visible + more.visible)
        try await Self.mirror("Tansu to Tansu, restarted", source.bootstrapServers, target.bootstrapServers, all)
        source.stop()
        target.stop()
    }

    @Test("noida-db to noida-db: small partitions, transactions, aborted ones left out")
    func noida() async throws {
        let source = try await ForeignBroker.noida()
        let target = try await ForeignBroker.noida()
        let data = try await RealData(at: source.bootstrapServers, perCodec: 1_200, transactions: 9)
        try await Self.mirror("noida-db to noida-db", source.bootstrapServers, target.bootstrapServers, data)
        source.stop()
        target.stop()
    }

    @Test("Between Tansu and LocalKafka, both ways")
    func tansuAndLocal() async throws {
        try await withLocalCluster { local in
            let tansu = try await ForeignBroker.tansu("tansu")
            let there = try await RealData(at: tansu.bootstrapServers, prefix: "t", perCodec: 4_000)
            try await Self.mirror("Tansu to LocalKafka", tansu.bootstrapServers, local.bootstrapServers, there)
            // Tansu does not list aborted transactions: consumers and the mirror see their records like all others.
            let undone = try await RealData(
                at: tansu.bootstrapServers,
                prefix: "aborted",
                perCodec: 600,
                transactions: 3,
                extra: ["--codecs", ""]
            )
            #expect(undone.visible == 400 && undone.aborted == 200)
            let all = RealData(topics: undone.topics, visible: 600)
            try await Self.mirror("Tansu with aborted", tansu.bootstrapServers, local.bootstrapServers, all)
            // Tansu never lists aborted transactions, so consumers of Tansu would see them; the mirror leaves them out.
            let here = try await RealData(at: local.bootstrapServers, prefix: "l", perCodec: 2_000, transactions: 9)
            try await Self.mirror("LocalKafka to Tansu", local.bootstrapServers, tansu.bootstrapServers, here)
            tansu.stop()
        }
    }

    @Test("Between noida-db and LocalKafka, both ways")
    func noidaAndLocal() async throws {
        try await withLocalCluster { local in
            let noida = try await ForeignBroker.noida()
            let there = try await RealData(at: noida.bootstrapServers, prefix: "n", perCodec: 1_200, transactions: 9)
            try await Self.mirror("noida-db to LocalKafka", noida.bootstrapServers, local.bootstrapServers, there)
            let here = try await RealData(at: local.bootstrapServers, prefix: "l", perCodec: 1_200, transactions: 9)
            try await Self.mirror("LocalKafka to noida-db", local.bootstrapServers, noida.bootstrapServers, here)
            noida.stop()
        }
    }

    /// Mirrors everything there is, compares, and stops.
    private static func mirror(
        _ what: String,
        _ source: String,
        _ target: String,
        _ data: RealData
    ) async throws {
        let mirror = try MirrorProcess(from: source, to: target, topics: data.topics.joined(separator: ","))
        let comparison = Comparison(source: source, target: target, topics: data.topics)
        try await comparison.librdkafka(what, records: data.visible, mirror: mirror)
        try await mirror.stop()
        // Once more, as it is at the end: nothing came twice.
        try await comparison.librdkafka("\(what), at the end", records: data.visible, mirror: mirror, within: 30)
    }
}
