import BenchBroker
import Foundation
import KafkaNetwork
import KafkaProtocol
import Logging
import NIOCore
import NIOPosix

/// One connection to a broker in this process: what a request costs on the connection's own event loop.
///
/// CPU time is that of the event loop's thread.
func connectionBenchmarks(_ harness: Harness) throws {
    let servers = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let clients = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer {
        try? clients.syncShutdownGracefully()
        try? servers.syncShutdownGracefully()
    }
    let port = try serve(on: servers)
    let loop = clients.next()
    let connection = try connect(port: port, on: loop)
    try harness.report("connection: one request at a time, wall time") {
        try Exchange.run(connection, EmptyFetch.request, count: 5_000, inFlight: 1).wall
    }
    try harness.report("connection: one request at a time") {
        try Exchange.run(connection, EmptyFetch.request, count: 5_000, inFlight: 1).cpu
    }
    try harness.report("connection: 64 requests in flight") {
        try Exchange.run(connection, EmptyFetch.request, count: 50_000, inFlight: 64).cpu
    }
    let megabyte = ReplayFetch(bytes: 1 << 20).request
    try harness.report("connection: 1 MB answers, 4 in flight", bytes: 1 << 20) {
        try Exchange.run(connection, megabyte, count: 500, inFlight: 4).cpu
    }
}

/// Asks for a partition that is not there, which is answered at once.
enum EmptyFetch {
    static let request = FetchRequest.with {
        $0.sessionEpoch = -1
        $0.maxWaitMs = 0
        $0.topics = [
            .with {
                $0.topic = "none"
                $0.partitions = [.with { $0.partition = 0 }]
            }
        ]
    }
}

/// Asks for the first records of a replayed partition.
struct ReplayFetch {
    let request: FetchRequest

    init(bytes: Int32) {
        self.request = .with {
            $0.sessionEpoch = -1
            $0.maxWaitMs = 0
            $0.maxBytes = bytes
            $0.topics = [
                .with {
                    $0.topic = "bench"
                    $0.partitions = [
                        .with {
                            $0.partition = 0
                            $0.partitionMaxBytes = bytes
                        }
                    ]
                }
            ]
        }
    }
}

private func serve(on group: MultiThreadedEventLoopGroup) throws -> Int {
    let loop = group.next()
    let box = try loop.submit {
        let broker = BenchBroker(
            eventLoop: loop,
            isOpen: true,
            checksCRC: false,
            expectedRecords: .max,
            measuresLatency: false,
            emit: { _ in }
        )
        broker.addReplay("bench", partitions: 1, log: try LoadPlan().makeLog())
        return NIOLoopBound(broker, eventLoop: loop)
    }.wait()
    let channel = try ServerBootstrap(group: group)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(BrokerConnection(broker: box.value))
            }
        }
        .bind(host: "127.0.0.1", port: 0).wait()
    let port = channel.localAddress?.port ?? 0
    try loop.submit { box.value.port = Int32(port) }.wait()
    return port
}

private func connect(port: Int, on loop: any EventLoop) throws -> KafkaConnection {
    let promise = loop.makePromise(of: KafkaConnection.self)
    promise.completeWithTask {
        try await KafkaConnection.connect(
            to: BrokerAddress(host: "127.0.0.1", port: port),
            configuration: ClientConfiguration(clusterName: "bench"),
            on: loop,
            purpose: .fetch,
            logger: Logger(label: "bench")
        )
    }
    return try promise.futureResult.wait()
}

/// Keeps so many requests in flight until all are answered; everything happens on the connection's event loop.
private final class Exchange {
    /// Seconds per request.
    struct Cost: Sendable {
        var cpu: Double
        var wall: Double
    }

    private let connection: KafkaConnection
    private let request: FetchRequest
    private let count: Int
    private let promise: EventLoopPromise<Cost>
    private var sent = 0
    private var answered = 0
    private let begin = Cost(cpu: seconds(CLOCK_THREAD_CPUTIME_ID), wall: seconds(CLOCK_MONOTONIC))

    private init(_ connection: KafkaConnection, _ request: FetchRequest, count: Int, _ promise: EventLoopPromise<Cost>)
    {
        self.connection = connection
        self.request = request
        self.count = count
        self.promise = promise
    }

    static func run(_ connection: KafkaConnection, _ request: FetchRequest, count: Int, inFlight: Int) throws -> Cost {
        let promise = connection.eventLoop.makePromise(of: Cost.self)
        connection.eventLoop.execute {
            let exchange = Exchange(connection, request, count: count, promise)
            for _ in 0..<inFlight { exchange.next() }
        }
        return try promise.futureResult.wait()
    }

    private func next() {
        guard sent < count else { return }
        sent += 1
        connection.send(request, version: 12) { result in
            if case .failure(let error) = result { self.promise.fail(error) }
            self.answered += 1
            guard self.answered == self.count else { return self.next() }
            self.promise.succeed(
                Cost(
                    cpu: (seconds(CLOCK_THREAD_CPUTIME_ID) - self.begin.cpu) / Double(self.count),
                    wall: (seconds(CLOCK_MONOTONIC) - self.begin.wall) / Double(self.count)
                )
            )
        }
    }
}

private func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
