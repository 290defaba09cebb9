public import NIOCore

extension LoadPlan {
    /// The batches of one block back to back, as a fetch would bring them.
    public func makeBlock() throws -> ByteBuffer { try makeLog().block }
}

/// Text that compresses like log lines, of `count` bytes.
public func makeText(bytes count: Int) -> ByteBuffer {
    var source = TextSource(seed: 7)
    return source.next(bytes: count)
}
