import BenchBroker
import Foundation
import KafkaRecords
import NIOCore
import NIOPosix
import NIOSSL

/// bench-broker source|sink [--option value]...
///
/// Reads commands from standard input: `go` lets replayed records appear, `live` starts live records,
/// `stall` and `unstall` stop and resume acknowledgements, `advertise PORT` names another port to clients,
/// `stats` prints the counters, `quit` or the end of the input ends the process. Every event is a line of JSON.
struct Options {
    private var values: [String: String] = [:]
    let mode: String

    init(_ arguments: [String]) throws {
        guard let mode = arguments.first, ["source", "sink"].contains(mode), arguments.count % 2 == 1 else {
            throw Failure("usage: bench-broker source|sink [--option value]...")
        }
        self.mode = mode
        for index in stride(from: 1, to: arguments.count, by: 2) {
            values[String(arguments[index].dropFirst(2))] = arguments[index + 1]
        }
    }

    func int(_ name: String, _ fallback: Int) -> Int { values[name].flatMap { Int($0) } ?? fallback }
    func text(_ name: String, _ fallback: String) -> String { values[name] ?? fallback }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

@Sendable func emit(_ line: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
}

/// Appends `rate` records a second, one batch each, stamped with the microseconds of the clock.
final class LiveLoad {
    let broker: BenchBroker
    let rate: Int
    let value: ByteBuffer
    let partitions: Int32
    let begin = BenchBroker.now()
    var sent = 0

    init(_ broker: BenchBroker, rate: Int, bytes: Int, partitions: Int32) {
        self.broker = broker
        self.rate = rate
        self.value = ByteBuffer(repeating: UInt8(ascii: "x"), count: bytes)
        self.partitions = partitions
    }

    /// The most records in one turn of the event loop, so that others get theirs.
    private static let turn = 500

    func tick(_ loop: NIOIsolatedEventLoop) {
        let due = min(Int((BenchBroker.now() - begin) * Double(rate)), sent + Self.turn)
        let isLate = due == sent + Self.turn
        while sent < due {
            var builder = RecordBatchBuilder(capacity: value.readableBytes + 128)
            builder.append(timestamp: Int64(BenchBroker.now() * 1e6), key: nil, value: value)
            if let batch = try? builder.build() {
                try? broker.append(batch, to: "bench", partition: Int32(sent) % partitions)
            }
            sent += 1
        }
        loop.scheduleTask(in: .microseconds(isLate ? 50 : 500)) { self.tick(loop) }
    }
}

func tlsContext(_ options: Options) throws -> NIOSSLContext? {
    let certificate = options.text("certificate", "")
    guard !certificate.isEmpty else { return nil }
    return try NIOSSLContext(
        configuration: .makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: options.text("key", ""), format: .pem))
        )
    )
}

func run() throws {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let partitions = Int32(options.int("partitions", 1))
    let live = options.int("live", 0)
    var plan = LoadPlan()
    plan.recordBytes = options.int("record-bytes", 1024)
    plan.recordsPerBatch = options.int("batch-records", 250)
    plan.codec = CompressionCodec(name: options.text("codec", "none")) ?? .none
    plan.variant = LoadPlan.Variant(rawValue: options.text("variant", "plain")) ?? .plain
    plan.partitionBytes = options.int("bytes", 64 << 20) / Int(partitions)
    let sending = plan
    let box = try loop.submit {
        let broker = BenchBroker(
            eventLoop: loop,
            isOpen: options.text("gate", "no") == "no",
            checksCRC: options.text("check", "no") == "yes",
            expectedRecords: Int64(options.int("expect", .max)),
            measuresLatency: options.text("latency", "no") == "yes",
            emit: emit
        )
        if options.mode == "source" {
            if live > 0 {
                broker.addStored("bench", partitions: partitions)
            } else {
                let log = try sending.makeLog()
                let topics = Int32(options.int("topics", 1))
                for index in 0..<topics {
                    let name = topics == 1 ? "bench" : "bench-\(index)"
                    broker.addReplay(name, partitions: partitions / topics, log: log)
                }
                emit(
                    "{\"event\": \"plan\", \"bytes\": \(log.byteCount * Int(partitions)), "
                        + "\"batches\": \(log.batchCount * Int(partitions)), "
                        + "\"records\": \(log.visibleRecords * Int(partitions))}"
                )
            }
        } else if options.int("topic", 0) > 0 {
            broker.addCounted("bench", partitions: Int32(options.int("topic", 0)))
        }
        return NIOLoopBound(broker, eventLoop: loop)
    }.wait()

    let tls = try tlsContext(options)
    let bootstrap = ServerBootstrap(group: group)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 256 << 10))
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                try channel.pipeline.syncOperations.addHandler(BrokerConnection(broker: box.value))
            }
        }
    let channel = try bootstrap.bind(host: "127.0.0.1", port: options.int("port", 0)).wait()
    let port = Int32(channel.localAddress?.port ?? 0)
    try loop.submit { box.value.port = port }.wait()
    emit("{\"event\": \"ready\", \"port\": \(port)}")

    while let command = readLine() {
        try loop.submit {
            switch command {
            case "go": box.value.open()
            case "live":
                LiveLoad(box.value, rate: live, bytes: sending.recordBytes, partitions: partitions)
                    .tick(loop.assumeIsolated())
            case "stall": box.value.setStalled(true)
            case "unstall": box.value.setStalled(false)
            case "stats": emit(box.value.report(event: "stats"))
            case let text where text.hasPrefix("advertise "):
                box.value.port = Int32(text.dropFirst(10)) ?? box.value.port
            default: break
            }
        }.wait()
        if command == "quit" { break }
    }
}

do {
    try run()
    exit(0)
} catch {
    emit("{\"event\": \"failed\", \"reason\": \"\(error)\"}")
    exit(1)
}
