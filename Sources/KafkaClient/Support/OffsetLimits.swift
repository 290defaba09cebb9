extension Int64 {
    /// No log ever gets there: greater numbers are damage or malice, and counting on from them would overflow.
    private static let largestOffset: Int64 = 1 << 60

    /// An offset or watermark as a broker names it; what makes no sense counts as not known, which is -1.
    var asOffset: Int64 {
        (0...Self.largestOffset).contains(self) ? self : -1
    }

    /// Whether a broker may name it: an offset, or -1 for none.
    var isOffsetOrNone: Bool { self == -1 || self.asOffset == self }
}
