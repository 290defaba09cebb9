extension ClientConfiguration {
    /// The bootstrap addresses to connect to.
    ///
    /// With `client.dns.lookup = resolve_canonical_bootstrap_servers_only` each name is replaced by the canonical names of
    /// its addresses; one that cannot be resolved is left out as long as another remains.
    public func resolvedBootstrapServers() async throws(KafkaConnectionError) -> [BrokerAddress] {
        guard self.dnsLookup == .resolveCanonicalBootstrapServersOnly else { return self.bootstrapServers }
        var result: [BrokerAddress] = []
        var problem: (BrokerAddress, any Error)?
        let resolver = self.resolver
        let limit = self.connectionSetupTimeout
        for server in self.bootstrapServers {
            do {
                let names = try await atMost(limit) {
                    HostNotFound(host: server.host, reason: "the name service gave no answer within \(limit.forPeople)")
                } of: {
                    try await resolver.canonicalNames(of: server.host)
                }
                for name in names {
                    let address = BrokerAddress(host: name, port: server.port)
                    if !result.contains(address) { result.append(address) }
                }
            } catch {
                problem = (server, error)
            }
        }
        if result.isEmpty, let (server, error) = problem {
            throw KafkaConnectionError(
                .unknownHost,
                "the host name \(server.host) cannot be resolved: \((error as? HostNotFound)?.reason ?? "\(error)")",
                nextStep: "check the names in bootstrap.servers and the DNS",
                context: errorContext(server),
                cause: error
            )
        }
        return result
    }
}
