import Foundation
import KafkaProtocol

/// Turns snapshots into lines of text; rates come from the snapshot before.
struct DemoScreen {
    private var previous: DemoSnapshot?

    mutating func lines(_ snapshot: DemoSnapshot) -> [String] {
        defer { previous = snapshot }
        let seconds = Int(snapshot.elapsed.components.seconds)
        var lines = [
            String(
                format: "kafka-mirror demo  %02d:%02d  two clusters of three brokers, mirrored both ways",
                seconds / 60,
                seconds % 60
            )
        ]
        for (index, flow) in snapshot.flows.enumerated() {
            let before = previous.flatMap { $0.flows.indices.contains(index) ? $0.flows[index] : nil }
            lines += self.flow(flow, before: before, interval: interval(snapshot))
        }
        lines += ["", self.verdict(snapshot), self.memory(snapshot) + ". Ctrl-C ends it."]
        return lines
    }

    /// One line for output that is no terminal.
    func line(_ snapshot: DemoSnapshot) -> String {
        let flows = snapshot.flows.map { flow in
            let mirrored = flow.rows.reduce(0) { $0 + $1.mirrored }
            let lag = flow.rows.reduce(0) { $0 + $1.lag }
            return "\(flow.name) \(flow.phase) \(mirrored) records, lag \(lag)"
        }
        return "\(snapshot.elapsed.components.seconds) s  " + flows.joined(separator: "  ") + "  " + verdict(snapshot)
            + "; " + memory(snapshot)
    }

    private func interval(_ snapshot: DemoSnapshot) -> Double {
        guard let previous else { return 0 }
        let interval = snapshot.elapsed - previous.elapsed
        return Double(interval.components.seconds) + Double(interval.components.attoseconds) * 1e-18
    }

    private func flow(_ flow: DemoSnapshot.Flow, before: DemoSnapshot.Flow?, interval: Double) -> [String] {
        let rate = { (now: Int64, then: Int64?) -> Double in
            guard let then, interval > 0 else { return 0 }
            return Double(now - then) / interval
        }
        var lines = [
            "",
            "\(flow.name)  \(flow.phase)  "
                + String(format: "%.2f MB/s", rate(flow.bytes, before?.bytes) / 1_000_000)
                + "  batches passed through: \(flow.fastPathBatches), decoded: \(flow.slowPathBatches)",
            Self.columns(["topic", "codec", "parts", "at source", "mirrored", "records/s", "lag", "compared", "diff"]
            ),
        ]
        for (index, row) in flow.rows.enumerated() {
            let then = before.flatMap { $0.rows.indices.contains(index) ? $0.rows[index].mirrored : nil }
            lines.append(
                Self.columns([
                    row.topic.string, row.codec, "\(row.partitions)", "\(row.source)", "\(row.mirrored)",
                    String(format: "%.0f", rate(row.mirrored, then)), "\(row.lag)", "\(row.compared)",
                    "\(row.different)",
                ])
            )
        }
        return lines
    }

    private func verdict(_ snapshot: DemoSnapshot) -> String {
        guard snapshot.different == 0 else {
            return "DIFFERENT: \(snapshot.different) of \(snapshot.compared) records compared"
        }
        return "source and target agree in all \(snapshot.compared) records compared"
    }

    private func memory(_ snapshot: DemoSnapshot) -> String {
        "memory of everything here \(snapshot.residentMemory / 1_048_576) MB"
    }

    private static func columns(_ cells: [String]) -> String {
        // 78 columns, so that a terminal of the usual 80 has room for them.
        let widths = [10, 7, 6, 11, 11, 10, 6, 11, 6]
        return zip(cells, widths).enumerated().map { index, pair in
            let padding = String(repeating: " ", count: max(0, pair.1 - pair.0.count))
            return index < 2 ? pair.0 + padding : padding + pair.0
        }.joined()
    }
}
