import KafkaNetwork

/// One connection of a client: the broker, the use and the event loop it lives on.
struct ConnectionKey: Sendable, Hashable {
    enum Target: Sendable, Hashable {
        /// A broker by its id.
        case node(Int32)
        /// An address from `bootstrap.servers`; which broker answers there is not known.
        case bootstrap(BrokerAddress)
    }

    var target: Target
    var purpose: ConnectionPurpose
    /// Tells several connections of one purpose apart.
    var lane: Int
    var loop: ObjectIdentifier
}
