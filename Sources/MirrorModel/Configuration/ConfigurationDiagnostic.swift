/// Something in the configuration that its author should know, with the place and what to do about it.
package struct ConfigurationDiagnostic: Sendable, Equatable, CustomStringConvertible {
    package enum Severity: Sendable, Equatable {
        /// The program runs, perhaps not as meant.
        case warning
        /// The program does not start.
        case error
    }

    package let severity: Severity
    package let file: String
    package let line: Int?
    package let key: String?
    /// The value as written, hidden when it is a secret.
    package let value: String?
    package let reason: String
    package let nextStep: String

    package init(
        _ severity: Severity,
        file: String,
        line: Int? = nil,
        key: String? = nil,
        value: String? = nil,
        reason: String,
        nextStep: String
    ) {
        self.severity = severity
        self.file = file
        self.line = line
        self.key = key
        self.value = value
        self.reason = reason
        self.nextStep = nextStep
    }

    /// One line: `file:line: key: value reason; next step`.
    package var description: String {
        var text = file
        if let line { text += ":\(line)" }
        text += ": "
        if let key { text += "\(key): " }
        if let value { text += "“\(value)” " }
        return (text + reason + "; " + nextStep).withVisibleControls
    }
}

/// The reasons why a configuration cannot be used, all of them.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package let errors: [ConfigurationDiagnostic]
    package let warnings: [ConfigurationDiagnostic]

    package init(errors: [ConfigurationDiagnostic], warnings: [ConfigurationDiagnostic] = []) {
        self.errors = errors
        self.warnings = warnings
    }

    package var description: String { errors.map(\.description).joined(separator: "\n") }
}
