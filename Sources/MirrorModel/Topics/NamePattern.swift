import Foundation

/// Regular expressions in Java's syntax, any of which must match the whole of a name.
///
/// An empty list matches nothing. As in MirrorMaker 2 the expressions of a list are joined by `|` before they are
/// read, so a flag such as `(?i)` holds from its place on to the end of the list.
package struct NamePattern: Sendable {
    /// Why a list is no regular expression.
    package struct SyntaxError: Error, Equatable {
        package let reason: String
        package let nextStep: String
    }

    /// The expressions, joined.
    package let source: String

    private enum Matcher: Sendable {
        case nothing
        case everything
        case expression(NSRegularExpression)
    }

    private let matcher: Matcher

    package init(_ expressions: [String]) throws(SyntaxError) {
        self.source = expressions.joined(separator: "|")
        if expressions.isEmpty {
            self.matcher = .nothing
        } else if source == ".*" {
            self.matcher = .everything
        } else {
            self.matcher = .expression(try Self.compile(source))
        }
    }

    /// Whether the whole of `name` matches.
    package func matches(_ name: String) -> Bool {
        switch matcher {
        case .nothing:
            return false
        case .everything:
            return !name.unicodeScalars.contains(where: \.endsLineInJava)
        case .expression(let expression):
            let whole = NSRange(location: 0, length: name.utf16.count)
            return expression.firstMatch(in: name, options: [.anchored], range: whole) != nil
        }
    }

    private static func compile(_ source: String) throws(SyntaxError) -> NSRegularExpression {
        let translated = JavaPattern.translated(source)
        // Alone first: in the group below an unbalanced parenthesis could pass.
        guard (try? NSRegularExpression(pattern: translated)) != nil else {
            var nextStep = "correct the expression"
            if source.contains("{"), source.contains("|") {
                nextStep += "; a list is split at every comma, even inside {1,3}"
            }
            throw SyntaxError(reason: "is not a regular expression", nextStep: nextStep)
        }
        for end in [")\\z", "\\E)\\z", "\n)\\z"] {
            if let expression = try? NSRegularExpression(pattern: "\\A(?:" + translated + end) { return expression }
        }
        throw SyntaxError(reason: "is not a regular expression", nextStep: "correct the expression")
    }
}

extension Unicode.Scalar {
    fileprivate var endsLineInJava: Bool {
        switch value {
        case 0x0A, 0x0D, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}

/// Rewrites what Java's regular expressions read otherwise than ICU's: the classes that are ASCII only in Java.
enum JavaPattern {
    static func translated(_ source: String) -> String {
        var result = ""
        var scalars = source.unicodeScalars[...]
        var depth = 0
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "[":
                depth += 1
                result.unicodeScalars.append(scalar)
                // A bracket right after the opening one is a member, not the end.
                if scalars.first == "^" {
                    scalars.removeFirst()
                    result += "^"
                }
            case "]":
                depth = max(0, depth - 1)
                result.unicodeScalars.append(scalar)
            case "\\":
                guard let escaped = scalars.popFirst() else {
                    result += "\\"
                    break
                }
                if escaped == "Q" {
                    result += quoted(&scalars)
                } else if escaped == "p" || escaped == "P", let posix = posixClass(&scalars) {
                    result += escaped == "p" ? "[\(posix)]" : "[^\(posix)]"
                } else {
                    result += asciiClass(escaped, inClass: depth > 0)
                }
            default:
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The text of `\Q...\E` with every character escaped; both regular expression engines then read it alike.
    private static func quoted(_ scalars: inout Substring.UnicodeScalarView) -> String {
        var result = ""
        while let scalar = scalars.popFirst() {
            if scalar == "\\", scalars.first == "E" {
                scalars.removeFirst()
                break
            }
            if scalar.isASCII, !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    private static func asciiClass(_ escaped: Unicode.Scalar, inClass: Bool) -> String {
        let members: String
        switch escaped {
        case "d", "D": members = "0-9"
        case "w", "W": members = "a-zA-Z_0-9"
        case "s", "S": members = " \\t\\n\\x0B\\f\\r"
        default:
            var text = "\\"
            text.unicodeScalars.append(escaped)
            return text
        }
        if escaped.properties.isUppercase { return "[^\(members)]" }
        return inClass ? members : "[\(members)]"
    }

    private static let posix = [
        "{Lower}": "a-z", "{Upper}": "A-Z", "{ASCII}": "\\x00-\\x7F", "{Alpha}": "a-zA-Z", "{Digit}": "0-9",
        "{Alnum}": "a-zA-Z0-9", "{Punct}": "!-/:-@\\[-`{-~", "{Graph}": "!-~", "{Print}": " -~",
        "{Blank}": " \\t", "{Cntrl}": "\\x00-\\x1F\\x7F", "{XDigit}": "0-9a-fA-F", "{Space}": " \\t\\n\\x0B\\f\\r",
    ]

    private static func posixClass(_ scalars: inout Substring.UnicodeScalarView) -> String? {
        guard scalars.first == "{", let end = scalars.firstIndex(of: "}") else { return nil }
        guard let members = posix[String(scalars[...end])] else { return nil }
        scalars = scalars[scalars.index(after: end)...]
        return members
    }
}
