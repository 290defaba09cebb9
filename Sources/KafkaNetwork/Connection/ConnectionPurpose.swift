import NIOCore

/// What a connection is used for; decides on its buffers.
///
/// Purposes have connections of their own so that a long poll never holds up a commit.
public enum ConnectionPurpose: String, Hashable, Sendable, CaseIterable {
    /// Metadata, admin calls, offsets: small and rare.
    case control
    /// Large answers that come slowly.
    case fetch
    /// Large requests.
    case produce
    /// Group membership, whose requests may wait long for other members.
    case group

    /// Whether answers are so large that they are received straight into the memory where they stay.
    var hasLargeAnswers: Bool { self == .fetch }

    /// The system's 64 KiB would make a channel 'not writable' after a single produce request.
    ///
    /// With TLS what is encrypted takes memory beside its plain text: no more of it than keeps the socket busy.
    func writeWaterMark(usesTLS: Bool) -> ChannelOptions.Types.WriteBufferWaterMark {
        switch self {
        case .produce where usesTLS: .init(low: 256 * 1024, high: 512 * 1024)
        case .produce: .init(low: 4 * 1024 * 1024, high: 16 * 1024 * 1024)
        case .control, .fetch, .group: .init(low: 64 * 1024, high: 1024 * 1024)
        }
    }
}

/// Reads the socket into the buffers of a `FrameAssembler`.
///
/// Unchecked: the channel asks for buffers on its event loop only, which is the handler's.
struct FrameReceiveAllocator: RecvByteBufferAllocator, @unchecked Sendable {
    private weak var handler: KafkaChannelHandler?

    init(handler: KafkaChannelHandler) {
        self.handler = handler
    }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        self.handler?.assembler.lend() ?? allocator.buffer(capacity: LentBuffers.keptCapacity)
    }

    /// Always true: with that the channel asks for a buffer before each read.
    mutating func record(actualReadBytes: Int) -> Bool { true }

    /// Nil: the channel must not fill a buffer again by itself.
    func nextBufferSize() -> Int? { nil }
}
