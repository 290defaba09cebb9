public import NIOCore

/// One record as a consumer sees it.
public struct Record: Hashable, Sendable {
    public var offset: Int64
    /// Milliseconds since 1970; -1 where the format has none.
    public var timestamp: Int64
    /// Nil is different from empty.
    public var key: ByteBuffer?
    /// Nil deletes the key in a compacted topic.
    public var value: ByteBuffer?
    public var headers: [RecordHeader]

    public init(
        offset: Int64 = 0,
        timestamp: Int64,
        key: ByteBuffer?,
        value: ByteBuffer?,
        headers: [RecordHeader] = []
    ) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// A named value beside a record; names may repeat and order matters.
public struct RecordHeader: Hashable, Sendable {
    /// The name's bytes: UTF-8 in theory, so kept as they are.
    public var key: ByteBuffer
    public var value: ByteBuffer?

    public init(key: ByteBuffer, value: ByteBuffer?) {
        self.key = key
        self.value = value
    }

    public init(key: String, value: ByteBuffer?) {
        self.init(key: ByteBuffer(string: key), value: value)
    }

    /// The name as text, with invalid bytes replaced.
    public var name: String { String(buffer: key) }
}
