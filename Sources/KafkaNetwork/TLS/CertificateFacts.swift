import NIOSSL
import SwiftASN1

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The few things about a certificate that belong into an error text.
struct CertificateFacts {
    var subject = "unknown subject"
    var issuer = "an unknown issuer"
    /// Host names and addresses that it is made out to, else its common name.
    var names: [String] = []

    init(_ certificate: NIOSSLCertificate) {
        self.init(der: (try? certificate.toDERBytes()) ?? [])
        for name in certificate._subjectAlternativeNames() {
            switch name.nameType {
            case .dnsName: self.names.append(String(decoding: name.contents, as: UTF8.self))
            case .ipAddress: self.names.append(Self.ipText(Array(name.contents)))
            default: break
            }
        }
        if self.names.isEmpty, let common = self.subject.firstRange(of: "CN=") {
            self.names = [String(self.subject[common.upperBound...].prefix { $0 != "," })]
        }
    }

    init(der: [UInt8]) {
        // Certificate ::= SEQUENCE { tbs SEQUENCE { [0] version, serial, signature, issuer, validity, subject, ... } ... }
        guard let root = try? DER.parse(der), let tbs = root.children.first else { return }
        var fields = tbs.children[...]
        if fields.first?.identifier == ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific) {
            fields.removeFirst()
        }
        guard fields.count >= 5 else { return }
        let start = fields.startIndex
        self.issuer = Self.name(fields[start + 2])
        self.subject = Self.name(fields[start + 4])
    }

    static func day(_ time: time_t) -> String {
        // The proleptic Gregorian calendar from days since 1970; eras of 400 years that begin in March.
        let days = Int((Double(time) / 86_400).rounded(.down)) + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let two: (Int) -> String = { $0 < 10 ? "0\($0)" : "\($0)" }
        return "\(year)-\(two(month))-\(two(day))"
    }

    private static func ipText(_ bytes: [UInt8]) -> String {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        let groups = stride(from: 0, to: bytes.count - 1, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        return groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// A distinguished name, most specific part first, as Java prints it.
    private static func name(_ node: ASN1Node) -> String {
        let shortNames: [ASN1ObjectIdentifier: String] = [
            [2, 5, 4, 3]: "CN", [2, 5, 4, 6]: "C", [2, 5, 4, 7]: "L", [2, 5, 4, 8]: "ST", [2, 5, 4, 10]: "O",
            [2, 5, 4, 11]: "OU",
        ]
        var parts: [String] = []
        for set in node.children {
            for attribute in set.children {
                let pair = attribute.children
                guard pair.count == 2, let type = try? ASN1ObjectIdentifier(derEncoded: pair[0]),
                    case .primitive(let value) = pair[1].content
                else { continue }
                let label = shortNames[type] ?? "\(type)"
                parts.append("\(label)=\(String(decoding: value, as: UTF8.self))")
            }
        }
        return parts.isEmpty ? "no name" : parts.reversed().joined(separator: ", ")
    }
}

extension ASN1Node {
    /// The nodes inside a constructed node; none for a primitive one.
    var children: [ASN1Node] {
        guard case .constructed(let nodes) = self.content else { return [] }
        return Array(nodes)
    }
}
