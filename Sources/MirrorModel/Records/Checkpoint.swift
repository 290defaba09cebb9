package import KafkaProtocol

/// A consumer group's committed offset in a source partition and what it is in the mirrored partition.
package struct Checkpoint: Sendable, Equatable {
    package var group: GroupID
    /// The partition at the target.
    package var partition: TopicPartition
    package var upstreamOffset: Int64
    package var downstreamOffset: Int64
    /// The metadata of the group's commit.
    package var metadata: String

    package init(
        group: GroupID,
        partition: TopicPartition,
        upstreamOffset: Int64,
        downstreamOffset: Int64,
        metadata: String
    ) {
        self.group = group
        self.partition = partition
        self.upstreamOffset = upstreamOffset
        self.downstreamOffset = downstreamOffset
        self.metadata = metadata
    }

    package init(key: some Sequence<UInt8>, value: some Sequence<UInt8>) throws(MirrorRecordError) {
        var key = MirrorRecordReader(key)
        var value = MirrorRecordReader(value)
        try value.expectVersion(0)
        self.init(
            group: GroupID(try key.string()),
            partition: TopicPartition(topic: TopicName(try key.string()), partition: try key.integer()),
            upstreamOffset: try value.integer(),
            downstreamOffset: try value.integer(),
            metadata: try value.string()
        )
    }

    package func key() throws(MirrorRecordError) -> [UInt8] {
        var bytes: [UInt8] = []
        try bytes.append(string: group.string)
        try bytes.append(string: partition.topic.string)
        bytes.append(bigEndian: partition.partition)
        return bytes
    }

    package func value() throws(MirrorRecordError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: Int16(0))
        bytes.append(bigEndian: upstreamOffset)
        bytes.append(bigEndian: downstreamOffset)
        try bytes.append(string: metadata)
        return bytes
    }
}
