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
    /// All addresses of the host name are tried in turn until one accepts the TCP connection.
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
        let candidates = try await resolve(address, configuration)
        let tls = try await tlsContext(configuration, context)
        let limit = configuration.connectionSetupTimeout(failures: failures, random: Double.random(in: 0..<1))
        var problems: [(SocketAddress, any Error)] = []
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
            case .success(let connection): return connection
            case .failure(.setup(let error)): throw error
            case .failure(.tcp(let error)): problems.append((candidate, error))
            }
        }
        if Task.isCancelled { throw KafkaConnectionError(.cancelled, "connecting was cancelled", context: context) }
        throw unreachable(problems, limit: limit, context)
    }

    private static func resolve(
        _ address: BrokerAddress,
        _ configuration: ClientConfiguration
    ) async throws(KafkaConnectionError) -> [SocketAddress] {
        do {
            let result = try await configuration.resolver.resolve(address)
            if !result.isEmpty { return result }
            throw HostNotFound(host: address.host, reason: "no address")
        } catch {
            throw KafkaConnectionError(
                .unknownHost,
                "the host name \(address.host) cannot be resolved: \((error as? HostNotFound)?.reason ?? "\(error)")",
                nextStep: "check the name in bootstrap.servers, or what the broker advertises, and the DNS",
                context: configuration.errorContext(address),
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

    private static func unreachable(
        _ problems: [(SocketAddress, any Error)],
        limit: Duration,
        _ context: KafkaConnectionError.Context
    ) -> KafkaConnectionError {
        let reasons = problems.map { candidate, error in
            let target = candidate.ipAddress ?? "\(candidate)"
            let isLiteral = target == context.address?.host
            return (isLiteral ? "" : "\(target): ") + reason(error, limit)
        }
        return KafkaConnectionError(
            .unreachable,
            "cannot connect: " + reasons.joined(separator: "; "),
            nextStep: "check that the broker runs, and host, port and firewalls between here and there",
            context: context,
            cause: problems.last?.1
        )
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
