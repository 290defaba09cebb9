import Foundation
import Logging
import MirrorModel

/// Writes log entries to standard error, one line each, for people: time, level, flow, message, reason, the rest.
struct PlainLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    init(logLevel: Logger.Level) {
        self.logLevel = logLevel
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let line = Self.line(date: Date(), level: event.level, message: "\(event.message)", metadata: all)
        FileHandle.standardError.write(Data(line.utf8))
    }

    /// One line, control characters made visible.
    static func line(date: Date, level: Logger.Level, message: String, metadata: Logger.Metadata) -> String {
        var rest = metadata
        var text = date.formatted(.iso8601) + " \(level.rawValue) "
        if let flow = rest.removeValue(forKey: "flow") { text += "\(flow): " }
        text += message
        if let reason = rest.removeValue(forKey: "reason") { text += ": \(reason)" }
        let next = rest.removeValue(forKey: "next")
        if !rest.isEmpty {
            text += " [" + rest.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ") + "]"
        }
        if let next { text += "; \(next)" }
        return text.withVisibleControls + "\n"
    }
}
