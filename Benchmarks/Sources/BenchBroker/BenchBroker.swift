import Foundation
import KafkaProtocol
import KafkaRecords
public import NIOCore

/// A broker that stands in for a cluster so that the load side is not what is measured.
///
/// It replays canned records and acknowledges what it is sent without keeping it; only internal topics, by which the
/// mirror keeps its state, are real logs. All state belongs to one event loop.
public final class BenchBroker {
    let eventLoop: any EventLoop
    let host: String
    public var port: Int32 = 0
    var topics: [TopicName: Topic] = [:]
    var topicNames: [KafkaUUID: TopicName] = [:]
    /// Whether replayed records are there already.
    var isOpen: Bool
    let checksCRC: Bool
    /// Reports `first` and `done`.
    let expectedRecords: Int64
    private let emit: (String) -> Void

    var sessions: [Int32: FetchSession] = [:]
    private var nextSessionID: Int32 = 1
    var nextProducerID: Int64 = 1000
    /// Fetches that wait for records.
    var parked: [ObjectIdentifier: () -> Void] = [:]
    /// Answers to Produce held back while the broker is stalled; nil while it is not.
    var heldAnswers: [() -> Void]?
    /// Replayed partitions that were asked for at least once.
    var asked: Set<FetchKey> = []
    public private(set) var askedPartitions = 0

    private(set) var records: Int64 = 0
    private(set) var bytes = 0
    private(set) var batches = 0
    private(set) var requests = 0
    private(set) var badBatches = 0
    var latencies: [Int32] = []
    let measuresLatency: Bool
    var served = 0

    public init(
        eventLoop: any EventLoop,
        host: String = "127.0.0.1",
        isOpen: Bool,
        checksCRC: Bool,
        expectedRecords: Int64,
        measuresLatency: Bool,
        emit: @escaping (String) -> Void
    ) {
        self.eventLoop = eventLoop
        self.host = host
        self.isOpen = isOpen
        self.checksCRC = checksCRC
        self.expectedRecords = expectedRecords
        self.measuresLatency = measuresLatency
        self.emit = emit
    }

    // MARK: - Topics

    public func addReplay(_ name: String, partitions: Int32, log: ReplayLog) {
        add(
            Topic(
                name: TopicName(name),
                partitions: (0..<partitions).map { Partition(index: $0, content: .replay(log)) }
            )
        )
    }

    public func addStored(_ name: String, partitions: Int32) {
        add(
            Topic(
                name: TopicName(name),
                partitions: (0..<partitions).map { Partition(index: $0, content: .stored(StoredLog())) }
            )
        )
    }

    public func addCounted(_ name: String, partitions: Int32) {
        add(
            Topic(
                name: TopicName(name),
                partitions: (0..<partitions).map { Partition(index: $0, content: .counted(Counted())) }
            )
        )
    }

    private func add(_ topic: Topic) {
        topics[topic.name] = topic
        topicNames[topic.id] = topic.name
    }

    /// Internal topics keep what they are sent.
    func create(_ name: TopicName, partitions: Int32) -> Topic {
        let text = name.string
        let isInternal = text.hasPrefix("mm2-") || text.hasSuffix(".internal") || text.hasSuffix("heartbeats")
        if isInternal { addStored(text, partitions: partitions) } else { addCounted(text, partitions: partitions) }
        return topics[name] ?? Topic(name: name, partitions: [])
    }

    func partition(_ topic: TopicName, _ index: Int32) -> Partition? {
        guard let partitions = topics[topic]?.partitions, index >= 0, Int(index) < partitions.count else { return nil }
        return partitions[Int(index)]
    }

    // MARK: - Events

    /// Lets replayed records appear.
    public func open() {
        isOpen = true
        wake()
    }

    /// Stops acknowledging, or goes on.
    public func setStalled(_ isStalled: Bool) {
        let held = heldAnswers ?? []
        heldAnswers = isStalled ? [] : nil
        for answer in held { answer() }
    }

    /// Appends a live batch.
    public func append(_ batch: ByteBuffer, to name: String, partition index: Int32) throws {
        guard let partition = partition(TopicName(name), index), case .stored(var log) = partition.content else {
            return
        }
        partition.content = .counted(Counted())
        log.append(try RecordBatchView(batch))
        partition.content = .stored(log)
        wake()
    }

    func wake() {
        let waiting = parked
        parked = [:]
        for resume in waiting.values { resume() }
    }

    func makeSession() -> FetchSession {
        let session = FetchSession(id: nextSessionID)
        nextSessionID += 1
        sessions[session.id] = session
        return session
    }

    func noteAsked(_ key: FetchKey) {
        if asked.insert(key).inserted { askedPartitions += 1 }
    }

    func count(_ view: RecordBatchView) {
        if records == 0 { emit("{\"event\": \"first\", \"time\": \(Self.now())}") }
        if measuresLatency, latencies.count < 1_000_000 {
            latencies.append(Int32(clamping: Int64(Self.now() * 1e6) - view.baseTimestamp))
        }
        let before = records
        records += Int64(view.recordCount)
        bytes += view.sizeInBytes
        batches += 1
        if checksCRC, !view.isValidCRC() { badBatches += 1 }
        if before < expectedRecords, records >= expectedRecords { emit(report(event: "done")) }
    }

    /// Says something that helps to find out why a run fails.
    func note(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

    func countRequest() { requests += 1 }

    func countBad() { badBatches += 1 }

    /// All counters as a line of JSON.
    public func report(event: String) -> String {
        var line =
            "{\"event\": \"\(event)\", \"time\": \(Self.now()), \"records\": \(records), \"bytes\": \(bytes), "
            + "\"batches\": \(batches), \"requests\": \(requests), \"bad\": \(badBatches), \"served\": \(served), "
            + "\"asked\": \(askedPartitions)"
        if !latencies.isEmpty {
            let sorted = latencies.sorted()
            func at(_ share: Double) -> Double { Double(sorted[Int(Double(sorted.count - 1) * share)]) / 1000 }
            line += ", \"latency_p50_ms\": \(at(0.5)), \"latency_p99_ms\": \(at(0.99)), \"latency_max_ms\": \(at(1))"
        }
        return line + "}"
    }

    /// Seconds on the clock that all processes share.
    public static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
