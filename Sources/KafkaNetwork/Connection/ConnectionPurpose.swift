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

    var receiveAllocator: any RecvByteBufferAllocator {
        switch self {
        case .fetch: FixedSizeRecvByteBufferAllocator(capacity: 512 * 1024)
        case .control, .produce, .group: AdaptiveRecvByteBufferAllocator()
        }
    }

    /// The system's 64 KiB would make a channel 'not writable' after a single produce request.
    var writeWaterMark: ChannelOptions.Types.WriteBufferWaterMark {
        switch self {
        case .produce: .init(low: 4 * 1024 * 1024, high: 16 * 1024 * 1024)
        case .control, .fetch, .group: .init(low: 64 * 1024, high: 1024 * 1024)
        }
    }
}
