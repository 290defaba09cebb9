import KafkaProtocol
import LocalKafka
import TestSupport
import Testing

/// Other people's clients read what `kafka-mirror run` writes in transactions.
@Suite("Exactly-once mode, read by other clients", .serialized, .timeLimit(.minutes(5)))
struct ExactlyOnceInteropTests {
    private let mode = ["B.exactly.once.source.support": "enabled"]

    @Test("Killed and overtaken in the middle: librdkafka and Java see every committed record once, in order")
    func killedAndOvertaken() async throws {
        try await withTwoClusters { source, target in
            let from = source.bootstrapServers
            let to = target.bootstrapServers
            var data = try await RealData(at: from, perCodec: 2_000, transactions: 15)
            var comparison = Comparison(source: from, target: to, topics: data.topics)

            let begin = ContinuousClock.now
            let first = try MirrorProcess(from: from, to: to, topics: "real.*, late.*", properties: mode)
            try await waitForEnd(of: "A.real.zstd", at: target) { $0 > 0 }
            print("first records \(ContinuousClock.now - begin) after the start of the process")
            try await first.kill()

            // The next one aborts what the first has left open, and is overtaken by a third.
            let second = try MirrorProcess(from: from, to: to, topics: "real.*, late.*", properties: mode)
            try await comparison.librdkafka("after a kill", records: data.visible, mirror: second)
            let late = Task { try await RealData(at: from, prefix: "late", perCodec: 2_000, transactions: 9) }
            try await waitForEnd(of: "A.late.none", at: target) { $0 > 0 }
            let third = try MirrorProcess(from: from, to: to, topics: "real.*, late.*", properties: mode)
            let more = try await late.value
            data.visible += more.visible
            comparison.topics += more.topics
            try await comparison.librdkafka("after it was overtaken", records: data.visible, mirror: third)
            let status = try await second.process.exit(within: .seconds(20))
            #expect(status == 1)
            #expect(second.process.output.contains("another kafka-mirror process has taken the flow over"))
            try await third.stop()
            for version in Peers.javaVersions { try await comparison.java("exactly once", version: version) }
        }
    }
}
