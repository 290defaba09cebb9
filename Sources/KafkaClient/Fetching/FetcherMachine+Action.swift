public import KafkaProtocol

extension FetcherMachine {
    /// What the shell has to do.
    public enum Action: Sendable {
        /// Connect, then call `connected` or `disconnected`.
        case connect(node: Int32)
        /// Close the connection: its answers cannot be trusted any more.
        case disconnect(node: Int32)
        /// Send, then call `answered` or `disconnected`.
        case send(node: Int32, FetchRequest, version: Int16)
        /// Open a second connection, then call `aheadConnected` or `aheadDisconnected`.
        case connectAhead(node: Int32)
        /// Send on the second connection, then call `aheadAnswered` or `aheadDisconnected`.
        case sendAhead(node: Int32, FetchRequest, version: Int16)
        /// Find the leaders, then call `located` or `notLocated` for each slot.
        case locate([LeaderQuestion])
        /// Find an offset, then call `resolved` or `notResolved`.
        case resolve(slot: Int, generation: UInt64, TopicPartition, StartPosition)
        /// Find both ends of the log, then call `foundBounds` or `notResolved`.
        case findBounds(slot: Int, generation: UInt64, TopicPartition)
        /// An answer named a newer leader than the metadata has.
        case learned(TopicPartition, node: Int32, epoch: Int32)
        case deliver(FetchedRecords)
        case report(FetchEvent)
    }

    /// A partition whose leader is asked for.
    public struct LeaderQuestion: Sendable, Hashable {
        public var slot: Int
        public var generation: UInt64
        public var partition: TopicPartition
        /// The metadata at hand were wrong: ask a broker.
        public var refresh: Bool
    }
}
