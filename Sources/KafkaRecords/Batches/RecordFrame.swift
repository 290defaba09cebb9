/// Where the parts of one uncompressed record lie; nothing is copied.
///
/// Layout: length, attributes, timestamp delta, offset delta, then the tail: key, value, headers. A record moves to
/// another batch by writing new deltas before the same tail.
struct RecordFrame {
    var attributes: Int8
    var timestampDelta: Int64
    var offsetDelta: Int32
    /// Nil for a null key.
    var key: Range<Int>?
    /// Nil for a null value.
    var value: Range<Int>?
    var headerCount: Int32
    /// The bytes of the headers without their count.
    var headers: Range<Int>
    /// From the length of the key to the end of the record.
    var tail: Range<Int>

    /// The least bytes that a record takes.
    static let minimumSize = 7

    /// Reads one record and checks all lengths inside, those of headers too.
    init(from cursor: inout ByteCursor) throws(RecordError) {
        let length = try cursor.varint()
        self = try cursor.limited(to: Int(length)) { cursor throws(RecordError) in
            try RecordFrame(body: &cursor)
        }
    }

    private init(body cursor: inout ByteCursor) throws(RecordError) {
        attributes = try cursor.integer()
        timestampDelta = try cursor.varlong()
        offsetDelta = try cursor.varint()
        let start = cursor.position
        key = try Self.nullableBytes(&cursor)
        value = try Self.nullableBytes(&cursor)
        headerCount = try cursor.varint()
        guard headerCount >= 0 else { throw RecordError(.content, "a record has \(headerCount) headers") }
        // Each header takes at least two bytes: a count beyond that is refused before anything is counted out.
        guard Int(headerCount) <= cursor.remaining / 2 else {
            throw RecordError(.content, "a record has \(headerCount) headers in \(cursor.remaining) bytes")
        }
        let headersStart = cursor.position
        for _ in 0..<headerCount {
            guard try Self.nullableBytes(&cursor) != nil else { throw RecordError(.content, "a header has no name") }
            _ = try Self.nullableBytes(&cursor)
        }
        guard cursor.remaining == 0 else {
            throw RecordError(.content, "a record is \(cursor.remaining) bytes longer than its fields")
        }
        headers = headersStart..<cursor.end
        tail = start..<cursor.end
    }

    static func nullableBytes(_ cursor: inout ByteCursor) throws(RecordError) -> Range<Int>? {
        let length = Int(try cursor.varint())
        guard length >= 0 else { return nil }
        let start = cursor.position
        try cursor.skip(length)
        return start..<cursor.position
    }
}
