public import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Finds the addresses of host names.
public protocol HostResolver: Sendable {
    /// All addresses in the order to try them; throws `HostNotFound` when there is none.
    func resolve(_ address: BrokerAddress) async throws -> [SocketAddress]
    /// The canonical names behind a host name's addresses, for `resolve_canonical_bootstrap_servers_only`.
    func canonicalNames(of host: String) async throws -> [String]
}

/// A host name has no address.
public struct HostNotFound: Error, Sendable, CustomStringConvertible {
    public var host: String
    /// The resolver's words.
    public var reason: String

    public init(host: String, reason: String) {
        self.host = host
        self.reason = reason
    }

    public var description: String { "\(self.host): \(self.reason)" }
}

/// The operating system's resolver, run on threads that may block.
///
/// They are threads of their own: a name service that does not answer keeps one busy for half a minute, and whatever
/// else shared them, such as other clusters' key stores, would wait.
public struct SystemResolver: HostResolver {
    private static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: 8)
        threads.start()
        return threads
    }()

    public init() {}

    public func resolve(_ address: BrokerAddress) async throws -> [SocketAddress] {
        // A port beyond the range, as a broken broker may advertise it, would end the process below.
        guard (1...65_535).contains(address.port) else {
            throw HostNotFound(host: address.host, reason: "\(address.port) is not a port")
        }
        if let literal = try? SocketAddress(ipAddress: address.host, port: address.port) { return [literal] }
        return try await Self.threads.runIfActive {
            try Self.lookUp(address.host, port: address.port)
        }
    }

    public func canonicalNames(of host: String) async throws -> [String] {
        try await Self.threads.runIfActive {
            var names: [String] = []
            for address in try Self.lookUp(host, port: 0) {
                let name = Self.name(of: address) ?? host
                if !names.contains(name) { names.append(name) }
            }
            return names
        }
    }

    private static func lookUp(_ host: String, port: Int) throws -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let status = unsafe getaddrinfo(host, "\(port)", &hints, &list)
        guard status == 0, let first = unsafe list else {
            let reason = status == 0 ? "no address" : unsafe String(cString: gai_strerror(status))
            throw HostNotFound(host: host, reason: reason)
        }
        defer { unsafe freeaddrinfo(first) }
        var result: [SocketAddress] = []
        var current: UnsafeMutablePointer<addrinfo>? = unsafe first
        while let info = unsafe current {
            if let address = unsafe socketAddress(info.pointee, host: host), !result.contains(address) {
                result.append(address)
            }
            unsafe current = unsafe info.pointee.ai_next
        }
        guard !result.isEmpty else { throw HostNotFound(host: host, reason: "no IPv4 or IPv6 address") }
        return result
    }

    private static func socketAddress(_ info: addrinfo, host: String) -> SocketAddress? {
        guard let raw = unsafe UnsafeRawPointer(info.ai_addr) else { return nil }
        switch unsafe info.ai_family {
        case AF_INET: return unsafe SocketAddress(raw.loadUnaligned(as: sockaddr_in.self), host: host)
        case AF_INET6: return unsafe SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self), host: host)
        default: return nil
        }
    }

    private static func name(of address: SocketAddress) -> String? {
        var buffer = [CChar](repeating: 0, count: 1_025)
        let status = unsafe address.withSockAddr { pointer, length in
            unsafe getnameinfo(
                pointer,
                socklen_t(length),
                &buffer,
                socklen_t(buffer.count),
                nil,
                0,
                NI_NAMEREQD
            )
        }
        guard status == 0 else { return nil }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
