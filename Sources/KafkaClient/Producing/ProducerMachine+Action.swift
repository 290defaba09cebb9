public import KafkaProtocol

extension ProducerMachine {
    /// What the shell has to do.
    public enum Action: Sendable {
        /// Connect, then call `connected` or `disconnected`.
        case connect(node: Int32)
        /// Send, then call `answered`, or `disconnected` when the connection is lost.
        case send(node: Int32, id: UInt64, ProduceRequest, version: Int16)
        /// Find the leaders, then call `located` or `notLocated` for each slot.
        case locate([LeaderQuestion])
        /// Ask for a producer id, then call `initialized` or `notInitialized`.
        case initialize(ProducerIDQuestion)
        /// An answer named a newer leader than the metadata has.
        case learned(TopicPartition, node: Int32, epoch: Int32)
        case report(ProduceEvent)
    }

    /// A partition whose leader is asked for.
    public struct LeaderQuestion: Sendable, Hashable {
        public var slot: Int
        public var identity: UInt64
        public var partition: TopicPartition
        /// The metadata at hand were wrong: ask a broker.
        public var refresh: Bool
    }

    /// Whom a producer id is for.
    public enum ProducerIDQuestion: Sendable, Hashable {
        /// All partitions that never had trouble share one.
        case shared
        /// One partition that begins again.
        case own(slot: Int, identity: UInt64)
    }
}
