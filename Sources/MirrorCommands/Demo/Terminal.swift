import Foundation

/// Text that is refreshed in place where standard output is a terminal.
struct Terminal {
    let isInteractive = isatty(STDOUT_FILENO) == 1
    private var shown = 0

    /// Replaces the lines shown before.
    mutating func show(_ lines: [String]) {
        var text = shown > 0 ? "\u{1B}[\(shown)A" : ""
        for line in lines { text += "\u{1B}[2K" + line + "\n" }
        // A shorter screen than before leaves nothing of the old one behind.
        text += "\u{1B}[J"
        shown = lines.count
        Self.write(text)
    }

    static func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
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
