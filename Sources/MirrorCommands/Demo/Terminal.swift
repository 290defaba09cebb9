import Foundation

/// Text that is refreshed in place where standard output is a terminal.
struct Terminal {
    /// Columns and rows of a terminal.
    struct Size: Equatable {
        var columns = 80
        var rows = 24
    }

    let isInteractive = isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    private var shown = 0

    /// Replaces the lines shown before.
    mutating func show(_ lines: [String]) {
        let fitting = Self.fit(lines, into: Self.size())
        var text = shown > 0 ? "\u{1B}[\(shown)A" : ""
        for line in fitting { text += "\u{1B}[2K" + line + "\n" }
        // A shorter screen than before leaves nothing of the old one behind.
        text += "\u{1B}[J"
        shown = fitting.count
        Self.write(text)
    }

    /// The part of the lines that can be refreshed: what wraps or scrolls away cannot be reached again.
    static func fit(_ lines: [String], into size: Size) -> [String] {
        lines.prefix(max(1, size.rows - 1)).map { String($0.prefix(size.columns)) }
    }

    static func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// The size of the terminal at present; that of an old one where it does not say.
    private static func size() -> Size {
        var window = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
            return Size()
        }
        return Size(columns: Int(window.ws_col), rows: Int(window.ws_row))
    }
}

/// Bytes of this process that are in memory.
func residentMemory() -> Int {
    // The second number of statm counts resident pages.
    guard
        let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .ascii),
        let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return 0 }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}
