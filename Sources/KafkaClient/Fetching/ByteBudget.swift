/// How many fetched bytes may be in memory at once.
///
/// A fetch reserves what its answer may hold before it is sent; the answer turns the reservation into the bytes that
/// really came, and they stay charged until whoever took them gives them back. The first batch of an answer may be larger
/// than what was asked for (the protocol lets it through, or nothing would ever move), so the balance may go below
/// zero; nothing more is fetched until it is above zero again.
public struct ByteBudget: Sendable, Equatable {
    /// The most bytes that may be charged.
    public let capacity: Int
    /// Bytes reserved or charged now.
    public private(set) var used = 0
    /// The highest value `used` ever had.
    public private(set) var peak = 0

    public init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    /// Bytes that may still be reserved; never negative.
    public var available: Int { max(0, self.capacity - self.used) }

    /// Takes up to `wanted` bytes; nil when fewer than `least` are left.
    public mutating func reserve(upTo wanted: Int, least: Int) -> Int? {
        let granted = min(wanted, self.available)
        // With nothing in memory a request always goes out, or a tiny budget would stop everything.
        guard granted >= least || self.used == 0 else { return nil }
        let bytes = max(granted, 1)
        self.charge(bytes)
        return bytes
    }

    /// Gives bytes back.
    public mutating func release(_ bytes: Int) {
        assert(bytes <= self.used, "more bytes given back than taken")
        self.used -= bytes
    }

    /// Takes bytes that have arrived, whether or not there is room.
    mutating func charge(_ bytes: Int) {
        self.used += bytes
        self.peak = max(self.peak, self.used)
    }
}
