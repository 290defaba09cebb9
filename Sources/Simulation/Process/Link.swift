import NIOCore

/// A connection from a process to a broker; what is sent on it arrives in order.
final class Link {
    let node: Int32
    var isOpen = true
    /// When what was sent before it was closed arrives; nil while it is open.
    var lateUntil: NIODeadline?
    /// Nothing sent from now on arrives: an earlier part of the stream is lost.
    var isBroken = false
    var lastArrival = NIODeadline.distantPast
    var lastAnswer = NIODeadline.distantPast
    /// Tells the owner that the connection is gone.
    let lost: (String) -> Void

    init(node: Int32, lost: @escaping (String) -> Void) {
        self.node = node
        self.lost = lost
    }
}
