import NIOCore
import Synchronization

/// Lets one loop of a task sleep until a point in time or until somebody has work for it.
final class Wakeup: Sendable {
    private struct State {
        var isNotified = false
        var waiter: (id: UInt64, continuation: CheckedContinuation<Void, Never>)?
        var nextID: UInt64 = 0
        /// The waits that ended before they began, by timer or cancellation.
        var ended: UInt64 = 0
    }

    private let state = Mutex(State())
    private let loop: any EventLoop

    init(on loop: any EventLoop) {
        self.loop = loop
    }

    /// Ends the present wait, or the next one if nobody waits.
    func notify() {
        let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter else {
                state.isNotified = true
                return nil
            }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }

    /// Returns when notified, at the deadline or on cancellation.
    func wait(until deadline: Deadline) async {
        let id = self.state.withLock { state -> UInt64 in
            state.nextID += 1
            return state.nextID
        }
        let timer = self.loop.scheduleTask(in: max(deadline.remaining, .zero).timeAmount) { self.end(id) }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isOver = self.state.withLock { state -> Bool in
                    if state.isNotified || state.ended >= id {
                        state.isNotified = false
                        return true
                    }
                    state.waiter = (id, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            self.end(id)
        }
        timer.cancel()
    }

    private func end(_ id: UInt64) {
        let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            if let waiter = state.waiter, waiter.id == id {
                state.waiter = nil
                return waiter.continuation
            }
            state.ended = max(state.ended, id)
            return nil
        }
        waiter?.resume()
    }
}
