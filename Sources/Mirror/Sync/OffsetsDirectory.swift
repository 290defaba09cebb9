package import MirrorModel
import Synchronization

/// The offset maps of all flows of this process, so that one flow can look into those of the flow the other way.
package final class OffsetsDirectory: Sendable {
    private let flows = Mutex<[PropertyResolution.Pair: FlowOffsets]>([:])

    package init() {}

    package func register(_ offsets: FlowOffsets, of pair: PropertyResolution.Pair) {
        self.flows.withLock { $0[pair] = offsets }
    }

    /// The maps of the flow from the target of `pair` to its source; nil when this process does not run it.
    package func back(of pair: PropertyResolution.Pair) -> FlowOffsets? {
        self.flows.withLock { $0[PropertyResolution.Pair(source: pair.target, target: pair.source)] }
    }
}
