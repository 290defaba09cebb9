package import KafkaRecords

/// The topic configs that decide how a log takes and keeps records.
package struct LogRules: Sendable, Hashable {
    package var maxMessageBytes = 1_048_588
    package var timestampType = TimestampType.createTime
    package var timestampBeforeMaxMs = Int64.max
    package var timestampAfterMaxMs = Int64.max
    /// The codec that batches are stored with; `nil` keeps the producer's.
    package var codec: CompressionCodec?
    package var segmentBytes = 1 << 30
    package var isCompacted = false
    package var isDeleted = true
    package var retentionBytes: Int64 = -1
    package var retentionMs: Int64 = 604_800_000
    package var deleteRetentionMs: Int64 = 86_400_000
    package var minInSyncReplicas = 1

    package init() {}
}
