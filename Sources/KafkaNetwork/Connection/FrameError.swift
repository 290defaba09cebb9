/// The length of a frame makes no sense; the bytes often tell who is at the other end.
struct FrameError: Error, Hashable {
    let prefix: UInt32
    let limit: Int

    /// What the four bytes look like.
    var peer: Peer {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: self.prefix >> (24 - 8 * $0)) }
        if (0x14...0x17).contains(bytes[0]), bytes[1] == 3, bytes[2] <= 4 { return .tls }
        switch String(decoding: bytes, as: UTF8.self) {
        case "HTTP": return .http
        case "SSH-": return .ssh
        default: return Int32(bitPattern: self.prefix) < 0 ? .unknown : .large(Int(self.prefix))
        }
    }

    enum Peer: Hashable {
        case tls
        case http
        case ssh
        case large(Int)
        case unknown
    }

    var message: String {
        let claim = "the peer answered something that is not Kafka"
        switch self.peer {
        case .tls: return claim + ": a TLS record"
        case .http: return claim + ": it speaks HTTP"
        case .ssh: return claim + ": it speaks SSH"
        case .large(let length): return claim + ", or a frame of \(length) bytes (the limit is \(self.limit))"
        case .unknown: return claim + ": a frame cannot have the length \(Int32(bitPattern: self.prefix))"
        }
    }

    var nextStep: String {
        switch self.peer {
        case .tls: "this listener wants TLS: set security.protocol to SSL or SASL_SSL"
        default: "check host and port, and that security.protocol fits this listener"
        }
    }
}
