import NIOSSL

/// Placeholder.
final class TLSContextCache: Sendable { init() {} }
extension TLSSettings {
    func makeContext() async throws(ConfigurationError) -> NIOSSLContext {
        do { return try NIOSSLContext(configuration: .makeClientConfiguration()) } catch {
            throw ConfigurationError(key: "ssl", value: nil, reason: "\(error)")
        }
    }
}
