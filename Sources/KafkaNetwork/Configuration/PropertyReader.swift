/// Reads typed values out of Java client properties, with the checks that Kafka's `ConfigDef` does.
struct PropertyReader {
    let properties: [String: String]

    /// The value without blanks around it, or nil when the key is absent.
    func string(_ key: String) -> String? {
        self.properties[key]?.trimmingBlanks
    }

    /// The value, or nil when the key is absent or blank.
    func nonEmpty(_ key: String) -> String? {
        guard let value = string(key), !value.isEmpty else { return nil }
        return value
    }

    /// A password: taken as it is, because blanks may be part of it.
    func password(_ key: String) -> String? {
        self.properties[key]
    }

    func list(_ key: String) -> [String]? {
        guard let value = string(key) else { return nil }
        return value.split(separator: ",").map(\.trimmingBlanks).filter { !$0.isEmpty }
    }

    func integer(_ key: String, default defaultValue: Int64, in range: ClosedRange<Int64>) throws(ConfigurationError)
        -> Int64
    {
        guard let text = string(key) else { return defaultValue }
        guard let number = Int64(text) else {
            throw ConfigurationError(key: key, value: text, reason: "it must be a whole number")
        }
        guard range.contains(number) else {
            let limit = number < range.lowerBound ? "at least \(range.lowerBound)" : "at most \(range.upperBound)"
            throw ConfigurationError(key: key, value: text, reason: "it must be \(limit)")
        }
        return number
    }

    func milliseconds(
        _ key: String,
        default defaultValue: Int64,
        in range: ClosedRange<Int64> = 0...Int64.max / 4_000_000
    ) throws(ConfigurationError) -> Duration {
        .milliseconds(try integer(key, default: defaultValue, in: range))
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String,
        default defaultValue: Choice,
        uppercased: Bool = false
    ) throws(ConfigurationError) -> Choice {
        guard let text = string(key) else { return defaultValue }
        if let choice = Choice(rawValue: uppercased ? text.uppercased() : text) { return choice }
        let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw ConfigurationError(key: key, value: text, reason: "it must be one of \(names)")
    }
}
