/// Limits and delays of the group coordinator, in milliseconds, named as the broker settings they stand for.
package struct GroupConfiguration: Sendable, Equatable {
    /// `group.initial.rebalance.delay.ms`: how long the first member of an empty group waits for others.
    package var initialRebalanceDelay: Int64 = 50
    /// `group.min.session.timeout.ms`; Kafka's own default of 6000 would make every expiry test slow.
    package var minSessionTimeout: Int32 = 50
    /// Kafka's `group.max.session.timeout.ms`.
    package var maxSessionTimeout: Int32 = 1_800_000
    /// Kafka's `group.max.size`.
    package var maxSize: Int = .max
    /// How long a member that has never completed a rebalance may wait in one; fixed in Kafka.
    package var newMemberJoinTimeout: Int64 = 300_000
    /// Kafka's `offset.metadata.max.bytes`.
    package var maxOffsetMetadataBytes: Int = 4096
    /// Kafka's `group.consumer.session.timeout.ms`.
    package var consumerSessionTimeout: Int64 = 45_000
    /// `group.consumer.heartbeat.interval.ms`; Kafka's default is 5000, a short one makes rebalances quick.
    package var consumerHeartbeatInterval: Int32 = 500

    package init() {}
}
