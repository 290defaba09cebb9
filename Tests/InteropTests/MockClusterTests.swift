import Foundation
import KafkaClient
import KafkaProtocol
import TestSupport
import Testing

/// Our client against librdkafka's mock cluster of three brokers: errors, moves and pauses end without loss.
///
/// What the mock cannot do: it answers ApiVersions v3 with error 35 and a malformed body (every connection here begins
/// with that), it checks no sequence numbers, has no topic administration and no lookup by time.
@Suite("Our client on librdkafka's mock cluster", .serialized, .timeLimit(.minutes(3)))
struct MockClusterTests {
    private static let topic = "numbers"
    private static let partitions: Int32 = 6

    /// Codes injected one after the other, per API.
    private static let injected: [(api: Int, codes: [Int])] = [
        // Produce: leader moved, not available, timeout, storage, too few replicas, connection closed.
        (0, [6, 5, 7, 56, 19, -195, 6, 72]),
        // Fetch: leader moved, fenced epoch, unknown epoch, storage, unknown topic, connection closed.
        (1, [6, 74, 75, 56, 3, -195, 9]),
        // ListOffsets.
        (2, [6, 5, 3, 74, -195]),
        // Metadata.
        (3, [7, -195, 5]),
        // InitProducerId.
        (22, [14, 15, -195]),
    ]

    @Test(
        "Injected errors, leader moves, a broker that goes and one that is slow: nothing lost, nothing twice",
        arguments: [1, 5]
    )
    func nothingLost(requestsInFlight: Int) async throws {
        let mock = try await MockCluster()
        try await mock.topic(Self.topic, partitions: Int(Self.partitions))
        try await withClient(at: mock.bootstrapServers, properties: ["request.timeout.ms": "10000"]) { client in
            var settings = ProduceSettings()
            settings.maximumInFlight = requestsInFlight
            let writer = NumberWriter(client, topic: TopicName(Self.topic), settings: settings)
            let reader = NumberReader(client, topic: TopicName(Self.topic))
            for (api, codes) in Self.injected {
                try await mock.fail(api: api, codes: codes)
            }
            try await writer.start(partitions: Self.partitions)
            try await reader.start(partitions: 0..<Self.partitions)
            var count = 0
            func step(_ what: String) async throws {
                count += 60
                try await writer.write(upTo: count)
                try await reader.read(upTo: count)
                print("mock cluster: \(what): \(count * Int(Self.partitions)) records so far")
            }
            try await step("errors injected into six APIs")
            for round in 0..<3 {
                for partition in 0..<Int(Self.partitions) {
                    try await mock.moveLeader(Self.topic, partition, to: (partition + round) % 3 + 1)
                }
                try await step("leaders moved")
            }
            try await mock.fail(api: 0, codes: [6, 6, 7, -195, 5, 6])
            try await mock.fail(api: 1, codes: [-195, 6, 6, 74])
            try await step("more errors")
            try await mock.setDelay(2, milliseconds: 300)
            try await step("broker 2 answers after 300 ms")
            try await mock.setDelay(2, milliseconds: 0)
            try await mock.setBroker(3, isUp: false)
            try await writer.allow(upTo: count + 60)
            for partition in 0..<Int(Self.partitions) {
                try await mock.moveLeader(Self.topic, partition, to: partition % 2 + 1)
            }
            try await step("broker 3 is down")
            try await mock.setBroker(3, isUp: true)
            for partition in 0..<Int(Self.partitions) { try await mock.moveLeader(Self.topic, partition, to: 3) }
            try await step("broker 3 is back and leads everything")

            let state = reader.snapshot
            #expect(state.damaged == 0, "\(state)")
            // The mock checks no sequence numbers: it accepts what a broker refuses as a repetition or as out of order.
            // So only what goes out one request at a time comes once and in order; nothing may be missing at any rate.
            if requestsInFlight == 1 {
                #expect(state.records == count * Int(Self.partitions), "\(state)")
                #expect(state.lost == 0 && state.repeated == 0, "\(state)")
            }
            #expect(writer.snapshot.refusals.isEmpty, "\(writer.snapshot.refusals)")
            let counted = try await Peers.python(
                "count_numbers",
                [
                    "--bootstrap", mock.bootstrapServers, "--topic", Self.topic, "--partitions", "\(Self.partitions)",
                    "--count", "\(count)",
                ] + (requestsInFlight > 1 ? ["--only-lost"] : [])
            ).success()
            print("mock cluster, counted by librdkafka: \(counted)")
            try await writer.stop()
            try await reader.stop()
        }
    }

    @Test("Offsets are listed although every code comes first", arguments: [3, 5, 6, 7, 74, 75, -195])
    func listOffsets(code: Int) async throws {
        let mock = try await MockCluster()
        try await mock.topic(Self.topic, partitions: 2)
        try await withClient(at: mock.bootstrapServers) { client in
            try await client.waitUntilConnected()
            try await mock.fail(api: 2, codes: [code, code])
            let end = try await client.listOffset(.latest, of: TopicPartition(TopicName(Self.topic), 1))
            #expect(end.offset == 0)
        }
    }

    @Test("Group offsets come through coordinator errors")
    func coordinator() async throws {
        let mock = try await MockCluster()
        try await mock.topic(Self.topic, partitions: 2)
        try await withClient(at: mock.bootstrapServers) { client in
            try await client.waitUntilConnected()
            let partition = TopicPartition(TopicName(Self.topic), 0)
            try await mock.fail(api: 10, codes: [-195, -195])
            try await mock.fail(api: 8, codes: [16, 14])
            let committed = try await client.commitGroupOffsets(
                [partition: CommittedOffset(offset: 42, metadata: "here")],
                of: "group"
            )
            try committed[partition]?.get()
            try await mock.fail(api: 9, codes: [16, 14, -195])
            let offsets = try await client.groupOffsets(of: "group", partitions: [partition])
            #expect(try offsets[partition]?.get().offset == 42)
            #expect(try offsets[partition]?.get().metadata == "here")
        }
    }

    @Test("A coordinator answer that breaks the protocol is asked for again")
    func malformedCoordinator() async throws {
        let mock = try await MockCluster()
        try await mock.topic(Self.topic, partitions: 1)
        let partition = TopicPartition(TopicName(Self.topic), 0)
        try await withClient(at: mock.bootstrapServers) { client in
            try await client.waitUntilConnected()
            // With an error code the mock writes a null host, which FindCoordinator does not allow.
            try await mock.fail(api: 10, codes: [15])
            let offsets = try await client.groupOffsets(of: "group", partitions: [partition])
            #expect(try offsets[partition]?.get().offset ?? -1 == -1)
        }
    }

    @Test("Records deleted before we read them are reported, and reading goes on behind")
    func deletedRecords() async throws {
        let mock = try await MockCluster()
        try await mock.topic(Self.topic, partitions: 1)
        try await withClient(at: mock.bootstrapServers) { client in
            let writer = NumberWriter(client, topic: TopicName(Self.topic))
            try await writer.start(partitions: 1)
            try await writer.write(upTo: 200)
            try await mock.command(#"{"do": "delete_records", "name": "numbers", "partition": 0, "offset": 100}"#)
            let reader = NumberReader(client, topic: TopicName(Self.topic))
            try await reader.start(partitions: 0..<1, at: .offset(20), first: 20)
            try await reader.read(upTo: 200)
            #expect(reader.snapshot.outOfRange == [20])
            #expect(reader.snapshot.records == 100)
            #expect(reader.snapshot.lost == 0)
            let start = try await client.listOffset(.earliest, of: TopicPartition(TopicName(Self.topic), 0))
            #expect(start.offset == 100)
            try await writer.stop()
            try await reader.stop()
        }
    }

    @Test("Brokers that know only old versions of Produce, Fetch and Metadata are served with those")
    func oldVersions() async throws {
        let mock = try await MockCluster()
        try await mock.topic(Self.topic, partitions: 3)
        for (api, highest) in [(0, 3), (1, 4), (2, 1), (3, 2)] {
            try await mock.command(#"{"do": "versions", "api": \#(api), "min": 0, "max": \#(highest)}"#)
        }
        try await withClient(at: mock.bootstrapServers) { client in
            let writer = NumberWriter(client, topic: TopicName(Self.topic))
            let reader = NumberReader(client, topic: TopicName(Self.topic))
            try await writer.start(partitions: 3)
            try await reader.start(partitions: 0..<3)
            try await writer.write(upTo: 100)
            try await reader.read(upTo: 100)
            #expect(reader.snapshot.lost == 0 && reader.snapshot.repeated == 0)
            try await writer.stop()
            try await reader.stop()
        }
    }
}
