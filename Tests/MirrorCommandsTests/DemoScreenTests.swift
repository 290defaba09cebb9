import KafkaProtocol
import Testing

@testable import MirrorCommands

@Suite("The demo's screen")
struct DemoScreenTests {
    private func snapshot(after elapsed: Duration, mirrored: Int64, different: Int64 = 0) -> DemoSnapshot {
        let row = DemoSnapshot.Row(
            topic: "orders",
            codec: "lz4",
            partitions: 6,
            source: 1200,
            mirrored: mirrored,
            compared: mirrored,
            different: different
        )
        let flow = DemoSnapshot.Flow(
            name: "A->B",
            phase: "running",
            rows: [row],
            bytes: mirrored * 1000,
            fastPathBatches: 7,
            slowPathBatches: 1
        )
        return DemoSnapshot(elapsed: elapsed, flows: [flow], residentMemory: 64 << 20)
    }

    @Test("Rates come from the snapshot before")
    func rates() {
        var screen = DemoScreen()
        _ = screen.lines(snapshot(after: .seconds(10), mirrored: 100))
        let lines = screen.lines(snapshot(after: .seconds(12), mirrored: 1100))
        #expect(lines.first?.contains("00:12") == true)
        #expect(lines.contains { $0.contains("0.50 MB/s") && $0.contains("passed through: 7, decoded: 1") })
        let row = lines.first { $0.hasPrefix("orders") }?.split(separator: " ").map(String.init)
        #expect(row == ["orders", "lz4", "6", "1200", "1100", "500", "100", "1100", "0"])
        #expect(lines.contains { $0.contains("agree in all 1100 records compared") })
    }

    @Test("A terminal of 80 columns and 24 rows shows everything; what a smaller one has no room for is left out")
    func size() {
        var screen = DemoScreen()
        var snapshot = snapshot(after: .seconds(3600), mirrored: 99_999_999_999, different: 0)
        snapshot.flows = [snapshot.flows[0], snapshot.flows[0]]
        for index in 0..<2 { snapshot.flows[index].rows = Array(repeating: snapshot.flows[0].rows[0], count: 5) }
        let lines = screen.lines(snapshot)
        #expect(Terminal.fit(lines, into: Terminal.Size(columns: 80, rows: 24)) == lines)
        let small = Terminal.fit(lines, into: Terminal.Size(columns: 30, rows: 10))
        #expect(small.count == 9 && small.allSatisfy { $0.count <= 30 })
    }

    @Test("A difference cannot be overlooked")
    func difference() {
        let screen = DemoScreen()
        let line = screen.line(snapshot(after: .seconds(3), mirrored: 100, different: 2))
        #expect(line.contains("DIFFERENT: 2 of 100"))
    }
}
