/// The entries of a Java properties file, in file order, with the line each one starts on.
package struct PropertiesFile: Sendable {
    /// One `key = value` of the file.
    package struct Entry: Sendable, Equatable {
        package let key: String
        package let value: String
        /// Number of the line the entry starts on, from 1.
        package let line: Int
    }

    /// Why a file cannot be read as properties.
    package struct SyntaxError: Error, Equatable, CustomStringConvertible {
        package let line: Int
        package let reason: String

        package var description: String { "line \(line): \(reason)" }
    }

    /// How the bytes of a file become characters.
    package enum Encoding: Sendable {
        /// What `Properties.load(InputStream)` uses: every byte is one character.
        case latin1
        /// What readers of files named in config providers use.
        case utf8
    }

    /// Name of the file in messages.
    package let name: String
    /// All entries in file order; a repeated key is here more than once.
    package private(set) var entries: [Entry] = []

    package init(name: String, bytes: some Sequence<UInt8>, encoding: Encoding = .latin1) throws(SyntaxError) {
        self.name = name
        let units: [UInt16] =
            switch encoding {
            case .latin1: bytes.map(UInt16.init)
            case .utf8: Array(String(decoding: Array(bytes), as: UTF8.self).utf16)
            }
        var reader = LogicalLineReader(units: units)
        while let line = reader.next() {
            self.entries.append(try Self.entry(of: line))
        }
    }

    /// The value of each key; of a repeated key the last one.
    package var values: [String: String] {
        Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
    }

    /// The line of the entry that counts for `key`.
    package func line(of key: String) -> Int? {
        entries.last { $0.key == key }?.line
    }

    private static func entry(of line: LogicalLineReader.Line) throws(SyntaxError) -> Entry {
        let units = line.units
        var keyEnd = 0
        var valueStart = units.count
        var hasSeparator = false
        var afterBackslash = false
        while keyEnd < units.count {
            let unit = units[keyEnd]
            if !afterBackslash, unit == .equalsSign || unit == .colon || unit.isPropertiesBlank {
                hasSeparator = !unit.isPropertiesBlank
                valueStart = keyEnd + 1
                break
            }
            afterBackslash = unit == .backslash && !afterBackslash
            keyEnd += 1
        }
        while valueStart < units.count {
            let unit = units[valueStart]
            if !unit.isPropertiesBlank {
                guard !hasSeparator, unit == .equalsSign || unit == .colon else { break }
                hasSeparator = true
            }
            valueStart += 1
        }
        return Entry(
            key: try unescape(units[..<keyEnd], line: line.number),
            value: try unescape(units[valueStart...], line: line.number),
            line: line.number
        )
    }

    private static func unescape(_ units: ArraySlice<UInt16>, line: Int) throws(SyntaxError) -> String {
        var result: [UInt16] = []
        result.reserveCapacity(units.count)
        var index = units.startIndex
        while index < units.endIndex {
            let unit = units[index]
            index += 1
            guard unit == .backslash, index < units.endIndex else {
                if unit != .backslash { result.append(unit) }
                continue
            }
            let escaped = units[index]
            index += 1
            switch escaped {
            case UInt16(ascii: "u"):
                guard units.endIndex - index >= 4,
                    let value = hexadecimal(units[index..<index + 4])
                else {
                    throw SyntaxError(line: line, reason: "\\u needs four hexadecimal digits")
                }
                result.append(value)
                index += 4
            case UInt16(ascii: "t"): result.append(9)
            case UInt16(ascii: "n"): result.append(10)
            case UInt16(ascii: "f"): result.append(12)
            case UInt16(ascii: "r"): result.append(13)
            default: result.append(escaped)
            }
        }
        return String(decoding: result, as: UTF16.self)
    }

    private static func hexadecimal(_ units: ArraySlice<UInt16>) -> UInt16? {
        var value: UInt16 = 0
        for unit in units {
            guard let byte = UInt8(exactly: unit), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                return nil
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}

/// Splits properties text into logical lines: comments and blank lines dropped, continued lines joined.
private struct LogicalLineReader {
    struct Line {
        let units: [UInt16]
        let number: Int
    }

    private let units: [UInt16]
    private var index = 0
    private var lineNumber = 1
    private var lineEnded = false

    init(units: [UInt16]) {
        self.units = units
    }

    mutating func next() -> Line? {
        var line: [UInt16] = []
        var start = lineNumber
        var skipsBlanks = true
        var isContinuation = false
        var afterBackslash = false
        while let unit = read() {
            if skipsBlanks {
                if unit.isPropertiesBlank { continue }
                if !isContinuation, unit == .lineFeed { continue }
                skipsBlanks = false
                isContinuation = false
            }
            if line.isEmpty {
                if unit == UInt16(ascii: "#") || unit == UInt16(ascii: "!") {
                    while let skipped = read(), skipped != .lineFeed {}
                    skipsBlanks = true
                    continue
                }
                start = lineNumber
            }
            guard unit == .lineFeed else {
                line.append(unit)
                afterBackslash = unit == .backslash && !afterBackslash
                continue
            }
            if line.isEmpty {
                skipsBlanks = true
            } else if afterBackslash {
                line.removeLast()
                skipsBlanks = true
                isContinuation = true
                afterBackslash = false
            } else {
                return Line(units: line, number: start)
            }
        }
        if afterBackslash { line.removeLast() }
        return line.isEmpty ? nil : Line(units: line, number: start)
    }

    /// The next character, any of the three line ends read as one line feed.
    private mutating func read() -> UInt16? {
        if lineEnded {
            lineNumber += 1
            lineEnded = false
        }
        guard index < units.count else { return nil }
        let unit = units[index]
        index += 1
        guard unit == .lineFeed || unit == .carriageReturn else { return unit }
        if unit == .carriageReturn, index < units.count, units[index] == .lineFeed { index += 1 }
        // Counted with the next read, so that a line end still belongs to the line it ends.
        lineEnded = true
        return .lineFeed
    }
}

extension UInt16 {
    fileprivate static let backslash = UInt16(ascii: "\\")
    fileprivate static let equalsSign = UInt16(ascii: "=")
    fileprivate static let colon = UInt16(ascii: ":")
    fileprivate static let lineFeed: UInt16 = 10
    fileprivate static let carriageReturn: UInt16 = 13

    fileprivate init(ascii scalar: Unicode.Scalar) {
        self = UInt16(UInt8(ascii: scalar))
    }

    fileprivate var isPropertiesBlank: Bool { self == 32 || self == 9 || self == 12 }
}
