/// The value of `sasl.jaas.config`: a login module with its options.
///
/// The syntax is that of Java's `StreamTokenizer` as Kafka sets it up: `ClassName required key="value" ... ;`, both kinds
/// of quotes, backslash escapes with octal ones, and both kinds of comments.
public struct JAASConfiguration: Hashable, Sendable {
    public var loginModule: String
    public var controlFlag: String
    public var options: [String: String]

    /// Parses the text; what is wrong comes as a `ConfigurationError` that never shows the text.
    public init(parsing text: String, key: String = "sasl.jaas.config") throws(ConfigurationError) {
        do throws(Problem) {
            var tokens = Tokenizer(text)
            let entry = try Self.entry(&tokens)
            guard let entry else { throw Problem("it names no login module") }
            if try Self.entry(&tokens) != nil { throw Problem("it has more than one login module; give exactly one") }
            self = entry
        } catch {
            throw ConfigurationError(
                key: key,
                value: text,
                reason: error.reason + "; the form is: ClassName required username=\"...\" password=\"...\";"
            )
        }
    }

    private init(loginModule: String, controlFlag: String, options: [String: String]) {
        self.loginModule = loginModule
        self.controlFlag = controlFlag
        self.options = options
    }

    private static func entry(_ tokens: inout Tokenizer) throws(Problem) -> JAASConfiguration? {
        switch try tokens.next() {
        case .end: return nil
        case .word(let module), .quoted(let module):
            let flag: String
            switch try tokens.next() {
            case .word(let text), .quoted(let text): flag = text
            default: throw Problem("the control flag (required) after the login module is missing")
            }
            guard ["required", "requisite", "sufficient", "optional"].contains(flag.lowercased()) else {
                throw Problem("the word after the login module must be 'required'")
            }
            return JAASConfiguration(loginModule: module, controlFlag: flag, options: try options(&tokens))
        case .number, .symbol: throw Problem("it does not start with a login module")
        }
    }

    private static func options(_ tokens: inout Tokenizer) throws(Problem) -> [String: String] {
        var options: [String: String] = [:]
        while true {
            let name: String
            switch try tokens.next() {
            case .symbol(";"): return options
            case .word(let text), .quoted(let text): name = text
            case .end: throw Problem("the semicolon at the end is missing")
            case .number, .symbol: throw Problem("an option's name is expected after \(options.count) options")
            }
            guard case .symbol("=") = try tokens.next() else { throw Problem("option '\(name)' has no '='") }
            switch try tokens.next() {
            case .word(let text), .quoted(let text): options[name] = text
            case .number: throw Problem("the value of option '\(name)' looks like a number and must be quoted")
            case .symbol, .end: throw Problem("option '\(name)' has no value")
            }
        }
    }

    struct Problem: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }
}

extension JAASConfiguration {
    enum Token: Equatable {
        case word(String)
        case quoted(String)
        case number
        case symbol(Unicode.Scalar)
        case end
    }

    /// `java.io.StreamTokenizer` with Kafka's settings.
    struct Tokenizer {
        private let text: [Unicode.Scalar]
        private var position = 0

        init(_ text: String) { self.text = Array(text.unicodeScalars) }

        mutating func next() throws(Problem) -> Token {
            skipBlanksAndComments()
            guard let first = peek else { return .end }
            if isWordStart(first) {
                var word = String.UnicodeScalarView()
                while let scalar = peek, isWordStart(scalar) || isNumeric(scalar) {
                    word.append(scalar)
                    self.position += 1
                }
                return .word(String(word))
            }
            if isNumeric(first) {
                while let scalar = peek, isNumeric(scalar) { self.position += 1 }
                return .number
            }
            self.position += 1
            guard first == "\"" || first == "'" else { return .symbol(first) }
            return .quoted(try quoted(until: first))
        }

        private var peek: Unicode.Scalar? { self.position < self.text.count ? self.text[self.position] : nil }

        private func isWordStart(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar {
            case "a"..."z", "A"..."Z", "-", "_", "$": true
            default: scalar.value >= 160
            }
        }

        private func isNumeric(_ scalar: Unicode.Scalar) -> Bool {
            (0x30...0x39).contains(scalar.value) || scalar == "."
        }

        private mutating func skipBlanksAndComments() {
            while let scalar = peek {
                if scalar.value <= 0x20 {
                    self.position += 1
                } else if scalar == "/" {
                    self.position += 1
                    if peek == "*" {
                        self.position += 1
                        while let inner = peek {
                            self.position += 1
                            if inner == "*", peek == "/" {
                                self.position += 1
                                break
                            }
                        }
                    } else {
                        // A single slash starts a comment as well.
                        while let inner = peek, inner != "\n", inner != "\r" { self.position += 1 }
                    }
                } else {
                    return
                }
            }
        }

        private mutating func quoted(until quote: Unicode.Scalar) throws(Problem) -> String {
            var value = String.UnicodeScalarView()
            while let scalar = peek {
                self.position += 1
                if scalar == quote { return String(value) }
                if scalar == "\n" || scalar == "\r" { break }
                value.append(scalar == "\\" ? escaped() : scalar)
            }
            throw Problem("a quote is not closed")
        }

        private mutating func escaped() -> Unicode.Scalar {
            guard let scalar = peek else { return "\\" }
            self.position += 1
            switch scalar {
            case "a": return Unicode.Scalar(0x07)
            case "b": return Unicode.Scalar(0x08)
            case "f": return Unicode.Scalar(0x0c)
            case "n": return "\n"
            case "r": return "\r"
            case "t": return "\t"
            case "v": return Unicode.Scalar(0x0b)
            case "0"..."7":
                // Up to three octal digits, the value at most 0o377.
                var code = scalar.value - 0x30
                var digits = 1
                while digits < (scalar <= "3" ? 3 : 2), let digit = peek, ("0"..."7").contains(digit) {
                    code = code * 8 + digit.value - 0x30
                    digits += 1
                    self.position += 1
                }
                return Unicode.Scalar(UInt8(truncatingIfNeeded: code))
            default: return scalar
            }
        }
    }
}
