extension ClientConfiguration {
    /// Reads the connection part of Java client properties: names, types and defaults of Kafka 3.9's clients.
    ///
    /// Keys that have nothing to do with connections are not looked at. Files named by `ssl.*` are read when a connection
    /// is made; `checkTLS()` reads them at once.
    ///
    /// - Parameters:
    ///   - properties: keys as in a client's properties file, without any prefix.
    ///   - clusterName: the cluster's alias for error texts.
    ///   - requiresBootstrap: whether a missing `bootstrap.servers` is an error.
    public init(
        properties: [String: String],
        clusterName: String = "",
        requiresBootstrap: Bool = true
    ) throws(ConfigurationError) {
        self.init(clusterName: clusterName)
        let reader = PropertyReader(properties: properties)
        if let list = properties["bootstrap.servers"] {
            self.bootstrapServers = try BrokerAddress.parseList(list)
        } else if requiresBootstrap {
            throw ConfigurationError(
                key: "bootstrap.servers",
                value: nil,
                reason: "it is missing; name at least one broker as host:port"
            )
        }
        self.clientID = reader.string("client.id") ?? ""
        try readTimes(reader)
        try readSocketSettings(reader)
        self.securityProtocol = try reader.choice("security.protocol", default: .plaintext, uppercased: true)
        self.tls = try TLSSettings(reader, isUsed: self.securityProtocol.usesTLS)
        if self.securityProtocol.usesSASL { self.sasl = try SASLSettings(reader, self.securityProtocol) }
    }

    private mutating func readTimes(_ reader: PropertyReader) throws(ConfigurationError) {
        let positive: ClosedRange<Int64> = 1...Int64(Int32.max)
        self.requestTimeout = try reader.milliseconds("request.timeout.ms", default: 30_000, in: positive)
        self.connectionSetupTimeout = try reader.milliseconds(
            "socket.connection.setup.timeout.ms",
            default: 10_000,
            in: positive
        )
        self.connectionSetupTimeoutMax = try reader.milliseconds(
            "socket.connection.setup.timeout.max.ms",
            default: 30_000,
            in: positive
        )
        self.metadataMaxAge = try reader.milliseconds("metadata.max.age.ms", default: 300_000)
        let idle = try reader.integer("connections.max.idle.ms", default: 540_000, in: -1...Int64.max / 4_000_000)
        self.connectionMaxIdle = idle < 0 ? nil : .milliseconds(idle)
        self.reconnectBackoff = BackoffPolicy(
            initial: try reader.milliseconds("reconnect.backoff.ms", default: 50),
            maximum: try reader.milliseconds("reconnect.backoff.max.ms", default: 1_000)
        )
        self.retryBackoff = BackoffPolicy(
            initial: try reader.milliseconds("retry.backoff.ms", default: 100),
            maximum: try reader.milliseconds("retry.backoff.max.ms", default: 1_000)
        )
    }

    private mutating func readSocketSettings(_ reader: PropertyReader) throws(ConfigurationError) {
        let sizes: ClosedRange<Int64> = -1...Int64(Int32.max)
        let send = try reader.integer("send.buffer.bytes", default: -1, in: sizes)
        self.sendBufferBytes = send < 1 ? nil : Int(send)
        let receive = try reader.integer("receive.buffer.bytes", default: -1, in: sizes)
        self.receiveBufferBytes = receive < 1 ? nil : Int(receive)
        self.dnsLookup = try reader.choice("client.dns.lookup", default: .useAllDNSIPs)
    }
}

extension SASLSettings {
    /// Reads `sasl.mechanism` and `sasl.jaas.config`.
    init(_ reader: PropertyReader, _ securityProtocol: SecurityProtocol) throws(ConfigurationError) {
        let name = reader.nonEmpty("sasl.mechanism") ?? "GSSAPI"
        guard let mechanism = SASLMechanism(rawValue: name) else {
            let supported = SASLMechanism.allCases.map(\.rawValue).joined(separator: ", ")
            let isDefault = reader.nonEmpty("sasl.mechanism") == nil
            throw ConfigurationError(
                key: "sasl.mechanism",
                value: isDefault ? nil : name,
                reason: (isDefault ? "it is missing and the default GSSAPI" : "the mechanism \(name)")
                    + " is not supported; supported are \(supported)"
            )
        }
        guard let text = reader.nonEmpty("sasl.jaas.config") else {
            throw ConfigurationError(
                key: "sasl.jaas.config",
                value: nil,
                reason: "it is missing but security.protocol is \(securityProtocol); write "
                    + "\(mechanism.loginModule) required username=\"...\" password=\"...\";"
            )
        }
        let jaas = try JAASConfiguration(parsing: text)
        func option(_ name: String) throws(ConfigurationError) -> String {
            if let value = jaas.options[name] { return value }
            throw ConfigurationError(key: "sasl.jaas.config", value: text, reason: "the option '\(name)' is missing")
        }
        let username = try option("username")
        guard !username.isEmpty else {
            throw ConfigurationError(key: "sasl.jaas.config", value: text, reason: "the option 'username' is empty")
        }
        self.init(
            mechanism: mechanism,
            username: username,
            password: try option("password"),
            usesDelegationToken: mechanism != .plain && jaas.options["tokenauth"]?.lowercased() == "true"
        )
    }
}
