import NIOConcurrencyHelpers
import NIOCore

/// Remembers which addresses failed, so that a name with a dead or silent one among its addresses costs its time-out
/// once and not with every connection.
final class AddressMemory: Sendable {
    /// Failures are counted on; their order is all that matters.
    private struct State {
        var failures: [SocketAddress: UInt64] = [:]
        var last: UInt64 = 0
    }

    private static let limit = 1_024
    private let state = NIOLockedValueBox(State())

    /// Those that did not fail first, in the resolver's order, then the others, the oldest failure first.
    func sorted(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard addresses.count > 1 else { return addresses }
        let failures = self.state.withLockedValue { $0.failures }
        return addresses.enumerated()
            .sorted { (failures[$0.element] ?? 0, $0.offset) < (failures[$1.element] ?? 0, $1.offset) }
            .map(\.element)
    }

    func failed(_ address: SocketAddress) {
        self.state.withLockedValue { state in
            if state.failures.count >= Self.limit { state.failures.removeAll() }
            state.last += 1
            state.failures[address] = state.last
        }
    }

    func worked(_ address: SocketAddress) {
        self.state.withLockedValue { $0.failures[address] = nil }
    }
}
