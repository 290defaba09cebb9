import KafkaProtocol
import LocalKafka
import NIOCore
import TestSupport
import Testing

/// Requests that decode and mean nothing: the cluster answers or closes the connection, and serves others as before.
@Suite struct HostileRequestTests {
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func everyAPIInEveryVersion(seed: UInt64) async throws {
        try await withTestCluster { cluster in
            for name in ["topic", "a", "x"] as [TopicName] { try await cluster.createTopic(name, partitions: 2) }
            var count = 0
            for request in ApiKey.requests {
                count += try await Self.send(request, seed: seed, to: cluster)
            }
            print("hostile requests: \(count)")
            #expect(count > 200)
            try await RawClient.with(cluster.address()) { client async throws in
                let records = try Batch.make(["still here"])
                try await cluster.createTopic("sane")
                let written = try await client.send(Batch.produce(records, to: "sane"), version: 9)
                #expect(written.only.errorCode == .none)
                let read = try await client.send(Batch.fetch("sane", offset: written.only.baseOffset), version: 11)
                #expect(try read.only.values() == ["still here"])
            }
        }
    }

    /// Sends one random request per version, each on a connection of its own, as the answer may never come.
    private static func send<R: KafkaRequest>(
        _: R.Type,
        seed: UInt64,
        to cluster: LocalCluster
    ) async throws -> Int {
        var count = 0
        for version in R.supportedVersions {
            let request = try RandomWalker.message(R.self, version: version, seed: seed &* 1_000 &+ UInt64(version))
            let before = try await cluster.requestCount(R.apiKey)
            try await RawClient.with(cluster.address()) { client async throws in
                try await client.post(request, version: version)
                // The broker has read it, or it would count none: some hold the answer back for minutes.
                try await poll(within: .seconds(20), "\(R.self) v\(version) arrives") {
                    try await cluster.requestCount(R.apiKey) > before
                }
            }
            count += 1
        }
        return count
    }
}
