import FoundationEssentials
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// Keeps the TLS context that was made from a set of files until one of the files changes.
///
/// Opening a store costs thousands of hash rounds; certificates that are renewed on disk are taken up with the next
/// connection.
final class TLSContextCache: Sendable {
    /// What tells a changed file.
    struct Stamp: Hashable, Sendable {
        var path: String
        var size: Int?
        var modified: Date?
    }

    private struct Entry {
        var settings: TLSSettings
        var stamps: [Stamp]
        var context: NIOSSLContext
        var subject: String?
    }

    private let entry = NIOLockedValueBox<Entry?>(nil)

    init() {}

    func context(for settings: TLSSettings, stamps: [Stamp]) -> NIOSSLContext? {
        self.entry.withLockedValue { entry in
            guard let entry, entry.stamps == stamps, entry.settings == settings else { return nil }
            return entry.context
        }
    }

    func store(_ context: NIOSSLContext, subject: String?, for settings: TLSSettings, stamps: [Stamp]) {
        self.entry.withLockedValue {
            $0 = Entry(settings: settings, stamps: stamps, context: context, subject: subject)
        }
    }

    /// Whom our certificate names; nil before the files were read.
    var subject: String? { self.entry.withLockedValue { $0?.subject } }
}

extension TLSSettings {
    /// The TLS context, from the cache or from the files; reads files on a thread that may block.
    func makeContext() async throws(ConfigurationError) -> NIOSSLContext {
        let result: Result<NIOSSLContext, ConfigurationError>
        do {
            result = try await NIOSingletons.posixBlockingThreadPool.runIfActive {
                do throws(ConfigurationError) {
                    return .success(try self.context())
                } catch {
                    return .failure(error)
                }
            }
        } catch {
            throw ConfigurationError(key: "security.protocol", value: nil, reason: "the process is shutting down")
        }
        return try result.get()
    }

    /// The same on this thread.
    func context() throws(ConfigurationError) -> NIOSSLContext {
        let stamps = [self.trustStore?.location, self.keyStore?.location].compactMap { $0 }.map(Self.stamp)
        if let context = self.loaded.context(for: self, stamps: stamps) { return context }
        let configuration = try tlsConfiguration()
        do {
            let context = try NIOSSLContext(configuration: configuration)
            var subject: String?
            if case .certificate(let leaf)? = configuration.certificateChain.first {
                subject = CertificateFacts(leaf).subject
            }
            self.loaded.store(context, subject: subject, for: self, stamps: stamps)
            return context
        } catch {
            throw explain(error)
        }
    }

    private static func stamp(_ path: String) -> TLSContextCache.Stamp {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        let size = (attributes?[.size] as? any BinaryInteger).map { Int(clamping: $0) }
        return .init(path: path, size: size, modified: attributes?[.modificationDate] as? Date)
    }

    private func tlsConfiguration() throws(ConfigurationError) -> TLSConfiguration {
        var result = TLSConfiguration.makeClientConfiguration()
        result.certificateVerification = self.verifiesHostName ? .fullVerification : .noHostnameVerification
        result.minimumTLSVersion = self.versions.lowerBound == .tls12 ? .tlsv12 : .tlsv13
        result.maximumTLSVersion = self.versions.upperBound == .tls12 ? .tlsv12 : .tlsv13
        if let suites = self.cipherSuites { result.cipherSuites = suites.joined(separator: ":") }
        if let store = self.trustStore {
            let reader = StoreReader(role: .trustStore, store: store, keyPassword: nil)
            result.trustRoots = .certificates(try reader.trustedCertificates())
        }
        if let store = self.keyStore {
            let reader = StoreReader(role: .keyStore, store: store, keyPassword: self.keyPassword)
            let identity = try reader.identity()
            result.certificateChain = identity.chain.map { .certificate($0) }
            result.privateKey = .privateKey(identity.key)
        }
        return result
    }

    private func explain(_ error: any Error) -> ConfigurationError {
        let text = "\(error)"
        // The key itself was read before, so it is the pair that the library refuses.
        if text.contains("KEY_VALUES_MISMATCH") || text.contains("KEY_TYPE_MISMATCH")
            || error as? NIOSSLError == .failedToLoadPrivateKey
        {
            return ConfigurationError(
                key: self.keyStore?.location == nil ? "ssl.keystore.key" : "ssl.keystore.location",
                value: self.keyStore?.location,
                reason: "the private key does not belong to the first certificate of the chain"
            )
        }
        if text.contains("CIPHER") {
            return ConfigurationError(
                key: "ssl.cipher.suites",
                value: self.cipherSuites?.joined(separator: ","),
                reason: "the TLS library has none of these"
            )
        }
        return ConfigurationError(key: "ssl.*", value: nil, reason: "the settings cannot be used: \(text)")
    }
}

extension ClientConfiguration {
    /// Reads the files that the `ssl.*` properties name, so that a wrong one is noticed before the first connection.
    public func checkTLS() throws(ConfigurationError) {
        guard self.securityProtocol.usesTLS else { return }
        _ = try self.tls.context()
    }
}
