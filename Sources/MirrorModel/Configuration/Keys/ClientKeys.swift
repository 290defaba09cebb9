/// Names of the properties that Kafka's Java clients know, to tell a typing error from a setting.
package enum ClientKeys {
    /// Properties of every client.
    static let common: [String] =
        ConfigKey.connection.map(\.name) + [
            "client.id", "client.dns.lookup", "client.rack", "metadata.max.age.ms", "metadata.recovery.strategy",
            "metadata.recovery.rebootstrap.trigger.ms", "send.buffer.bytes", "receive.buffer.bytes",
            "reconnect.backoff.ms", "reconnect.backoff.max.ms", "retry.backoff.ms", "retry.backoff.max.ms", "retries",
            "request.timeout.ms", "default.api.timeout.ms", "connections.max.idle.ms", "metric.reporters",
            "metrics.num.samples", "metrics.recording.level", "metrics.sample.window.ms", "enable.metrics.push",
            "auto.include.jmx.reporter", "socket.connection.setup.timeout.ms",
            "socket.connection.setup.timeout.max.ms", "security.providers",
        ]

    package static let consumer =
        common + [
            "group.id", "group.instance.id", "group.protocol", "group.remote.assignor", "max.poll.records",
            "max.poll.interval.ms", "session.timeout.ms", "heartbeat.interval.ms", "enable.auto.commit",
            "auto.commit.interval.ms", "auto.offset.reset", "partition.assignment.strategy", "fetch.min.bytes",
            "fetch.max.bytes", "fetch.max.wait.ms", "max.partition.fetch.bytes", "check.crcs", "isolation.level",
            "exclude.internal.topics", "allow.auto.create.topics", "key.deserializer", "value.deserializer",
            "interceptor.classes",
        ]

    package static let producer =
        common + [
            "acks", "batch.size", "buffer.memory", "compression.type", "compression.gzip.level",
            "compression.lz4.level", "compression.zstd.level", "delivery.timeout.ms", "enable.idempotence",
            "linger.ms", "max.block.ms", "max.in.flight.requests.per.connection", "max.request.size",
            "metadata.max.idle.ms", "partitioner.class", "partitioner.adaptive.partitioning.enable",
            "partitioner.availability.timeout.ms", "partitioner.ignore.keys", "key.serializer", "value.serializer",
            "transaction.timeout.ms", "transactional.id", "interceptor.classes",
        ]

    package static let admin = common + ["bootstrap.controllers"]
}
