import Foundation
import Mirror
import ServiceLifecycle

/// Prints one line about each flow every few seconds.
struct FlowReporter: Service {
    let service: MirrorService
    let interval: Duration

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: interval)) != nil {
                for status in await service.status() {
                    // Not `print`, which keeps lines back when the output is a file.
                    FileHandle.standardOutput.write(Data((Self.line(status) + "\n").utf8))
                }
            }
        }
    }

    static func line(_ status: FlowStatus) -> String {
        let counters = status.counters
        var text = "\(status.name) \(phase(status.phase))"
        text += " topics=\(status.topicCount) partitions=\(status.partitions.count)"
        text += " records=\(counters.records) bytes=\(counters.bytes)"
        text += " lag=\(status.lag.map { String($0) } ?? "unknown")"
        text += " fast=" + Self.counts(counters.fastPathBatches.map { ("\($0.key)", $0.value) })
        text += " slow=" + Self.counts(counters.slowPathBatches.map { ("\($0.key)", $0.value) })
        if status.quarantinedCount > 0 { text += " stopped=\(status.quarantinedCount)" }
        if status.gaps.total > 0 { text += " gaps=\(status.gaps.total)" }
        if !status.waitingTopics.isEmpty { text += " waiting=\(status.waitingTopics.count)" }
        for impediment in status.impediments { text += " (\(impediment))" }
        return text
    }

    /// A sum and what it is made of: `7(gzip:3,zstd:4)`.
    private static func counts(_ counts: [(name: String, count: Int64)]) -> String {
        let sum = counts.reduce(0) { $0 + $1.count }
        guard sum > 0 else { return "0" }
        return "\(sum)(" + counts.sorted { $0.name < $1.name }.map { "\($0.name):\($0.count)" }.joined(separator: ",")
            + ")"
    }

    private static func phase(_ phase: FlowStatus.Phase) -> String {
        switch phase {
        case .starting: "starting"
        case .waiting(let reason): "waiting (\(reason))"
        case .running: "running"
        case .stopping: "stopping"
        case .stopped: "stopped"
        case .lost(let reason): "stopped: \(reason)"
        case .failed(let reason): "failed (\(reason))"
        }
    }
}
