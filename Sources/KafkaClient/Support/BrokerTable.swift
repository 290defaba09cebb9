/// What is known of brokers, by their ids.
///
/// There are few, and what is known of each is large and changes with every batch: here it changes in place, where a
/// dictionary would take it out and put it back each time.
struct BrokerTable<Broker: Sendable>: Sendable {
    /// In order, so that a run can be repeated exactly.
    private(set) var nodes: [Int32] = []
    private var brokers: [Broker?] = []

    /// Changes what is known of a broker; only `add` brings new ones.
    subscript(node: Int32) -> Broker? {
        _read {
            if let index = self.nodes.firstIndex(of: node) { yield self.brokers[index] } else { yield nil }
        }
        _modify {
            if let index = self.nodes.firstIndex(of: node) {
                yield &self.brokers[index]
            } else {
                var none: Broker?
                yield &none
            }
        }
    }

    /// In the order of their ids.
    var values: some Sequence<Broker> { self.brokers.lazy.compactMap { $0 } }

    /// Knows this broker from now on; one that is known already stays as it is.
    mutating func add(_ node: Int32, _ broker: @autoclosure () -> Broker) {
        guard !self.nodes.contains(node) else { return }
        let index = self.nodes.firstIndex { $0 > node } ?? self.nodes.count
        self.nodes.insert(node, at: index)
        self.brokers.insert(broker(), at: index)
    }
}
