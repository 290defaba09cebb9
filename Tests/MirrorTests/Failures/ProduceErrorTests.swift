import KafkaProtocol
import LocalKafka
import Mirror
import Testing

/// The default mode, which writes no transactions: idempotence, and positions proven from the target's own log.
@Suite("Produce errors without transactions", .serialized, .timeLimit(.minutes(5)))
struct ProduceErrorTests {
    private static let faults: [Fault] =
        [.close, .closeAfter, .dropAnswer, .drop, .truncate, .garbage]
        + [
            ErrorCode.notLeaderOrFollower, .requestTimedOut, .notEnoughReplicas, .notEnoughReplicasAfterAppend,
            .kafkaStorageError, .unknownServerError, .corruptMessage, .outOfOrderSequenceNumber, .unknownProducerID,
            .invalidProducerEpoch, .throttlingQuotaExceeded,
        ].map { .error($0) }

    @Test("Every record once and in order, whatever a produce request meets", arguments: faults)
    func onceAndInOrder(fault: Fault) async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            var expected: [String] = []
            let lines = "B.producer.request.timeout.ms = 700\nB.request.timeout.ms = 700"
            try await clusters.withService(lines) { _ in
                for round in 0..<3 {
                    try await clusters.b.faults.inject(.produce, count: 2, fault, topic: "A.t", skip: round)
                    // Several batches, so that some are out behind the one that fails.
                    for part in 0..<4 {
                        let values = (0..<3).map { "\(round)-\(part)-\($0)" }
                        expected += values
                        try await clusters.append(values, to: "t", of: clusters.a)
                    }
                }
                let last = expected.last
                try await eventually("all of it", within: .seconds(60)) {
                    try await clusters.mirror("A.t").last == last
                }
            }
            #expect(try await clusters.mirror("A.t") == expected)
        }
    }

    @Test("Killed with a request out, carried out or not", arguments: [Fault.drop, .dropAnswer])
    func killed(fault: Fault) async throws {
        try await TwoClusters.run { clusters in
            try await clusters.a.createTopic("t", partitions: 1)
            var expected: [String] = []
            for round in 0..<4 {
                let values = (0..<5).map { "\(round)-\($0)" }
                expected += values
                try await clusters.append(values, to: "t", of: clusters.a)
                try await clusters.b.faults.inject(.produce, fault, topic: "A.t")
                try await clusters.withKilledService("") { _ in
                    try await eventually("it is out") { try await clusters.b.faults.pending() == 0 }
                }
            }
            try await clusters.withService { _ in
                let last = expected.last
                try await eventually("all of it", within: .seconds(60)) {
                    try await clusters.mirror("A.t").last == last
                }
            }
            #expect(try await clusters.mirror("A.t") == expected)
        }
    }
}
