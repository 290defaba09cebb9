/// One configuration key: what its value may be, and what it is when the file does not set it.
package struct ConfigKey: Sendable {
    /// How the text of a value is read.
    package enum ValueType: Sendable {
        case string, list, boolean, int, long, short, double, pluginClass, password
    }

    /// What a value must satisfy beyond its type.
    package enum Rule: Sendable {
        case any
        case oneOf([String])
        case oneOfIgnoringCase([String])
        case atLeast(Int64)
        case between(Double, Double)
        /// At least one, or -1 for the broker's own default.
        case countOrBrokerDefault
        /// Negative switches the job off; zero would mean without pause.
        case interval
        /// Not empty, without control characters.
        case identifier
        case regexes
        /// What happens to which topic when its copy turns out to differ.
        case integrity
        /// A class that is built in; others would be loaded into a Java machine that is not there.
        case builtInClass([String])
        case empty(String)
    }

    package let name: String
    package let type: ValueType
    package let defaultValue: String?
    package let rule: Rule
    /// What the key means here, where that is not what it means to MirrorMaker 2.
    package let note: String?

    package init(
        _ name: String,
        _ type: ValueType,
        _ defaultValue: String? = nil,
        _ rule: Rule = .any,
        note: String? = nil
    ) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
        self.rule = rule
        self.note = note
    }

    /// Why a value cannot be used.
    package struct InvalidValue: Error, Equatable {
        package let reason: String
        package let nextStep: String
    }

    /// The value in its canonical spelling: trimmed, lists joined by a bare comma, booleans in lower case.
    package func canonical(_ text: String) throws(InvalidValue) -> String {
        let text = text.trimmedAsJava
        switch type {
        case .string, .pluginClass, .password:
            return text
        case .list:
            return text.configurationList.joined(separator: ",")
        case .boolean:
            let lowered = text.lowercased()
            guard lowered == "true" || lowered == "false" else {
                throw InvalidValue(reason: "is neither true nor false", nextStep: "write true or false")
            }
            return lowered
        case .short: return try Self.integer(text, Int16.self)
        case .int: return try Self.integer(text, Int32.self)
        case .long: return try Self.integer(text, Int64.self)
        case .double:
            guard let number = Double(text), number.isFinite else {
                throw InvalidValue(reason: "is not a number", nextStep: "write a decimal number such as 0.5")
            }
            return text
        }
    }

    /// Checks a value that ``canonical(_:)`` returned against the rule of this key.
    package func check(_ value: String) throws(InvalidValue) {
        switch rule {
        case .any: break
        case .oneOf(let allowed):
            guard allowed.contains(value) else { throw Self.notAllowed(allowed) }
        case .oneOfIgnoringCase(let allowed):
            guard allowed.contains(where: { $0.lowercased() == value.lowercased() }) else {
                throw Self.notAllowed(allowed)
            }
        case .atLeast(let least):
            guard let number = Int64(value), number >= least else {
                throw InvalidValue(reason: "is less than \(least)", nextStep: "write \(least) or more")
            }
        case .between(let least, let most):
            guard let number = Double(value), number >= least, number <= most else {
                throw InvalidValue(
                    reason: "is outside of \(least) to \(most)",
                    nextStep: "write a number in that range"
                )
            }
        case .countOrBrokerDefault:
            guard let number = Int64(value), number >= 1 || number == -1 else {
                throw InvalidValue(
                    reason: "is not a count",
                    nextStep: "write 1 or more, or -1 for the broker's default"
                )
            }
        case .interval:
            guard value != "0" else {
                throw InvalidValue(
                    reason: "would run without any pause",
                    nextStep: "write 1 or more, or a negative number to switch this off"
                )
            }
        case .identifier:
            guard !value.isEmpty, !value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
            else {
                throw InvalidValue(reason: "is empty or has control characters", nextStep: "write a plain name")
            }
        case .regexes:
            do throws(NamePattern.SyntaxError) {
                _ = try NamePattern(value.configurationList)
            } catch {
                throw InvalidValue(reason: error.reason, nextStep: error.nextStep)
            }
        case .integrity:
            do throws(IntegrityRule.SyntaxError) {
                _ = try IntegrityRule(value, general: .continue)
            } catch {
                throw InvalidValue(reason: error.reason, nextStep: error.nextStep)
            }
        case .builtInClass(let allowed):
            guard allowed.contains(value) else {
                throw InvalidValue(
                    reason: "names a Java class that cannot run here",
                    nextStep: "remove the key, or use \(allowed.joined(separator: " or "))"
                )
            }
        case .empty(let nextStep):
            guard value.isEmpty else { throw InvalidValue(reason: "is not supported", nextStep: nextStep) }
        }
    }

    private static func notAllowed(_ allowed: [String]) -> InvalidValue {
        InvalidValue(reason: "is not one of \(allowed.joined(separator: ", "))", nextStep: "write one of them")
    }

    private static func integer<I: FixedWidthInteger>(_ text: String, _: I.Type) throws(InvalidValue) -> String {
        guard let number = I(text) else {
            throw InvalidValue(
                reason: "is not a whole number between \(I.min) and \(I.max)",
                nextStep: "write digits only"
            )
        }
        return String(number)
    }
}
