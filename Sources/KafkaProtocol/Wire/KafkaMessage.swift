public import NIOCore

/// A struct that stands alone on the wire: a request, a response, a header, or data inside another message.
///
/// Encoding and decoding are requirements, not just extension methods: called through the requirement from another
/// module the specialised code runs, while a direct call to an extension method would run generic code, ten times
/// slower.
public protocol KafkaMessage: WireStruct {
    /// All versions implemented, from the oldest to the newest.
    static var supportedVersions: ClosedRange<Int16> { get }

    /// The first version with compact lengths and tagged fields (KIP-482); `Int16.max` for none.
    static var flexibleSince: Int16 { get }

    /// Reads a message from the front of `buffer` and leaves what follows it.
    static func decode(from buffer: inout ByteBuffer, version: Int16) throws(WireError) -> Self

    /// Reads a message that must fill `buffer` exactly.
    static func decode(exactly buffer: ByteBuffer, version: Int16) throws(WireError) -> Self

    /// How many bytes the message takes; throws when `version` cannot carry it.
    func encodedSize(version: Int16) throws(WireError) -> Int

    /// Appends the message to `buffer`, records included.
    func encode(into buffer: inout ByteBuffer, version: Int16) throws(WireError)

    /// Writes the message behind `prefix`, leaving long records where they are: the result's buffers one after the
    /// other are the bytes to send.
    func encodeGathered(version: Int16, prefix: ByteBuffer) throws(WireError) -> [ByteBuffer]

    /// Writes a complete frame: four bytes of length, `header`, and this message; long records stay where they are.
    func encodeFrame<Header: KafkaMessage>(
        header: Header,
        headerVersion: Int16,
        version: Int16
    ) throws(WireError) -> [ByteBuffer]
}

/// A request: it knows its API and its answer.
public protocol KafkaRequest: KafkaMessage {
    associatedtype Response: KafkaMessage

    /// The API's number.
    static var apiKey: ApiKey { get }

    /// The version of the request header that goes with a version of this request.
    static func requestHeaderVersion(for version: Int16) -> Int16

    /// The version of the response header that comes back.
    static func responseHeaderVersion(for version: Int16) -> Int16
}

extension KafkaRequest {
    public static func requestHeaderVersion(for version: Int16) -> Int16 {
        version >= flexibleSince ? 2 : 1
    }

    public static func responseHeaderVersion(for version: Int16) -> Int16 {
        version >= Response.flexibleSince ? 1 : 0
    }
}

extension KafkaMessage {
    public static func decode(from buffer: inout ByteBuffer, version: Int16) throws(WireError) -> Self {
        try checkVersion(version)
        var message = Self()
        let count = try message.read(from: buffer, version: version)
        buffer.moveReaderIndex(forwardBy: count)
        return message
    }

    public static func decode(exactly buffer: ByteBuffer, version: Int16) throws(WireError) -> Self {
        var buffer = buffer
        let size = buffer.readableBytes
        let message = try Self.decode(from: &buffer, version: version)
        guard buffer.readableBytes == 0 else {
            throw WireError(.trailingBytes, at: size - buffer.readableBytes, name: "\(Self.self)", version: version)
        }
        return message
    }

    public func encodedSize(version: Int16) throws(WireError) -> Int {
        let size = try measure(version: version)
        return size.inline + size.referenced
    }

    public func encode(into buffer: inout ByteBuffer, version: Int16) throws(WireError) {
        let size = try measure(version: version)
        _ = try write(into: &buffer, count: size.inline + size.referenced, version: version, gathers: false)
    }

    public func encodeGathered(version: Int16, prefix: ByteBuffer) throws(WireError) -> [ByteBuffer] {
        let size = try measure(version: version)
        var buffer = prefix
        let start = buffer.writerIndex
        let references = try write(into: &buffer, count: size.inline, version: version, gathers: true)
        return Self.cut(buffer, at: references, from: start)
    }

    public func encodeFrame<Header: KafkaMessage>(
        header: Header,
        headerVersion: Int16,
        version: Int16
    ) throws(WireError) -> [ByteBuffer] {
        let headerSize = try header.encodedSize(version: headerVersion)
        let size = try measure(version: version)
        let total = headerSize + size.inline + size.referenced
        guard let length = Int32(exactly: total) else {
            throw WireError(.tooLong, name: "\(Self.self)", version: version)
        }
        var buffer = ByteBufferAllocator().buffer(capacity: 4 + headerSize + size.inline)
        buffer.writeInteger(length)
        try header.encode(into: &buffer, version: headerVersion)
        let start = buffer.writerIndex
        let references = try write(into: &buffer, count: size.inline, version: version, gathers: true)
        return Self.cut(buffer, at: references, from: start)
    }
}

// MARK: - Walks

extension KafkaMessage {
    static func checkVersion(_ version: Int16) throws(WireError) {
        guard supportedVersions.contains(version) else {
            throw WireError(.unsupportedVersion, name: "\(Self.self)", version: version)
        }
    }

    private mutating func read(from buffer: ByteBuffer, version: Int16) throws(WireError) -> Int {
        try unsafe buffer.withUnsafeReadableBytes { bytes throws(WireError) -> Int in
            var walker = unsafe ReadWalker(
                bytes,
                of: buffer,
                version: version,
                isFlexible: version >= Self.flexibleSince
            )
            try walker.structure(&self)
            return walker.position
        }
    }

    private func measure(version: Int16) throws(WireError) -> (inline: Int, referenced: Int) {
        try Self.checkVersion(version)
        var copy = self
        var walker = SizeWalker(version: version, isFlexible: version >= Self.flexibleSince)
        try walker.structure(&copy)
        return (walker.size - walker.referenced, walker.referenced)
    }

    private func write(
        into buffer: inout ByteBuffer,
        count: Int,
        version: Int16,
        gathers: Bool
    ) throws(WireError) -> [WriteWalker.Reference] {
        var references: [WriteWalker.Reference] = []
        var copy = self
        _ = try unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) {
            bytes throws(WireError) -> Int in
            var walker = unsafe WriteWalker(
                bytes,
                gathers: gathers,
                version: version,
                isFlexible: version >= Self.flexibleSince
            )
            try walker.structure(&copy)
            references = walker.references
            return walker.position
        }
        return references
    }

    /// Cuts the written bytes where referenced parts belong and puts them there.
    private static func cut(
        _ buffer: ByteBuffer,
        at references: [WriteWalker.Reference],
        from start: Int
    ) -> [ByteBuffer] {
        guard !references.isEmpty else { return [buffer] }
        var rest = buffer
        var result: [ByteBuffer] = []
        result.reserveCapacity(references.count * 2 + 1)
        for reference in references {
            let count = start + reference.position - rest.readerIndex
            if count > 0, let piece = rest.readSlice(length: count) { result.append(piece) }
            result.append(reference.part)
        }
        if rest.readableBytes > 0 { result.append(rest) }
        return result
    }
}
