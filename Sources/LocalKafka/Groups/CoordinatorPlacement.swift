package import KafkaProtocol

/// Says which partition of an internal topic a group or transactional id belongs to.
package enum CoordinatorPlacement {
    package static let offsetsTopic: TopicName = "__consumer_offsets"
    package static let transactionsTopic: TopicName = "__transaction_state"

    /// The partition for `key`: Java's `String.hashCode`, made positive as Kafka does it.
    package static func partition(for key: KafkaString, count: Int32) -> Int32 {
        var hash: Int32 = 0
        for unit in key.string.utf16 { hash = hash &* 31 &+ Int32(unit) }
        return (hash == .min ? 0 : abs(hash)) % max(count, 1)
    }
}
