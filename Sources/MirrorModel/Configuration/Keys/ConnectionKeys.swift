extension ConfigKey {
    /// Keys that say how to reach a cluster; they are inherited from the top level and from the cluster by its clients.
    package static let connection: [ConfigKey] =
        [
            ConfigKey("bootstrap.servers", .string),
            ConfigKey("security.protocol", .string, "PLAINTEXT", .oneOfIgnoringCase(securityProtocols)),
        ] + tls + sasl

    package static let connectionNames = Set(connection.map(\.name))

    static let securityProtocols = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]

    /// Keys that begin with `ssl.`.
    static let tls: [ConfigKey] = [
        ConfigKey("ssl.protocol", .string, "TLSv1.3"),
        ConfigKey("ssl.provider", .string),
        ConfigKey("ssl.cipher.suites", .list),
        ConfigKey("ssl.enabled.protocols", .list, "TLSv1.2,TLSv1.3"),
        ConfigKey("ssl.keystore.type", .string, "JKS"),
        ConfigKey("ssl.keystore.location", .string),
        ConfigKey("ssl.keystore.password", .password),
        ConfigKey("ssl.key.password", .password),
        ConfigKey("ssl.keystore.key", .password),
        ConfigKey("ssl.keystore.certificate.chain", .password),
        ConfigKey("ssl.truststore.certificates", .password),
        ConfigKey("ssl.truststore.type", .string, "JKS"),
        ConfigKey("ssl.truststore.location", .string),
        ConfigKey("ssl.truststore.password", .password),
        ConfigKey("ssl.keymanager.algorithm", .string, "SunX509"),
        ConfigKey("ssl.trustmanager.algorithm", .string, "PKIX"),
        ConfigKey("ssl.endpoint.identification.algorithm", .string, "https"),
        ConfigKey("ssl.secure.random.implementation", .string),
        ConfigKey("ssl.engine.factory.class", .pluginClass),
    ]

    /// Keys that begin with `sasl.`.
    static let sasl: [ConfigKey] = [
        ConfigKey("sasl.mechanism", .string, "GSSAPI"),
        ConfigKey("sasl.jaas.config", .password),
        ConfigKey("sasl.client.callback.handler.class", .pluginClass),
        ConfigKey("sasl.login.callback.handler.class", .pluginClass),
        ConfigKey("sasl.login.class", .pluginClass),
        ConfigKey("sasl.kerberos.service.name", .string),
        ConfigKey("sasl.kerberos.kinit.cmd", .string, "/usr/bin/kinit"),
        ConfigKey("sasl.kerberos.ticket.renew.window.factor", .double, "0.8"),
        ConfigKey("sasl.kerberos.ticket.renew.jitter", .double, "0.05"),
        ConfigKey("sasl.kerberos.min.time.before.relogin", .long, "60000"),
        ConfigKey("sasl.login.refresh.window.factor", .double, "0.8", .between(0.5, 1)),
        ConfigKey("sasl.login.refresh.window.jitter", .double, "0.05", .between(0, 0.25)),
        ConfigKey("sasl.login.refresh.min.period.seconds", .short, "60", .between(0, 900)),
        ConfigKey("sasl.login.refresh.buffer.seconds", .short, "300", .between(0, 3600)),
        ConfigKey("sasl.login.connect.timeout.ms", .int),
        ConfigKey("sasl.login.read.timeout.ms", .int),
        ConfigKey("sasl.login.retry.backoff.max.ms", .long, "10000"),
        ConfigKey("sasl.login.retry.backoff.ms", .long, "100"),
        ConfigKey("sasl.oauthbearer.scope.claim.name", .string, "scope"),
        ConfigKey("sasl.oauthbearer.sub.claim.name", .string, "sub"),
        ConfigKey("sasl.oauthbearer.token.endpoint.url", .string),
        ConfigKey("sasl.oauthbearer.jwks.endpoint.url", .string),
        ConfigKey("sasl.oauthbearer.jwks.endpoint.refresh.ms", .long, "3600000"),
        ConfigKey("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", .long, "10000"),
        ConfigKey("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", .long, "100"),
        ConfigKey("sasl.oauthbearer.clock.skew.seconds", .int, "30"),
        ConfigKey("sasl.oauthbearer.expected.audience", .list),
        ConfigKey("sasl.oauthbearer.expected.issuer", .string),
        ConfigKey("sasl.oauthbearer.header.urlencode", .boolean, "false"),
    ]
}
