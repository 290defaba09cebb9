import KafkaClient
import NIOCore
import Testing

/// How much of a distant link one partition fills with default settings, in virtual time.
@Suite("Reading ahead")
struct ReadAheadTests {
    private func check(
        _ broker: DistantBroker,
        share: Double,
        twice: Double,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let seconds = broker.transfer()
        #expect(broker.position == broker.end && broker.problems == [], sourceLocation: sourceLocation)
        let filled = Double(broker.byteCount) / seconds / 62.5e6
        let repeated = Double(broker.bytesSent) / Double(broker.byteCount) - 1
        #expect(filled >= share, "\(filled) of the link, \(repeated) twice", sourceLocation: sourceLocation)
        #expect(repeated <= twice, "\(filled) of the link, \(repeated) twice", sourceLocation: sourceLocation)
    }

    @Test("equal batches fill the link and come once", arguments: [16, 100, 260])
    func equal(kilobytes: Int) {
        let shape = Array(repeating: (width: Int32(kilobytes), bytes: kilobytes * 1000), count: 1_500_000 / kilobytes)
        self.check(DistantBroker(shape, cutsBatches: false), share: 0.95, twice: 0.01)
        // What is cut off at the end of each answer comes again.
        self.check(DistantBroker(shape), share: 0.92, twice: 0.04)
    }

    @Test("equal numbers of records of changing size")
    func compressed() {
        var state: UInt64 = 5
        let shape = (0..<6_000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (width: Int32(500), bytes: 200_000 + Int(state >> 33) % 100_000)
        }
        self.check(DistantBroker(shape), share: 0.86, twice: 0.12)
    }

    @Test("batches of every size", arguments: UInt64(1)...4)
    func uneven(seed: UInt64) {
        var state = seed
        let shape = (0..<40_000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let records = 1 + Int(state >> 33) % 100
            return (width: Int32(records), bytes: 61 + records * (500 + Int(state >> 50) % 500))
        }
        self.check(DistantBroker(shape), share: 0.86, twice: 0.12)
    }

    @Test("a slow link is not asked for more than it brings in time", arguments: [0.1e6, 0.25e6, 1e6, 5e6])
    func slow(bytesPerSecond: Double) {
        var link = DistantBroker.Link()
        link.bytesPerSecond = bytesPerSecond
        let shape = Array(repeating: (width: Int32(100), bytes: 100_000), count: Int(bytesPerSecond / 1000))
        let broker = DistantBroker(shape, link: link)
        let seconds = broker.transfer()
        #expect(broker.position == broker.end && broker.problems == [] && broker.timeouts == 0)
        #expect(Double(broker.byteCount) / seconds / bytesPerSecond > 0.9, "\(seconds) s")
    }

    /// Beyond it nothing counts as an offset.
    private static let greatestOffset: Int64 = 1 << 60

    @Test("offsets at the end of their range stop nothing")
    func extremes() {
        var shape = Array(repeating: (width: Int32(100), bytes: 100_000), count: 40)
        let broker = DistantBroker(shape, first: Self.greatestOffset - 4_000)
        _ = broker.transfer()
        #expect(broker.position == broker.end && broker.problems == [])
        // Billions of offsets in each answer, and a gap of most of the range.
        shape = Array(repeating: (width: Int32.max, bytes: 100_000), count: 400)
        for first in [0, Self.greatestOffset / 4, Self.greatestOffset - 400 * Int64(Int32.max)] {
            let broker = DistantBroker(shape, first: first)
            _ = broker.transfer()
            #expect(broker.position == broker.end && broker.problems == [])
        }
    }
}
