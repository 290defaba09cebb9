/// A property that Kafka's Java clients know, as a row of a table.
public struct KnownClientProperty: Hashable, Sendable {
    /// What a value must look like.
    public enum ValueType: String, Hashable, Sendable {
        case boolean, string, int, short, long, double, list, `class`, password
    }

    /// Kinds of Java clients.
    public struct Clients: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let producer = Clients(rawValue: 1)
        public static let consumer = Clients(rawValue: 2)
        public static let admin = Clients(rawValue: 4)
        public static let all: Clients = [.producer, .consumer, .admin]
    }

    public let name: String
    public let type: ValueType
    /// The default as it would stand in a properties file; nil when there is none.
    public let defaultValue: String?
    public let clients: Clients
    /// Java applications must set it (serializers); we need none of those.
    public let isRequired: Bool

    /// Why `value` is not of the property's type, or nil when it is.
    public func problem(with value: String) -> String? {
        let trimmed = value.trimmingBlanks
        switch self.type {
        case .boolean:
            let isBoolean = ["true", "false"].contains(trimmed.lowercased())
            return isBoolean ? nil : "it must be true or false"
        case .int: return Int32(trimmed) == nil ? "it must be a whole number between -2147483648 and 2147483647" : nil
        case .short: return Int16(trimmed) == nil ? "it must be a whole number between -32768 and 32767" : nil
        case .long: return Int64(trimmed) == nil ? "it must be a whole number" : nil
        case .double: return Double(trimmed) == nil ? "it must be a number" : nil
        case .string, .list, .class, .password: return nil
        }
    }
}

/// All properties of Kafka 3.9's producer, consumer and admin client with their types and defaults.
///
/// Data for checking a user's configuration ('unknown key, did you mean ...?'). Where the default differs between the
/// clients a name has several rows.
public enum KnownClientProperties {
    /// Every row.
    public static let all: [KnownClientProperty] = [
        // Every client
        property("auto.include.jmx.reporter", .boolean, "true", .all),
        property("bootstrap.servers", .list, "", .all),
        property("client.dns.lookup", .string, "use_all_dns_ips", .all),
        property("client.id", .string, "", .all),
        property("enable.metrics.push", .boolean, "true", .all),
        property("metadata.max.age.ms", .long, "300000", .all),
        property("metadata.recovery.strategy", .string, "none", .all),
        property("metric.reporters", .list, "", .all),
        property("metrics.num.samples", .int, "2", .all),
        property("metrics.recording.level", .string, "INFO", .all),
        property("metrics.sample.window.ms", .long, "30000", .all),
        property("reconnect.backoff.max.ms", .long, "1000", .all),
        property("reconnect.backoff.ms", .long, "50", .all),
        property("request.timeout.ms", .int, "30000", .all),
        property("retry.backoff.max.ms", .long, "1000", .all),
        property("retry.backoff.ms", .long, "100", .all),
        property("sasl.client.callback.handler.class", .class, nil, .all),
        property("sasl.jaas.config", .password, nil, .all),
        property("sasl.kerberos.kinit.cmd", .string, "/usr/bin/kinit", .all),
        property("sasl.kerberos.min.time.before.relogin", .long, "60000", .all),
        property("sasl.kerberos.service.name", .string, nil, .all),
        property("sasl.kerberos.ticket.renew.jitter", .double, "0.05", .all),
        property("sasl.kerberos.ticket.renew.window.factor", .double, "0.8", .all),
        property("sasl.login.callback.handler.class", .class, nil, .all),
        property("sasl.login.class", .class, nil, .all),
        property("sasl.login.connect.timeout.ms", .int, nil, .all),
        property("sasl.login.read.timeout.ms", .int, nil, .all),
        property("sasl.login.refresh.buffer.seconds", .short, "300", .all),
        property("sasl.login.refresh.min.period.seconds", .short, "60", .all),
        property("sasl.login.refresh.window.factor", .double, "0.8", .all),
        property("sasl.login.refresh.window.jitter", .double, "0.05", .all),
        property("sasl.login.retry.backoff.max.ms", .long, "10000", .all),
        property("sasl.login.retry.backoff.ms", .long, "100", .all),
        property("sasl.mechanism", .string, "GSSAPI", .all),
        property("sasl.oauthbearer.clock.skew.seconds", .int, "30", .all),
        property("sasl.oauthbearer.expected.audience", .list, nil, .all),
        property("sasl.oauthbearer.expected.issuer", .string, nil, .all),
        property("sasl.oauthbearer.header.urlencode", .boolean, "false", .all),
        property("sasl.oauthbearer.jwks.endpoint.refresh.ms", .long, "3600000", .all),
        property("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", .long, "10000", .all),
        property("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", .long, "100", .all),
        property("sasl.oauthbearer.jwks.endpoint.url", .string, nil, .all),
        property("sasl.oauthbearer.scope.claim.name", .string, "scope", .all),
        property("sasl.oauthbearer.sub.claim.name", .string, "sub", .all),
        property("sasl.oauthbearer.token.endpoint.url", .string, nil, .all),
        property("security.protocol", .string, "PLAINTEXT", .all),
        property("security.providers", .string, nil, .all),
        property("send.buffer.bytes", .int, "131072", .all),
        property("socket.connection.setup.timeout.max.ms", .long, "30000", .all),
        property("socket.connection.setup.timeout.ms", .long, "10000", .all),
        property("ssl.cipher.suites", .list, nil, .all),
        property("ssl.enabled.protocols", .list, "TLSv1.2,TLSv1.3", .all),
        property("ssl.endpoint.identification.algorithm", .string, "https", .all),
        property("ssl.engine.factory.class", .class, nil, .all),
        property("ssl.key.password", .password, nil, .all),
        property("ssl.keymanager.algorithm", .string, "SunX509", .all),
        property("ssl.keystore.certificate.chain", .password, nil, .all),
        property("ssl.keystore.key", .password, nil, .all),
        property("ssl.keystore.location", .string, nil, .all),
        property("ssl.keystore.password", .password, nil, .all),
        property("ssl.keystore.type", .string, "JKS", .all),
        property("ssl.protocol", .string, "TLSv1.3", .all),
        property("ssl.provider", .string, nil, .all),
        property("ssl.secure.random.implementation", .string, nil, .all),
        property("ssl.trustmanager.algorithm", .string, "PKIX", .all),
        property("ssl.truststore.certificates", .password, nil, .all),
        property("ssl.truststore.location", .string, nil, .all),
        property("ssl.truststore.password", .password, nil, .all),
        property("ssl.truststore.type", .string, "JKS", .all),
        // Producer
        property("acks", .string, "all", [.producer]),
        property("batch.size", .int, "16384", [.producer]),
        property("buffer.memory", .long, "33554432", [.producer]),
        property("compression.gzip.level", .int, "-1", [.producer]),
        property("compression.lz4.level", .int, "9", [.producer]),
        property("compression.type", .string, "none", [.producer]),
        property("compression.zstd.level", .int, "3", [.producer]),
        property("delivery.timeout.ms", .int, "120000", [.producer]),
        property("enable.idempotence", .boolean, "true", [.producer]),
        property("key.serializer", .class, nil, [.producer], required: true),
        property("linger.ms", .long, "0", [.producer]),
        property("max.block.ms", .long, "60000", [.producer]),
        property("max.in.flight.requests.per.connection", .int, "5", [.producer]),
        property("max.request.size", .int, "1048576", [.producer]),
        property("metadata.max.idle.ms", .long, "300000", [.producer]),
        property("partitioner.adaptive.partitioning.enable", .boolean, "true", [.producer]),
        property("partitioner.availability.timeout.ms", .long, "0", [.producer]),
        property("partitioner.class", .class, nil, [.producer]),
        property("partitioner.ignore.keys", .boolean, "false", [.producer]),
        property("receive.buffer.bytes", .int, "32768", [.producer]),
        property("transaction.timeout.ms", .int, "60000", [.producer]),
        property("transactional.id", .string, nil, [.producer]),
        property("value.serializer", .class, nil, [.producer], required: true),
        // Producer and admin
        property("retries", .int, "2147483647", [.producer, .admin]),
        // Producer and consumer
        property("connections.max.idle.ms", .long, "540000", [.producer, .consumer]),
        property("interceptor.classes", .list, "", [.producer, .consumer]),
        // Consumer
        property("allow.auto.create.topics", .boolean, "true", [.consumer]),
        property("auto.commit.interval.ms", .int, "5000", [.consumer]),
        property("auto.offset.reset", .string, "latest", [.consumer]),
        property("check.crcs", .boolean, "true", [.consumer]),
        property("client.rack", .string, "", [.consumer]),
        property("enable.auto.commit", .boolean, "true", [.consumer]),
        property("exclude.internal.topics", .boolean, "true", [.consumer]),
        property("fetch.max.bytes", .int, "52428800", [.consumer]),
        property("fetch.max.wait.ms", .int, "500", [.consumer]),
        property("fetch.min.bytes", .int, "1", [.consumer]),
        property("group.id", .string, nil, [.consumer]),
        property("group.instance.id", .string, nil, [.consumer]),
        property("group.protocol", .string, "classic", [.consumer]),
        property("group.remote.assignor", .string, nil, [.consumer]),
        property("heartbeat.interval.ms", .int, "3000", [.consumer]),
        property("isolation.level", .string, "read_uncommitted", [.consumer]),
        property("key.deserializer", .class, nil, [.consumer], required: true),
        property("max.partition.fetch.bytes", .int, "1048576", [.consumer]),
        property("max.poll.interval.ms", .int, "300000", [.consumer]),
        property("max.poll.records", .int, "500", [.consumer]),
        property(
            "partition.assignment.strategy",
            .list,
            "org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
            [.consumer]
        ),
        property("session.timeout.ms", .int, "45000", [.consumer]),
        property("value.deserializer", .class, nil, [.consumer], required: true),
        // Consumer and admin
        property("default.api.timeout.ms", .int, "60000", [.consumer, .admin]),
        property("receive.buffer.bytes", .int, "65536", [.consumer, .admin]),
        // Admin
        property("bootstrap.controllers", .list, "", [.admin]),
        property("connections.max.idle.ms", .long, "300000", [.admin]),
    ]

    /// Rows by name.
    private static let byName: [String: [KnownClientProperty]] = Dictionary(grouping: all, by: \.name)

    /// The names that the given clients know, sorted.
    public static func names(for clients: KnownClientProperty.Clients = .all) -> [String] {
        byName.filter { entry in entry.value.contains { !$0.clients.isDisjoint(with: clients) } }.keys.sorted()
    }

    /// The row of `name` for one of `clients`, or nil when none of them has such a property.
    public static func find(
        _ name: String,
        clients: KnownClientProperty.Clients = .all
    ) -> KnownClientProperty? {
        byName[name]?.first { !$0.clients.isDisjoint(with: clients) }
    }

    /// Whether `name` configures something that exists only inside a JVM or that this client does not do, so that a
    /// value has no effect here.
    public static func isWithoutEffect(_ name: String) -> Bool {
        guard let row = find(name) else { return false }
        let isAboutJava = row.type == .class || javaOnly.contains(name)
        let isUnsupported = ["sasl.kerberos.", "sasl.oauthbearer.", "sasl.login."].contains { name.hasPrefix($0) }
        return isAboutJava || isUnsupported
    }

    private static let javaOnly: Set<String> = [
        "auto.include.jmx.reporter", "enable.metrics.push", "interceptor.classes", "metric.reporters",
        "metrics.num.samples", "metrics.recording.level", "metrics.sample.window.ms", "security.providers",
        "ssl.keymanager.algorithm", "ssl.protocol", "ssl.provider", "ssl.secure.random.implementation",
        "ssl.trustmanager.algorithm",
    ]

    /// Whether values of `name` must not be shown: passwords, keys, and anything that is called so.
    public static func isSecret(_ name: String) -> Bool {
        if let row = find(name) { return row.type == .password && !publicPasswordTypes.contains(name) }
        let lower = name.lowercased()
        return ["password", "secret", "jaas", "token", "credential", "keystore.key"].contains { lower.contains($0) }
    }

    /// Certificates have the type password in Kafka but are no secrets.
    private static let publicPasswordTypes: Set<String> = [
        "ssl.truststore.certificates", "ssl.keystore.certificate.chain",
    ]

    private static func property(
        _ name: String,
        _ type: KnownClientProperty.ValueType,
        _ defaultValue: String?,
        _ clients: KnownClientProperty.Clients,
        required: Bool = false
    ) -> KnownClientProperty {
        KnownClientProperty(
            name: name,
            type: type,
            defaultValue: defaultValue,
            clients: clients,
            isRequired: required
        )
    }
}
