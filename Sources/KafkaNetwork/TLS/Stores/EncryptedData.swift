import SwiftASN1

/// An algorithm with its parameters, as ASN.1 has it everywhere.
struct AlgorithmIdentifier {
    let identifier: ASN1ObjectIdentifier
    let parameters: ASN1Node?

    init?(_ node: ASN1Node) {
        let children = node.children
        guard let first = children.first, let identifier = try? ASN1ObjectIdentifier(derEncoded: first) else {
            return nil
        }
        self.identifier = identifier
        self.parameters = children.count > 1 ? children[1] : nil
    }
}

/// Encrypted bytes with the algorithm that made them.
struct EncryptedData {
    let algorithm: AlgorithmIdentifier
    let bytes: [UInt8]

    init(algorithm: AlgorithmIdentifier, bytes: [UInt8]) {
        self.algorithm = algorithm
        self.bytes = bytes
    }

    /// Reads an `EncryptedPrivateKeyInfo`.
    init?(info: [UInt8]) {
        guard let node = try? BER.parse(info) else { return nil }
        self.init(info: node)
    }

    init?(info: ASN1Node) {
        let children = info.children
        guard children.count == 2, let algorithm = AlgorithmIdentifier(children[0]) else { return nil }
        self.init(algorithm: algorithm, bytes: children[1].octets)
    }
}

extension ASN1Node {
    /// The bytes of a string; pieces are joined where BER cuts it.
    var octets: [UInt8] {
        switch self.content {
        case .primitive(let bytes): Array(bytes)
        case .constructed(let nodes): nodes.flatMap(\.octets)
        }
    }

    /// A small whole number.
    var integer: Int? { try? Int(derEncoded: self) }

    var objectIdentifier: ASN1ObjectIdentifier? { try? ASN1ObjectIdentifier(derEncoded: self) }
}
