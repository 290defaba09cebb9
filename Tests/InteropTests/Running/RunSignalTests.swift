import Foundation
import KafkaProtocol
import LocalKafka
import TestSupport
import Testing

/// How `kafka-mirror run` ends.
@Suite("kafka-mirror run: signals", .serialized, .timeLimit(.minutes(3)))
struct RunSignalTests {
    @Test(
        "Stopped under load: exit status 0 within ten seconds, and nothing is lost or repeated",
        arguments: [SIGTERM, SIGINT]
    )
    func underLoad(signal: Int32) async throws {
        try await withTwoClusters { source, target in
            let data = Task { try await RealData(at: source.bootstrapServers, perCodec: 20_000) }
            var mirror = try Self.mirror(source, target)
            try await waitForEnd(of: "A.real.none", at: target) { $0 > 0 }
            let begin = ContinuousClock.now
            // Twice, as timeout(1) does: to the process and to its group.
            for _ in 0..<2 { mirror.process.signal(signal) }
            let status = try await mirror.process.exit(within: .seconds(10))
            print("ended with \(status) in \(ContinuousClock.now - begin)")
            #expect(status == 0)
            #expect(mirror.process.output.contains("stopping"))
            // What was confirmed is what progress says, so the next start has nothing to compare.
            let there = try await target.topic("A.real.none")?.partitions.reduce(0) { $0 + $1.endOffset } ?? 0
            mirror = try Self.mirror(source, target)
            let produced = try await data.value
            let comparison = Comparison(
                source: source.bootstrapServers,
                target: target.bootstrapServers,
                topics: produced.topics
            )
            try await comparison.librdkafka("stopped at \(there)", records: produced.visible, mirror: mirror)
            try await mirror.stop()
        }
    }

    @Test("A target that does not answer holds up the end for ten seconds at most; a second signal ends it at once")
    func silentTarget() async throws {
        try await withTwoClusters { source, target in
            try await source.createTopic("real.t", partitions: 1)
            let stalled = {
                let mirror = try Self.mirror(source, target)
                try await mirror.told("mirroring partitions")
                try await target.faults.inject(.produce, count: 1_000, .drop)
                try await source.put(["1"], in: "real.t")
                try await poll("The target is not asked") { try await target.faults.pending() < 1_000 }
                return mirror
            }
            let patient = try await stalled()
            let begin = ContinuousClock.now
            patient.process.signal(SIGTERM)
            let status = try await patient.process.exit(within: .seconds(10))
            print("ended with \(status) in \(ContinuousClock.now - begin)")
            #expect(status == 0)
            try await target.faults.clear()

            let hasty = try await stalled()
            hasty.process.signal(SIGTERM)
            try await hasty.told("a second signal ends it at once")
            let second = ContinuousClock.now
            // What follows at once is the same signal, handed on twice.
            try await poll(within: .seconds(5), "More signals do not end it") {
                hasty.process.signal(SIGTERM)
                return hasty.process.hasEnded
            }
            let hastyStatus = try await hasty.process.exit(within: .seconds(5))
            print("ended with \(hastyStatus) in \(ContinuousClock.now - second)")
            #expect(hastyStatus == 143)
            #expect(ContinuousClock.now - second < .seconds(4))
            try await target.faults.clear()

            let last = try Self.mirror(source, target)
            try await target.holds(["1", "1"], in: "A.real.t", mirror: last)
            try await last.stop()
        }
    }

    private static func mirror(_ source: LocalCluster, _ target: LocalCluster) throws -> MirrorProcess {
        try MirrorProcess(from: source.bootstrapServers, to: target.bootstrapServers, topics: "real.*")
    }
}
