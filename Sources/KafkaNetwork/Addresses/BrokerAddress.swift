/// Host and port of a broker as configured or advertised.
public struct BrokerAddress: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Host name or IP address, an IPv6 address without brackets.
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `host:port`, with brackets around an IPv6 address.
    public var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    public static func < (left: BrokerAddress, right: BrokerAddress) -> Bool {
        (left.host, left.port) < (right.host, right.port)
    }
}

extension BrokerAddress {
    /// Parses one entry of a bootstrap list: `host:port`, `[v6]:port`, or either behind a `PROTOCOL://`.
    ///
    /// - Throws: the reason as text, without the entry itself.
    static func parse(_ text: String) throws(AddressProblem) -> BrokerAddress {
        var rest = text[...]
        if let scheme = rest.firstRange(of: "://") {
            rest = rest[scheme.upperBound...]
        }
        guard !rest.isEmpty else { throw AddressProblem("it is empty") }
        let host: Substring
        let port: Substring
        if rest.first == "[" {
            guard let end = rest.firstIndex(of: "]") else { throw AddressProblem("the bracket '[' is not closed") }
            host = rest[rest.index(after: rest.startIndex)..<end]
            let tail = rest[rest.index(after: end)...]
            guard tail.first == ":" else { throw AddressProblem("the port is missing") }
            port = tail.dropFirst()
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || ":.%".contains($0) || $0.isLetter }) else {
                throw AddressProblem("there is no IPv6 address between the brackets")
            }
        } else {
            guard let colon = rest.lastIndex(of: ":") else { throw AddressProblem("the port is missing") }
            host = rest[..<colon]
            port = rest[rest.index(after: colon)...]
            if host.contains(":") { throw AddressProblem("an IPv6 address needs brackets, as in [::1]:9092") }
        }
        guard !host.isEmpty else { throw AddressProblem("the host is missing") }
        guard host.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x2f && $0 != 0x40 }) else {
            throw AddressProblem("the host holds a character that no host name has")
        }
        guard let number = Int(port), port.allSatisfy({ $0.isASCII && $0.isNumber }), (1...65535).contains(number)
        else {
            throw AddressProblem("'\(port)' is not a port between 1 and 65535")
        }
        return BrokerAddress(host: String(host), port: number)
    }

    /// Why an address could not be read.
    struct AddressProblem: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// Parses the value of `bootstrap.servers`: entries separated by commas; blanks around them and empty ones do not count.
    public static func parseList(_ text: String) throws(ConfigurationError) -> [BrokerAddress] {
        let key = "bootstrap.servers"
        var result: [BrokerAddress] = []
        for piece in text.split(separator: ",", omittingEmptySubsequences: true) {
            let entry = piece.trimmingBlanks
            if entry.isEmpty { continue }
            do throws(AddressProblem) {
                let address = try parse(entry)
                if !result.contains(address) { result.append(address) }
            } catch {
                throw ConfigurationError(
                    key: key,
                    value: text,
                    reason: "the entry '\(entry)' is wrong: \(error.reason)"
                )
            }
        }
        if result.isEmpty {
            throw ConfigurationError(key: key, value: text, reason: "it names no broker; give at least one host:port")
        }
        return result
    }
}

extension StringProtocol {
    /// Without blanks, tabs and line ends on both sides.
    var trimmingBlanks: String {
        let isBlank: (Character) -> Bool = { $0.isWhitespace }
        let head = self.drop(while: isBlank)
        guard let last = head.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(head[...last])
    }
}
