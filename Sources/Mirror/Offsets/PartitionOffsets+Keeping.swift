package import MirrorModel

/// What has to be written so that the map survives.
extension PartitionOffsets {
    /// What is not kept yet.
    package enum Unkept {
        case nothing
        /// Short enough for a progress record.
        case short([UInt8])
        /// The whole map, and where it ends.
        case long([UInt8], OffsetMap.Bookmark)
    }

    /// The bytes that a progress record may get.
    private static let shortLimit = 1_024
    /// The same while the long part cannot be written.
    static let shortenedLimit = 4_096

    package func unkept() -> Unkept {
        self.withState { state in
            guard !state.map.isEmpty || state.map.isOrigin else { return .nothing }
            let later = state.kept.flatMap { state.map.encoded(since: $0) } ?? state.map.encoded()
            // A long map is written again when a part of it that is worth it is new.
            if later.count <= max(Self.shortLimit, state.map.byteCount / 16) { return .short(later) }
            // Nothing may replace the older part before it is read.
            if state.map.isContinuation { return .short(Self.shortened(state)) }
            return .long(state.map.encoded(), state.map.bookmark)
        }
    }

    /// Everything up to the bookmark is kept elsewhere.
    package func kept(until bookmark: OffsetMap.Bookmark) {
        self.withState { $0.kept = bookmark }
    }

    /// What is not kept, with less precision where it would be too long.
    package func shortened() -> [UInt8] {
        self.withState { Self.shortened($0) }
    }

    /// The same with what the target has written and not committed yet; nil when nothing is known.
    package func shortened(adding body: (inout OffsetMap) -> Void) -> [UInt8]? {
        var state = self.withState { $0 }
        body(&state.map)
        guard !state.map.isEmpty || state.map.isOrigin else { return nil }
        return Self.shortened(state)
    }

    private static func shortened(_ state: State) -> [UInt8] {
        let later = state.kept.flatMap { state.map.encoded(since: $0) } ?? state.map.encoded()
        guard later.count > Self.shortenedLimit, var map = try? OffsetMap(encoded: later, byteLimit: later.count) else {
            return later
        }
        map.limit(bytes: Self.shortenedLimit)
        return map.encoded()
    }

    /// Puts what was kept elsewhere before what is known here; false when it is not there, or does not fit.
    package func adopt(_ earlier: OffsetMap?) -> Bool {
        self.withState { state in
            guard state.map.isContinuation else { return true }
            if let earlier {
                state.raise(to: state.map.byteCount + earlier.byteCount)
                if let meeting = state.map.adopt(earlier) {
                    state.kept = meeting
                    return true
                }
            }
            state.map.endContinuation()
            state.kept = nil
            return false
        }
    }
}
