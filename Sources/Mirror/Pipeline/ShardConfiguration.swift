package import KafkaClient

/// How the shards of one flow work.
package struct ShardConfiguration: Sendable {
    package var fetch = FetchSettings()
    package var produce = ProduceSettings()
    package var flow = PartitionFlow.Settings()
    /// How long `revoke` waits for what was sent.
    package var revokePatience: Duration = .seconds(5)
    /// Batches encoded again at the same time.
    package var rebuildWidth = 2

    package init(sourceAlias: String, targetAlias: String) {
        self.flow.sourceAlias = sourceAlias
        self.flow.targetAlias = targetAlias
    }

    /// Writes records and progress in transactions, which needs all replicas' word whatever the file says.
    package mutating func writeTransactions() {
        self.produce.isTransactional = true
        self.produce.isIdempotent = true
        self.produce.acks = -1
        self.flow.isTransactional = true
    }

    /// Reads the settings from the Java properties of the source consumer and the target producer.
    package init(
        sourceAlias: String,
        targetAlias: String,
        consumer: [String: String],
        producer: [String: String]
    ) throws(KafkaClientError) {
        self.init(sourceAlias: sourceAlias, targetAlias: targetAlias)
        // Unlike a Java consumer's, the default leaves out what was aborted.
        self.fetch = try FetchSettings(properties: ["isolation.level": "read_committed"].merging(consumer) { $1 })
        // Progress counts what the target has confirmed, so it is always asked to.
        let confirmed = producer.filter { $0.key != "acks" || $0.value.trimmingPrefix(while: \.isWhitespace) != "0" }
        self.produce = try ProduceSettings(properties: confirmed)
        self.flow.isReadCommitted = self.fetch.isolation == .readCommitted
        self.flow.planner.checksCRCs = consumer["check.crcs"]?.lowercased() != "false"
    }
}
