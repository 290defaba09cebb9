import KafkaProtocol

/// What the demo shows at one moment.
struct DemoSnapshot: Sendable, Equatable {
    struct Row: Sendable, Equatable {
        var topic: TopicName
        var codec: String
        var partitions: Int
        /// Records at the source.
        var source: Int64 = 0
        /// Records that the target has acknowledged.
        var mirrored: Int64 = 0
        var compared: Int64 = 0
        var different: Int64 = 0
        var firstDifference: String?

        var lag: Int64 { max(0, source - mirrored) }
    }

    struct Flow: Sendable, Equatable {
        var name: String
        var phase: String
        var rows: [Row]
        var bytes: Int64 = 0
        var fastPathBatches: Int64 = 0
        var slowPathBatches: Int64 = 0
    }

    /// Since the start.
    var elapsed: Duration
    var flows: [Flow]
    /// Bytes; of the whole process, clusters and producers included.
    var residentMemory: Int

    var compared: Int64 { flows.reduce(0) { $0 + $1.rows.reduce(0) { $0 + $1.compared } } }
    var different: Int64 { flows.reduce(0) { $0 + $1.rows.reduce(0) { $0 + $1.different } } }
    /// Whether something was not mirrored or not compared yet.
    var isIncomplete: Bool { flows.contains { $0.rows.contains { $0.lag > 0 || $0.compared < $0.source } } }
    var mirrored: Int64 { flows.reduce(0) { $0 + $1.rows.reduce(0) { $0 + $1.mirrored } } }
}
