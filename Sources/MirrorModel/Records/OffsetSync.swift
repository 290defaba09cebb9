package import KafkaProtocol

/// Says that the record at `upstreamOffset` of a source partition is at `downstreamOffset` of its mirror.
package struct OffsetSync: Sendable, Equatable {
    package var partition: TopicPartition
    package var upstreamOffset: Int64
    package var downstreamOffset: Int64

    package init(partition: TopicPartition, upstreamOffset: Int64, downstreamOffset: Int64) {
        self.partition = partition
        self.upstreamOffset = upstreamOffset
        self.downstreamOffset = downstreamOffset
    }

    package init(key: some Sequence<UInt8>, value: some Sequence<UInt8>) throws(MirrorRecordError) {
        var key = MirrorRecordReader(key)
        var value = MirrorRecordReader(value)
        self.init(
            partition: TopicPartition(topic: TopicName(try key.string()), partition: try key.integer()),
            upstreamOffset: try value.integer(),
            downstreamOffset: try value.integer()
        )
    }

    package func key() throws(MirrorRecordError) -> [UInt8] {
        var bytes: [UInt8] = []
        try bytes.append(string: partition.topic.string)
        bytes.append(bigEndian: partition.partition)
        return bytes
    }

    package func value() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: upstreamOffset)
        bytes.append(bigEndian: downstreamOffset)
        return bytes
    }
}
