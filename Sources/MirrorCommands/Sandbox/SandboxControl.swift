import Foundation
import LocalKafka

/// Carries out orders from standard input, one after the other, and answers each on standard output.
struct SandboxControl: Sendable {
    let clusters: [SandboxCluster]

    /// Reads until standard input ends, which ends nothing else.
    func start() {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        // Waiting for a line blocks a thread, so it gets one of its own.
        let thread = Thread {
            while let line = readLine() { continuation.yield(line) }
            continuation.finish()
        }
        thread.start()
        Task {
            for await line in lines where !line.allSatisfy(\.isWhitespace) {
                FileHandle.standardOutput.write(Data((await self.answer(line) + "\n").utf8))
            }
        }
    }

    /// Carries out one line; returns what is printed.
    func answer(_ line: String) async -> String {
        do {
            let order = try SandboxOrder(line)
            guard let cluster = self.clusters.first(where: { $0.alias == order.cluster }) else {
                return "error: there is no cluster '\(order.cluster)'"
            }
            try await Self.carryOut(order.action, cluster.cluster)
            return "ok"
        } catch {
            return "error: \(error)"
        }
    }

    private static func carryOut(_ action: SandboxOrder.Action, _ cluster: LocalCluster) async throws {
        switch action {
        case .createTopic(let name, let partitions, let configs):
            try await cluster.createTopic(name, partitions: partitions, configs: configs)
        case .moveLeader(let topic, let partition, let broker):
            try await cluster.moveLeader(topic, partition, to: broker)
        case .setBroker(let broker, let isUp): try await cluster.setBroker(broker, isUp: isUp)
        case .fault(let api, let count, let fault, let conditions):
            try await cluster.faults.inject(
                api,
                count: count,
                fault,
                broker: conditions.broker,
                topic: conditions.topic,
                skip: conditions.skip
            )
        case .clearFaults: try await cluster.faults.clear()
        case .closeConnections: try await cluster.closeConnections()
        case .advertise(let ports):
            try await cluster.advertise(ports: ports, listener: SandboxCluster.proxiedListener)
        case .truncate(let topic, let partition, let offset): try await cluster.truncate(topic, partition, to: offset)
        case .deleteRecords(let topic, let partition, let offset):
            try await cluster.deleteRecords(topic, partition, before: offset)
        case .compact(let topic, let partition): try await cluster.compact(topic, partition)
        }
    }
}
