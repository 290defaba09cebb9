import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore

/// What kinds of trouble a history may have.
package enum Fault: String, CaseIterable, Sendable {
    case lostRequest, lostAnswer, refusedConnection, fetchError, produceError, writtenWithError, unansweredPartition
    case callError, sessionEviction, leaderMove, staleMetadata, throttle, slowAnswer
    case kill, killBetweenSteps, cleanStop, pause, clockJump
    case networkPartition, slowBroker, brokerRestart
    case sourceTruncation, targetTruncation, sourceRecreation, targetRecreation, retention, corruptBatch
    case twoOwners, foreignWriter
    case progressLost
    /// A request that arrives after its connection was closed, by a process that may be dead.
    case lateArrival
    /// The transaction coordinator moves or starts up.
    case coordinatorError
    /// The coordinator gives a transaction up.
    case transactionExpired
    /// What a process wrote in a transaction has to be written again, whatever the cause.
    case transactionLost
}

/// The shape of one history, drawn from its seed.
struct HistoryPlan {
    enum Style: Int {
        case plain, transactional, compacted, mixed
    }

    struct Topic {
        var name: TopicName
        var targetName: TopicName
        var partitions: Int
        var style: Style
        var codecs: [CompressionCodec]
        var isLogAppendTime: Bool
    }

    struct Timed {
        var at: TimeAmount
        var fault: Fault
    }

    var topics: [Topic] = []
    var sourceNodes: [Int32]
    var targetNodes: [Int32]
    var fetchVersion: Int16
    var produceVersion: Int16
    var isReadCommitted: Bool
    var storm: TimeAmount
    var recordsPerPartition: Int
    var progressInterval: TimeAmount
    var discoveryInterval: TimeAmount
    var fetch = FetchSettings()
    var produce = ProduceSettings()
    var isJoining: Bool
    var plannedAhead: Int
    var farAway: TimeAmount
    var sourceDelay: ClosedRange<Int>
    var targetDelay: ClosedRange<Int>
    /// In ten thousand requests.
    var rates: [Fault: Int] = [:]
    var timed: [Timed] = []
    var namesLeaders: Bool
    /// Records and progress are written in transactions.
    var isExactlyOnce: Bool
    var transactionTimeout: TimeAmount
    var verifiesTransactions: Bool
    var progressPartitions: Int

    /// Faults that come with requests.
    private static let perRequest: [Fault] = [
        .lostRequest, .lostAnswer, .refusedConnection, .fetchError, .produceError, .writtenWithError,
        .unansweredPartition, .callError, .sessionEviction, .leaderMove, .staleMetadata, .throttle, .slowAnswer,
        .progressLost, .coordinatorError,
    ]
    /// Faults at a moment that leave no trace in the data.
    private static let harmless: [Fault] = [
        .kill, .kill, .kill, .killBetweenSteps, .killBetweenSteps, .cleanStop, .pause, .clockJump, .networkPartition,
        .slowBroker, .brokerRestart,
    ]
    private static let destructive: [Fault] = [
        .sourceTruncation, .targetTruncation, .sourceRecreation, .targetRecreation, .retention, .corruptBatch,
        .foreignWriter, .twoOwners,
    ]

    init(random: inout SimulationRandom) {
        sourceNodes = Array(1...Int32(random.int(1...3)))
        targetNodes = Array(11...Int32(10 + random.int(1...3)))
        fetchVersion = random.pick([11, 12, 13, 16, 16, 16])
        produceVersion = random.pick([7, 9, 11])
        isReadCommitted = random.chance(8_500)
        namesLeaders = random.chance(5_000)
        storm = .milliseconds(Int64(random.int(2_000...12_000)))
        recordsPerPartition = random.int(20...120)
        progressInterval = .milliseconds(Int64(random.int(200...1_500)))
        discoveryInterval = .milliseconds(Int64(random.int(1_000...5_000)))
        isJoining = random.chance(5_000)
        plannedAhead = random.pick([1, 4, 128])
        isExactlyOnce = random.chance(3_500)
        transactionTimeout = .seconds(Int64(random.pick([6, 15, 60])))
        verifiesTransactions = random.chance(5_000)
        progressPartitions = random.int(1...2)
        produce.isTransactional = isExactlyOnce
        let isFar = random.chance(2_000)
        farAway = .milliseconds(isFar ? 5 : 20)
        sourceDelay = isFar ? 5...30 : 1...4
        targetDelay = random.chance(3_000) ? 5...40 : 1...4
        let topicCount = random.int(1...2)
        for index in 0..<topicCount {
            let codecs: [CompressionCodec] =
                random.chance(5_000) ? [.none] : [.none, random.pick(CompressionCodec.allCases)]
            topics.append(
                Topic(
                    name: TopicName("t\(index)"),
                    targetName: TopicName("A.t\(index)"),
                    partitions: random.int(1...2),
                    style: Style(rawValue: random.int(0...3)) ?? .plain,
                    codecs: codecs,
                    isLogAppendTime: random.chance(1_000)
                )
            )
        }
        fetch.maximumWait = .milliseconds(Int64(random.int(20...500)))
        fetch.isolation = isReadCommitted ? .readCommitted : .readUncommitted
        if random.chance(3_000) {
            fetch.byteBudget = 8_000
            fetch.maximumBytes = 2_000
            fetch.maximumPartitionBytes = 700
        }
        produce.linger = random.chance(5_000) ? .zero : .milliseconds(5)
        produce.maximumInFlight = random.pick([1, 2, 5, 5])
        for fault in Self.perRequest where random.chance(4_500) {
            rates[fault] = random.pick([20, 100, 300, 600, 2_000])
        }
        for _ in 0..<random.int(0...5) {
            timed.append(Timed(at: moment(&random), fault: random.pick(Self.harmless)))
        }
        if isExactlyOnce {
            // Two owners are what this mode is for.
            if random.chance(3_000) { timed.append(Timed(at: moment(&random), fault: .twoOwners)) }
            if random.chance(2_000) { timed.append(Timed(at: moment(&random), fault: .transactionExpired)) }
        }
        if random.chance(4_500) {
            for _ in 0..<random.int(1...2) {
                let fault = random.pick(Self.destructive)
                // Older brokers tell neither where epochs end nor which topic they mean.
                if fault == .sourceTruncation, fetchVersion < 12 { continue }
                if fault == .sourceRecreation, fetchVersion < 13 { continue }
                if isExactlyOnce, fault == .targetTruncation || fault == .targetRecreation { continue }
                timed.append(Timed(at: moment(&random), fault: fault))
            }
        }
        timed.sort { $0.at < $1.at }
    }

    private func moment(_ random: inout SimulationRandom) -> TimeAmount {
        .milliseconds(Int64(random.int(50...Int(storm.nanoseconds / 1_000_000))))
    }
}
