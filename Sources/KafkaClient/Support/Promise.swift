import NIOCore
import Synchronization

/// A value that arrives once and that several callers wait for, each with its own deadline.
///
/// A waiter that runs out of time or is cancelled leaves alone; the value still reaches the others.
final class Promise<Value: Sendable>: Sendable {
    typealias Outcome = Result<Value, KafkaClientError>

    private struct State {
        var outcome: Outcome?
        var callbacks: [UInt64: @Sendable (Outcome) -> Void] = [:]
        /// Outcomes of waiters whose timer or cancellation came before they were registered.
        var early: [UInt64: Outcome] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    init() {}

    init(_ outcome: Outcome) {
        self.state.withLock { $0.outcome = outcome }
    }

    /// Delivers the value; only the first call counts.
    func complete(_ outcome: Outcome) {
        let callbacks = self.state.withLock { state -> [@Sendable (Outcome) -> Void] in
            guard state.outcome == nil else { return [] }
            state.outcome = outcome
            defer { state.callbacks = [:] }
            return Array(state.callbacks.values)
        }
        for callback in callbacks { callback(outcome) }
    }

    /// Calls back once, on whatever thread completes the promise.
    func whenComplete(_ callback: @escaping @Sendable (Outcome) -> Void) {
        let id = self.makeID()
        self.register(id, callback)
    }

    /// Waits for the value.
    ///
    /// - Parameters:
    ///   - loop: Where the timer of the deadline runs.
    ///   - timeout: The error for when the deadline passes.
    func value(
        deadline: Deadline,
        on loop: any EventLoop,
        timeout: @escaping @Sendable () -> KafkaClientError
    ) async throws(KafkaClientError) -> Value {
        let id = self.makeID()
        let timer = loop.scheduleTask(in: max(deadline.remaining, .zero).timeAmount) {
            var error = timeout()
            error.isOwnDeadline = error.code == .timedOut
            self.resolve(id, .failure(error))
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
                self.register(id) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            self.resolve(id, .failure(KafkaClientError(.cancelled, "The call was cancelled")))
        }
        timer.cancel()
        return try outcome.get()
    }

    private func makeID() -> UInt64 {
        self.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }

    private func register(_ id: UInt64, _ callback: @escaping @Sendable (Outcome) -> Void) {
        let ready = self.state.withLock { state -> Outcome? in
            if let outcome = state.early.removeValue(forKey: id) ?? state.outcome { return outcome }
            state.callbacks[id] = callback
            return nil
        }
        if let ready { callback(ready) }
    }

    private func resolve(_ id: UInt64, _ outcome: Outcome) {
        let callback = self.state.withLock { state -> (@Sendable (Outcome) -> Void)? in
            guard state.outcome == nil else { return nil }
            if let callback = state.callbacks.removeValue(forKey: id) { return callback }
            state.early[id] = outcome
            return nil
        }
        callback?(outcome)
    }
}
