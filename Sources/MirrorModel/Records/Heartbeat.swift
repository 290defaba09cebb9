/// A sign of life of a flow, written to the target's heartbeats topic.
package struct Heartbeat: Sendable, Equatable {
    package var sourceAlias: String
    package var targetAlias: String
    /// Milliseconds since 1970.
    package var timestamp: Int64

    package init(sourceAlias: String, targetAlias: String, timestamp: Int64) {
        self.sourceAlias = sourceAlias
        self.targetAlias = targetAlias
        self.timestamp = timestamp
    }

    package init(key: some Sequence<UInt8>, value: some Sequence<UInt8>) throws(MirrorRecordError) {
        var key = MirrorRecordReader(key)
        var value = MirrorRecordReader(value)
        try value.expectVersion(0)
        self.init(sourceAlias: try key.string(), targetAlias: try key.string(), timestamp: try value.integer())
    }

    package func key() throws(MirrorRecordError) -> [UInt8] {
        var bytes: [UInt8] = []
        try bytes.append(string: sourceAlias)
        try bytes.append(string: targetAlias)
        return bytes
    }

    package func value() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: Int16(0))
        bytes.append(bigEndian: timestamp)
        return bytes
    }
}
