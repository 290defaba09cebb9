/// The two messages that a SCRAM server sends (RFC 5802), parsed as strictly as Kafka's own client does.
enum ScramMessages {
    struct ServerFirst: Hashable {
        var nonce: [UInt8]
        var salt: [UInt8]
        var iterations: Int

        /// Parses `[m=..,]r=nonce,s=salt,i=iterations[,extensions]`.
        init?(_ message: [UInt8]) {
            var attributes = ScramMessages.attributes(of: message)[...]
            if let first = attributes.first, first.name == UInt8(ascii: "m") {
                guard ScramMessages.isValue(first.value) else { return nil }
                attributes.removeFirst()
            }
            guard attributes.count >= 3 else { return nil }
            let (nonce, salt, iterations) = (
                attributes.removeFirst(), attributes.removeFirst(), attributes.removeFirst()
            )
            guard nonce.name == UInt8(ascii: "r"), salt.name == UInt8(ascii: "s"), iterations.name == UInt8(ascii: "i"),
                !nonce.value.isEmpty, nonce.value.allSatisfy({ (0x21...0x7e).contains($0) }),
                let saltBytes = Base64.decode(salt.value),
                !iterations.value.isEmpty, iterations.value.allSatisfy({ (0x30...0x39).contains($0) }),
                let count = Int32(String(decoding: iterations.value, as: UTF8.self)), count > 0,
                attributes.allSatisfy(\.isExtension)
            else { return nil }
            self.nonce = Array(nonce.value)
            self.salt = saltBytes
            self.iterations = Int(count)
        }
    }

    enum ServerFinal: Hashable {
        case signature([UInt8])
        case error(String)

        /// Parses `v=signature` or `e=error`, each with optional extensions.
        init?(_ message: [UInt8]) {
            let attributes = ScramMessages.attributes(of: message)
            guard let first = attributes.first, attributes.dropFirst().allSatisfy(\.isExtension) else { return nil }
            switch first.name {
            case UInt8(ascii: "v"):
                guard let bytes = Base64.decode(first.value) else { return nil }
                self = .signature(bytes)
            case UInt8(ascii: "e"):
                guard ScramMessages.isValue(first.value) else { return nil }
                self = .error(String(decoding: first.value, as: UTF8.self))
            default: return nil
            }
        }
    }

    struct Attribute {
        /// 0 when the piece has no `x=` in front.
        var name: UInt8
        var value: ArraySlice<UInt8>

        var isExtension: Bool {
            let upper = self.name & 0xdf
            return (0x41...0x5a).contains(upper) && ScramMessages.isValue(self.value)
        }
    }

    static func isValue(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy { (0x01...0x7f).contains($0) }
    }

    static func attributes(of message: [UInt8]) -> [Attribute] {
        message.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { piece in
            guard piece.count >= 2, piece[piece.startIndex + 1] == UInt8(ascii: "="), let name = piece.first else {
                return Attribute(name: 0, value: piece)
            }
            return Attribute(name: name, value: piece.dropFirst(2))
        }
    }

    /// A user name with `=` and `,` escaped.
    static func saslName(_ name: String) -> [UInt8] {
        var result: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "="): result += Array("=3D".utf8)
            case UInt8(ascii: ","): result += Array("=2C".utf8)
            default: result.append(byte)
            }
        }
        return result
    }
}
