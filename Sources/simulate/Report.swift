import Foundation
import Simulation

enum Processors {
    static var count: Int { ProcessInfo.processInfo.activeProcessorCount }
}

enum Report {
    static func write(_ statistics: Statistics, hash: UInt64, took: Duration) {
        let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        let hours = Double(statistics.virtualNanoseconds) / 3_600e9
        func line(_ name: String, _ value: String) {
            print(name.padding(toLength: 28, withPad: " ", startingAt: 0) + value)
        }
        line("histories", "\(statistics.histories)")
        line("seconds", String(format: "%.1f", seconds))
        line("histories a second", String(format: "%.0f", Double(statistics.histories) / max(seconds, 0.001)))
        line("virtual hours", String(format: "%.1f", hours))
        line("events", "\(statistics.steps)")
        line("processes", "\(statistics.incarnations)")
        line("requests", "\(statistics.fetchRequests) fetch, \(statistics.produceRequests) produce")
        line("records produced", "\(statistics.recordsProduced)")
        line("records checked", "\(statistics.recordsChecked)")
        line("map entries checked", "\(statistics.offsetsChecked)")
        line("hash", String(hash, radix: 16))
        for fault in Fault.allCases {
            line("  \(fault.rawValue)", "\(statistics.faults[fault] ?? 0)")
        }
    }
}
