/// Everything that a connection to a cluster needs to know; made from Java client properties or field by field.
public struct ClientConfiguration: Sendable {
    /// The alias of the cluster, for error texts and logs.
    public var clusterName: String
    /// Where to begin; empty when the caller knows the addresses.
    public var bootstrapServers: [BrokerAddress] = []
    /// `client.id`: brokers show it in their logs and use it for quotas.
    public var clientID: String = ""

    public var securityProtocol: SecurityProtocol = .plaintext
    /// TLS settings; used when the security protocol says so.
    public var tls = TLSSettings()
    /// SASL settings; needed when the security protocol says so.
    public var sasl: SASLSettings?

    /// `request.timeout.ms`: how long an answer may take before the connection counts as dead.
    public var requestTimeout: Duration = .seconds(30)
    /// `socket.connection.setup.timeout.ms`: how long the first attempt to connect may take.
    public var connectionSetupTimeout: Duration = .seconds(10)
    /// `socket.connection.setup.timeout.max.ms`: the limit when failures lengthen that time.
    public var connectionSetupTimeoutMax: Duration = .seconds(30)
    /// `connections.max.idle.ms`: close after this long without traffic; nil = never.
    public var connectionMaxIdle: Duration? = .milliseconds(540_000)
    /// `send.buffer.bytes`; nil leaves it to the system, which adapts to the distance.
    ///
    /// Java's defaults of 32 to 128 KiB cap a far link at a few MB/s, so they apply only when someone writes them down.
    public var sendBufferBytes: Int?
    /// `receive.buffer.bytes`; nil leaves it to the system.
    public var receiveBufferBytes: Int?
    /// `client.dns.lookup`.
    public var dnsLookup: DNSLookup = .useAllDNSIPs
    /// `metadata.max.age.ms`.
    public var metadataMaxAge: Duration = .milliseconds(300_000)
    /// `reconnect.backoff.ms` and `.max.ms`.
    public var reconnectBackoff = BackoffPolicy(initial: .milliseconds(50), maximum: .milliseconds(1_000))
    /// `retry.backoff.ms` and `.max.ms`.
    public var retryBackoff = BackoffPolicy(initial: .milliseconds(100), maximum: .milliseconds(1_000))

    /// Longest answer that is accepted; more counts as 'not Kafka'.
    public var maximumFrameBytes = 128 * 1024 * 1024
    /// Most requests that may wait for their answers on one connection.
    public var maximumInFlightRequests = 1_024
    /// Most request bytes that may wait for their answers on one connection; one larger request is allowed alone.
    public var maximumInFlightBytes = 256 * 1024 * 1024
    /// Finds the addresses of host names; replaced in tests.
    public var resolver: any HostResolver = SystemResolver()
    /// Addresses that failed lately; shared by all copies of this configuration.
    let addressMemory = AddressMemory()
    /// Answers version negotiation with these names (KIP-511).
    public var softwareName = "kafka-mirror"
    public var softwareVersion = "0.1.0"

    public init(clusterName: String = "") {
        self.clusterName = clusterName
    }

    /// The same as context for errors about `address`.
    public func errorContext(_ address: BrokerAddress? = nil) -> KafkaConnectionError.Context {
        let sasl = self.securityProtocol.usesSASL ? self.sasl : nil
        // Without SASL the broker knows us by our certificate.
        let subject = self.securityProtocol == .ssl ? self.tls.loaded.subject : nil
        return KafkaConnectionError.Context(
            cluster: self.clusterName,
            address: address,
            mechanism: sasl?.mechanism.rawValue,
            principal: sasl?.username ?? subject
        )
    }

    /// How long attempt number `failures + 1` to connect may take (KIP-601).
    public func connectionSetupTimeout(failures: Int, random: Double) -> Duration {
        BackoffPolicy(initial: self.connectionSetupTimeout, maximum: self.connectionSetupTimeoutMax)
            .delay(failures: failures, random: random)
    }
}

/// The values of `client.dns.lookup`.
public enum DNSLookup: String, Hashable, Sendable, CaseIterable {
    /// Try every address of a name until one works.
    case useAllDNSIPs = "use_all_dns_ips"
    /// Replace each bootstrap name by the canonical names of its addresses, as Kerberos needs it.
    case resolveCanonicalBootstrapServersOnly = "resolve_canonical_bootstrap_servers_only"
}
