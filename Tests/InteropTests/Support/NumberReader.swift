import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore
import NIOPosix
import Synchronization
import TestSupport

/// Reads what a `NumberWriter` wrote with a `PartitionFetcher` and counts what is wrong with it.
final class NumberReader: @unchecked Sendable {
    // Unchecked: `fetcher` is used on the loop only; everything else is behind `state`.

    struct State {
        /// The number expected next, by slot.
        var next: [Int: Int] = [:]
        var records = 0
        var lost = 0
        var repeated = 0
        var damaged = 0
        var outOfRange: [Int64] = []
        var failures: [FetchFailure] = []
        var recoveries = 0
        var leaders: [Int32] = []

        var isComplete: (Int) -> Bool { { limit in !self.next.isEmpty && self.next.values.allSatisfy { $0 >= limit } } }
    }

    private let fetcher: PartitionFetcher
    private let topic: TopicName
    private let state = Mutex(State())

    init(_ client: KafkaClient, topic: TopicName, settings: FetchSettings = FetchSettings()) {
        self.topic = topic
        var settings = settings
        settings.maximumWait = .milliseconds(100)
        settings.retryBackoff = .milliseconds(20)
        self.fetcher = PartitionFetcher(
            client: client,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            settings: settings,
            logger: client.logger
        )
    }

    var snapshot: State { self.state.withLock { $0 } }

    /// Begins at `start`, where the number `first` is expected.
    func start(partitions: Range<Int32>, at start: StartPosition = .earliest, first: Int = 0) async throws {
        try await self.fetcher.eventLoop.submit {
            self.fetcher.start(
                PartitionFetcher.Handlers(records: { self.take($0) }, event: { self.take($0) })
            )
            for partition in partitions {
                let slot = self.fetcher.add(TopicPartition(self.topic, partition), start: start)
                self.state.withLock { $0.next[slot] = first }
            }
        }.get()
    }

    /// Waits until every partition was read up to `limit`.
    func read(upTo limit: Int, within duration: Duration = .seconds(30)) async throws {
        try await poll(within: duration, "Not all was read: \(self.snapshot)") { self.snapshot.isComplete(limit) }
    }

    func stop() async throws {
        try await self.fetcher.eventLoop.submit { self.fetcher.close() }.get()
    }

    private func take(_ fetched: FetchedRecords) {
        var scanner = RecordBatchScanner(fetched.records)
        do {
            while let batch = try scanner.next() {
                for record in try batch.records(codecs: nil) where record.offset >= fetched.fetchOffset {
                    let number = record.value.flatMap { Int(String(buffer: $0)) }
                    self.state.withLock { $0.count(number, slot: fetched.slot) }
                }
            }
        } catch {
            self.state.withLock { $0.damaged += 1 }
        }
        self.fetcher.release(fetched.lease)
    }

    private func take(_ event: FetchEvent) {
        switch event {
        case .offsetOutOfRange(let slot, let offset, let logStart, _):
            self.state.withLock {
                $0.outOfRange.append(offset)
                // Offsets and numbers are the same in these topics.
                $0.next[slot] = Int(logStart)
            }
            self.fetcher.seek(slot, to: .offset(logStart))
        case .diverged(let slot, _, _, let end):
            self.state.withLock { $0.next[slot] = Int(end) }
            self.fetcher.seek(slot, to: .offset(end))
        case .leaderChanged(_, let node, _): self.state.withLock { $0.leaders.append(node) }
        case .failing(_, let failure): self.state.withLock { $0.failures.append(failure) }
        case .recovered: self.state.withLock { $0.recoveries += 1 }
        case .watermarks, .started, .topicRecreated: break
        }
    }
}

extension NumberReader.State {
    fileprivate mutating func count(_ number: Int?, slot: Int) {
        guard let number, let expected = self.next[slot] else {
            self.damaged += 1
            return
        }
        self.records += 1
        if number < expected {
            self.repeated += 1
        } else {
            self.lost += number - expected
            self.next[slot] = number + 1
        }
    }
}
