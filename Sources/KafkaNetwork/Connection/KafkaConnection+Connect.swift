public import Logging
public import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension KafkaConnection {
    /// Connects to a broker: name resolution, TCP, TLS, version negotiation, SASL.
    ///
    /// All addresses of the host name are tried in turn until one works: one that refuses, or takes the connection and
    /// says nothing, does not hide the others, and comes last for a while. Only refused credentials end the search, since
    /// the other addresses would refuse them too.
    ///
    /// - Parameters:
    ///   - address: the broker.
    ///   - configuration: how to connect.
    ///   - eventLoop: where the connection lives.
    ///   - purpose: what it is for; decides on its buffers.
    ///   - failures: failed attempts in a row before this one; lengthens the set-up time-out as Kafka does (KIP-601).
    ///   - logger: gets debug and trace messages.
    public static func connect(
        to address: BrokerAddress,
        configuration: ClientConfiguration,
        on eventLoop: any EventLoop,
        purpose: ConnectionPurpose = .control,
        failures: Int = 0,
        logger: Logger
    ) async throws(KafkaConnectionError) -> KafkaConnection {
        let context = configuration.errorContext(address)
        let limit = configuration.connectionSetupTimeout(failures: failures, random: Double.random(in: 0..<1))
        let found = try await resolve(address, configuration, limit: limit)
        let candidates = configuration.addressMemory.sorted(found)
        let tls = try await tlsContext(configuration, context)
        var problems: [Problem] = []
        for candidate in candidates {
            if Task.isCancelled { throw KafkaConnectionError(.cancelled, "connecting was cancelled", context: context) }
            let attempt = ConnectionAttempt(
                target: candidate,
                address: address,
                configuration: configuration,
                tls: tls,
                purpose: purpose,
                timeLimit: limit,
                logger: logger
            )
            switch await attempt.run(on: eventLoop) {
            case .success(let connection):
                configuration.addressMemory.worked(candidate)
                return connection
            case .failure(.setup(let error)):
                guard error.mayDifferElsewhere else { throw error }
                problems.append(Problem(candidate, setup: error))
            case .failure(.tcp(let error)):
                problems.append(Problem(candidate, tcp: error))
            }
            configuration.addressMemory.failed(candidate)
        }
        if Task.isCancelled { throw KafkaConnectionError(.cancelled, "connecting was cancelled", context: context) }
        throw failure(problems, limit: limit, context)
    }

    /// What went wrong at one address.
    private struct Problem {
        var address: SocketAddress
        var setup: KafkaConnectionError?
        var tcp: (any Error)?

        init(_ address: SocketAddress, setup: KafkaConnectionError? = nil, tcp: (any Error)? = nil) {
            self.address = address
            self.setup = setup
            self.tcp = tcp
        }

        /// - Parameter host: as configured; an address that is written there itself need not be repeated.
        func words(host: String?, limit: Duration) -> String {
            let target = self.address.ipAddress ?? "\(self.address)"
            let reason = self.setup?.message ?? self.tcp.map { KafkaConnection.reason($0, limit) } ?? ""
            return target == host ? reason : "\(target): \(reason)"
        }
    }

    private static func resolve(
        _ address: BrokerAddress,
        _ configuration: ClientConfiguration,
        limit: Duration
    ) async throws(KafkaConnectionError) -> [SocketAddress] {
        let resolver = configuration.resolver
        let context = configuration.errorContext(address)
        do {
            let result = try await atMost(limit) {
                HostNotFound(host: address.host, reason: "the name service gave no answer within \(limit.forPeople)")
            } of: {
                try await resolver.resolve(address)
            }
            if !result.isEmpty { return result }
            throw HostNotFound(host: address.host, reason: "no address")
        } catch {
            if error is CancellationError {
                throw KafkaConnectionError(.cancelled, "connecting was cancelled", context: context)
            }
            throw KafkaConnectionError(
                .unknownHost,
                "the host name \(address.host) cannot be resolved: \((error as? HostNotFound)?.reason ?? "\(error)")",
                nextStep: "check the name in bootstrap.servers, or what the broker advertises, and the DNS",
                context: context,
                cause: error
            )
        }
    }

    private static func tlsContext(
        _ configuration: ClientConfiguration,
        _ context: KafkaConnectionError.Context
    ) async throws(KafkaConnectionError) -> NIOSSLContext? {
        guard configuration.securityProtocol.usesTLS else { return nil }
        do throws(ConfigurationError) {
            return try await configuration.tls.makeContext()
        } catch {
            throw KafkaConnectionError(.invalidConfiguration, "\(error)", context: context, cause: error)
        }
    }

    private static func failure(
        _ problems: [Problem],
        limit: Duration,
        _ context: KafkaConnectionError.Context
    ) -> KafkaConnectionError {
        let reasons = problems.map { $0.words(host: context.address?.host, limit: limit) }.joined(separator: "; ")
        // A peer that is there and does not answer as it should says more than one that is not there.
        guard let first = problems.lazy.compactMap(\.setup).first else {
            return KafkaConnectionError(
                .unreachable,
                "cannot connect: " + reasons,
                nextStep: "check that the broker runs, and host, port and firewalls between here and there",
                context: context,
                cause: problems.last?.tcp
            )
        }
        guard problems.count > 1 else { return first }
        var error = first
        error.message = "none of the name's \(problems.count) addresses works: " + reasons
        return error
    }

    private static func reason(_ error: any Error, _ limit: Duration) -> String {
        switch error {
        case ChannelError.connectTimeout: return "no answer within \(limit.forPeople)"
        default: return words(for: error)
        }
    }

    /// What the system says, without the names of its functions.
    static func words(for error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return unsafe String(cString: strerror(error.errnoCode))
    }
}
