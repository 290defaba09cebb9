import KafkaProtocol
import KafkaRecords
import LocalKafka
import NIOCore
import TestSupport
import Testing

/// Produce and Fetch over a socket.
@Suite struct DataPathTests {
    @Test func everyVersionProducesAndFetches() async throws {
        try await withTestCluster { cluster in
            let id = try await cluster.createTopic("t")
            try await RawClient.with(cluster.address()) { client async throws in
                for version in Int16(3)...11 {
                    let response = try await client.send(
                        Batch.produce(try Batch.make(["v\(version)"]), to: "t"),
                        version: version
                    )
                    #expect(response.only.errorCode == .none && response.only.baseOffset == Int64(version - 3))
                }
                for version in Int16(4)...17 {
                    var request = Batch.fetch("t", offset: 3)
                    if version >= 13 { request.topics[0].topicID = id }
                    let response = try await client.send(request, version: version)
                    #expect(response.only.errorCode == .none && response.only.highWatermark == 9)
                    #expect(try response.only.values() == ["v6", "v7", "v8", "v9", "v10", "v11"])
                }
            }
        }
    }

    @Test func aLongPollEndsWhenEnoughHasArrived() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t")
            let one = try Batch.make(["x"])
            try await RawClient.with(cluster.address()) { client async throws in
                let fetch = Batch.fetch(
                    "t",
                    offset: 0,
                    maxWaitMs: 30_000,
                    minBytes: Int32(one.readableBytes + 1)
                )
                try await client.post(fetch, version: 12)
                try await poll("the fetch has not arrived") { try await cluster.requestCount(.fetch) == 1 }
                try await cluster.append([one], to: "t", 0)
                try await cluster.append([one], to: "t", 0)
                let response = try await client.receive(FetchRequest.self, version: 12)
                #expect(try response.only.values() == ["x", "x"])
            }
        }
    }

    @Test func aLongPollEndsInTime() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t")
            try await RawClient.with(cluster.address()) { client async throws in
                let start = ContinuousClock.now
                let response = try await client.send(Batch.fetch("t", offset: 0, maxWaitMs: 50), version: 12)
                #expect(response.only.errorCode == .none && response.only.records?.byteCount == 0)
                #expect(ContinuousClock.now - start >= .milliseconds(45))
            }
        }
    }

    @Test func aLongPollEndsWhenTheLeaderMoves() async throws {
        try await withTestCluster(brokers: 2) { cluster in
            try await cluster.createTopic("t", replicationFactor: 2)
            let leader = try await cluster.partition("t", 0).leader
            try await RawClient.with(cluster.address(Int(leader) - 1)) { client async throws in
                try await client.post(Batch.fetch("t", offset: 0, maxWaitMs: 30_000), version: 16 - 4)
                try await poll("the fetch has not arrived") { try await cluster.requestCount(.fetch) == 1 }
                try await cluster.moveLeader("t", 0, to: 3 - leader)
                let response = try await client.receive(FetchRequest.self, version: 12)
                #expect(response.only.errorCode == .notLeaderOrFollower)
                #expect(response.only.currentLeader.leaderID == 3 - leader)
                #expect(response.only.currentLeader.leaderEpoch == 1)
            }
        }
    }

    @Test func requestsAreAnsweredInOrder() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t")
            try await RawClient.with(cluster.address()) { client async throws in
                for number in 0..<200 {
                    try await client.post(Batch.produce(try Batch.make(["\(number)"]), to: "t"), version: 9)
                }
                for number in 0..<200 {
                    let (correlation, body) = try await client.receiveRaw(headerVersion: 1)
                    let response = try ProduceResponse.decode(exactly: body, version: 9)
                    #expect(correlation == Int32(number + 1) && response.only.baseOffset == Int64(number))
                }
            }
        }
    }

    @Test func acksZeroHasNoAnswer() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t")
            try await RawClient.with(cluster.address()) { client async throws in
                try await client.post(Batch.produce(try Batch.make(["a"]), to: "t", acks: 0), version: 9)
                let response = try await client.send(Batch.produce(try Batch.make(["b"]), to: "t"), version: 9)
                #expect(response.only.baseOffset == 1)
            }
        }
    }

    @Test func errorsOfPartitions() async throws {
        try await withTestCluster(brokers: 2) { cluster in
            try await cluster.createTopic("t", replicationFactor: 2, configs: ["max.message.bytes": "100"])
            let leader = try await cluster.partition("t", 0).leader
            let good = try Batch.make(["a"])
            try await RawClient.with(cluster.address(Int(leader) - 1)) { client async throws in
                let unknown = try await client.send(Batch.produce(good, to: "nope"), version: 9)
                #expect(unknown.only.errorCode == .unknownTopicOrPartition && unknown.only.baseOffset == -1)
                let large = try Batch.make([String(repeating: "x", count: 100)])
                let refused = try await client.send(Batch.produce(large, to: "t"), version: 9)
                #expect(refused.only.errorCode == .messageTooLarge)
                let acks = try await client.send(Batch.produce(good, to: "t", acks: 2), version: 9)
                #expect(acks.only.errorCode == .invalidRequiredAcks)
                let transactional = try Batch.make(
                    ["a"],
                    producerID: 1,
                    epoch: 0,
                    sequence: 0,
                    isTransactional: true
                )
                let txn = try await client.send(Batch.produce(transactional, to: "t"), version: 9)
                #expect(txn.only.errorCode == .transactionalIDAuthorizationFailed)
                try await cluster.setTopicConfigs("t", ["min.insync.replicas": "3"])
                let isr = try await client.send(Batch.produce(good, to: "t"), version: 9)
                #expect(isr.only.errorCode == .notEnoughReplicas)
                let one = try await client.send(Batch.produce(good, to: "t", acks: 1), version: 9)
                #expect(one.only.errorCode == .none)
            }
            try await RawClient.with(cluster.address(2 - Int(leader))) { client async throws in
                let response = try await client.send(Batch.produce(good, to: "t"), version: 10)
                #expect(response.only.errorCode == .notLeaderOrFollower)
                #expect(response.only.currentLeader.leaderID == leader)
                #expect(response.nodeEndpoints.map(\.nodeID) == [leader])
            }
        }
    }

    @Test func epochsAreCheckedAndDivergenceIsTold() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t")
            for _ in 0..<4 { try await cluster.append([try Batch.make(["x"])], to: "t", 0) }
            try await cluster.truncate("t", 0, to: 2)
            try await cluster.append([try Batch.make(["y"])], to: "t", 0)
            try await RawClient.with(cluster.address()) { client async throws in
                var request = Batch.fetch("t", offset: 4)
                #expect(try await client.send(request, version: 12).only.errorCode == .offsetOutOfRange)
                request.topics[0].partitions[0].currentLeaderEpoch = 0
                #expect(try await client.send(request, version: 12).only.errorCode == .fencedLeaderEpoch)
                request.topics[0].partitions[0].currentLeaderEpoch = 2
                #expect(try await client.send(request, version: 12).only.errorCode == .unknownLeaderEpoch)
                request.topics[0].partitions[0].currentLeaderEpoch = 1
                request.topics[0].partitions[0].lastFetchedEpoch = 0
                let diverged = try await client.send(request, version: 12)
                #expect(diverged.only.errorCode == .none)
                #expect(diverged.only.divergingEpoch.epoch == 0 && diverged.only.divergingEpoch.endOffset == 2)
            }
        }
    }

    @Test func followersServeTheirRack() async throws {
        func configure(_ configuration: inout LocalCluster.Configuration) {
            configuration.racks = ["east", "west"]
            configuration.brokerConfigs["replica.selector.class"] =
                "org.apache.kafka.common.replica.RackAwareReplicaSelector"
        }
        try await withTestCluster(brokers: 2, configure) { cluster in
            try await cluster.createTopic("t", replicationFactor: 2)
            let leader = try await cluster.partition("t", 0).leader
            try await cluster.append([try Batch.make(["x"])], to: "t", 0)
            var request = Batch.fetch("t", offset: 0)
            request.rackID = leader == 1 ? "west" : "east"
            let asked = request
            try await RawClient.with(cluster.address(Int(leader) - 1)) { client async throws in
                let response = try await client.send(asked, version: 12)
                #expect(response.only.preferredReadReplica == 3 - leader)
            }
            try await RawClient.with(cluster.address(2 - Int(leader))) { client async throws in
                #expect(try await client.send(asked, version: 12).only.values() == ["x"])
            }
        }
    }

    @Test func compressedRecordsPassThrough() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", partitions: 3)
            try await cluster.append([try Batch.make(["a"])], to: "t", 2)
            let records = try await cluster.records("t", 2)
            #expect(records.map { String(buffer: $0.value ?? ByteBuffer()) } == ["a"])
            #expect(try await cluster.topic("t")?.partitions.map(\.endOffset) == [0, 0, 1])
        }
    }
}
