import KafkaProtocol
import LocalKafka
import NIOCore
import Testing

/// Faults happen when and where they are asked for.
@Suite struct FaultTests {
    @Test func errorsAreUsedUp() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t")
            try await cluster.faults.inject(.produce, count: 2, .error(.notLeaderOrFollower), skip: 1)
            try await RawClient.with(cluster.address()) { client async throws in
                var codes: [ErrorCode] = []
                for _ in 0..<5 {
                    let response = try await client.send(Batch.produce(try Batch.make(["a"]), to: "t"), version: 9)
                    codes.append(response.only.errorCode)
                }
                #expect(codes == [.none, .notLeaderOrFollower, .notLeaderOrFollower, .none, .none])
            }
            #expect(try await cluster.partition("t", 0).endOffset == 3)
            #expect(try await cluster.faults.pending() == 0)
        }
    }

    @Test func errorsOfOneTopicSpareTheOthers() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("a")
            try await cluster.createTopic("b")
            try await cluster.faults.inject(.produce, .error(.kafkaStorageError), topic: "b")
            try await RawClient.with(cluster.address()) { client async throws in
                var request = Batch.produce(try Batch.make(["x"]), to: "a")
                request.topicData += Batch.produce(try Batch.make(["x"]), to: "b").topicData
                let response = try await client.send(request, version: 9)
                let codes = response.responses.map { $0.partitionResponses[0].errorCode }
                #expect(codes == [.none, .kafkaStorageError])
            }
        }
    }

    @Test(arguments: [Fault.close, .closeAfter])
    func connectionsAreClosed(fault: Fault) async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t")
            try await cluster.faults.inject(.produce, fault)
            await #expect(throws: RawClient.Closed.self) {
                try await RawClient.with(cluster.address()) { client async throws in
                    _ = try await client.send(Batch.produce(try Batch.make(["a"]), to: "t"), version: 9)
                }
            }
            #expect(try await cluster.partition("t", 0).endOffset == (fault == .close ? 0 : 1))
        }
    }

    @Test func answersAreCutAndGarbled() async throws {
        try await withTestCluster { cluster in
            try await cluster.faults.inject(.metadata, .garbage)
            try await RawClient.with(cluster.address()) { client async throws in
                try await client.post(MetadataRequest(), version: 9)
                let (correlation, body) = try await client.receiveRaw(headerVersion: 0)
                #expect(correlation == 1)
                var tagless = body
                tagless.moveReaderIndex(forwardBy: 1)
                let bytes = tagless
                #expect(throws: (any Error).self) { try MetadataResponse.decode(exactly: bytes, version: 9) }
            }
            try await cluster.faults.inject(.metadata, .truncate)
            await #expect(throws: RawClient.Closed.self) {
                try await RawClient.with(cluster.address()) { client async throws in
                    _ = try await client.send(MetadataRequest(), version: 9)
                }
            }
        }
    }

    @Test func delayedRequestsHappenLater() async throws {
        try await withTestCluster { cluster in
            try await cluster.faults.inject(.metadata, .delay(50))
            try await RawClient.with(cluster.address()) { client async throws in
                let start = ContinuousClock.now
                _ = try await client.send(MetadataRequest(), version: 9)
                #expect(ContinuousClock.now - start >= .milliseconds(45))
            }
        }
    }

    @Test func faultsKnowTheirBroker() async throws {
        try await withTestCluster(brokers: 2) { cluster in
            try await cluster.faults.inject(.describeCluster, .error(.unknownServerError), broker: 2)
            try await RawClient.with(cluster.address(0)) { client async throws in
                #expect(try await client.send(DescribeClusterRequest(), version: 0).errorCode == .none)
            }
            try await RawClient.with(cluster.address(1)) { client async throws in
                #expect(try await client.send(DescribeClusterRequest(), version: 0).errorCode == .unknownServerError)
            }
        }
    }
}
