import KafkaProtocol
import LocalKafka
import Testing

@testable import MirrorCommands

@Suite("Orders for the sandbox")
struct SandboxOrderTests {
    @Test("Lines become orders")
    func orders() throws {
        #expect(try SandboxOrder("move-leader A t 0 2") == order("A", .moveLeader("t", 0, to: 2)))
        #expect(try SandboxOrder("  stop-broker  B 1 ") == order("B", .setBroker(1, isUp: false)))
        #expect(try SandboxOrder("advertise A 1,2") == order("A", .advertise([1, 2])))
        #expect(
            try SandboxOrder("create-topic A t 4 cleanup.policy=compact")
                == order("A", .createTopic("t", partitions: 4, configs: ["cleanup.policy": "compact"]))
        )
        var conditions = SandboxOrder.Conditions()
        #expect(try SandboxOrder("fault A Fetch 10 drop") == order("A", .fault(.fetch, count: 10, .drop, conditions)))
        conditions.broker = 2
        conditions.topic = "t"
        #expect(
            try SandboxOrder("fault A Produce 1 error=NOT_LEADER_OR_FOLLOWER broker=2 topic=t")
                == order("A", .fault(.produce, count: 1, .error(.notLeaderOrFollower), conditions))
        )
        #expect(
            try SandboxOrder("fault A Produce 3 delay=50")
                == order("A", .fault(.produce, count: 3, .delay(50), .init()))
        )
    }

    @Test(
        "What is no order is refused with what is wrong",
        arguments: [
            ("", "an order is missing"), ("dance A", "'dance' is not an order"), ("compact A", "a topic is missing"),
            ("compact A t x", "a partition has to be a number, not 'x'"), ("compact A t 1 2", "'2' is too much"),
            ("fault A Fly 1 drop", "'Fly' is not an API"), ("fault A Fetch 1 error=NO", "'error=NO' is not a fault"),
            ("fault A Fetch 1 drop x=1", "'x' is no condition of a fault"),
            ("advertise A x", "the ports are not numbers"),
        ]
    )
    func refused(line: String, complaint: String) {
        #expect(throws: SandboxOrder.Mistake(description: complaint)) { try SandboxOrder(line) }
    }

    @Test("Orders are carried out and answered")
    func carriedOut() async throws {
        let cluster = SandboxCluster(alias: "A", brokers: 2, isProxied: true)
        try await cluster.start()
        let control = SandboxControl(clusters: [cluster])
        #expect(await control.answer("create-topic A t 2") == "ok")
        #expect(await control.answer("move-leader A t 1 1") == "ok")
        #expect(try await cluster.cluster.partition("t", 1).leader == 1)
        #expect(await control.answer("compact B t 0") == "error: there is no cluster 'B'")
        #expect(await control.answer("compact A u 0").hasPrefix("error: "))
        await cluster.cluster.stop()
    }

    private func order(_ cluster: String, _ action: SandboxOrder.Action) -> SandboxOrder {
        SandboxOrder(cluster: cluster, action: action)
    }
}
