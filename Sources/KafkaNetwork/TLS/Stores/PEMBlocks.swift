/// The blocks of a PEM text, with all line ends and indentation forgiven: properties often hold it on one line.
struct PEMBlock: Hashable {
    /// What stands behind BEGIN: `CERTIFICATE`, `PRIVATE KEY`, ...
    var label: String
    var der: [UInt8]
    /// Lines as `Proc-Type: 4,ENCRYPTED` in front of the content.
    var hasHeaders: Bool
    /// The block in regular form.
    var text: String

    var isPrivateKey: Bool { self.label.hasSuffix("PRIVATE KEY") }
    var isCertificate: Bool { ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"].contains(self.label) }

    /// Reads all blocks; throws when one is damaged.
    static func parse(_ text: String) throws(StoreError) -> [PEMBlock] {
        var blocks: [PEMBlock] = []
        var rest = text[...]
        while let begin = rest.firstRange(of: "-----BEGIN ") {
            rest = rest[begin.upperBound...]
            guard let labelEnd = rest.firstRange(of: "-----") else {
                throw StoreError(.malformed, "a PEM block is cut off")
            }
            let label = String(rest[..<labelEnd.lowerBound])
            rest = rest[labelEnd.upperBound...]
            guard let end = rest.firstRange(of: "-----END \(label)-----") else {
                throw StoreError(.malformed, "the PEM block '\(label)' has no end")
            }
            blocks.append(try block(label, String(rest[..<end.lowerBound])))
            rest = rest[end.upperBound...]
        }
        return blocks
    }

    private static func block(_ label: String, _ body: String) throws(StoreError) -> PEMBlock {
        let frame = { (content: String) in "-----BEGIN \(label)-----\n\(content)\n-----END \(label)-----\n" }
        if body.contains(":") {
            let lines = body.split(whereSeparator: \.isNewline).map(\.trimmingBlanks)
            // An empty line ends the headers; it was lost by the split.
            let headers = lines.filter { $0.contains(":") }
            let content = lines.filter { !$0.contains(":") }
            let text = frame(headers.joined(separator: "\n") + "\n\n" + content.joined(separator: "\n"))
            return PEMBlock(label: label, der: [], hasHeaders: true, text: text)
        }
        let characters = body.utf8.filter { ![0x20, 0x09, 0x0a, 0x0d, 0x5c].contains($0) }
        guard let der = Base64.decode(characters), !der.isEmpty else {
            throw StoreError(.malformed, "the PEM block '\(label)' is not Base64")
        }
        let lines = stride(from: 0, to: characters.count, by: 64).map {
            String(decoding: characters[$0..<min($0 + 64, characters.count)], as: UTF8.self)
        }
        return PEMBlock(label: label, der: der, hasHeaders: false, text: frame(lines.joined(separator: "\n")))
    }
}
