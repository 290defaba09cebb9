import NIOConcurrencyHelpers

/// Waits for work that cannot be interrupted, such as the system's name service, but no longer than `limit`, and not
/// beyond the end of the task.
///
/// The work itself goes on; what comes of it then is dropped.
func atMost<Value: Sendable>(
    _ limit: Duration,
    timeout: @Sendable @escaping () -> any Error,
    of work: @Sendable @escaping () async throws -> Value
) async throws -> Value {
    let slot = OneAnswer<Value>()
    let result = await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            guard slot.wait(continuation) else { return }
            let timer = Task {
                guard (try? await Task.sleep(for: limit)) != nil else { return }
                slot.fill(.failure(timeout()))
            }
            Task {
                let result: Result<Value, any Error>
                do {
                    result = .success(try await work())
                } catch {
                    result = .failure(error)
                }
                slot.fill(result)
                timer.cancel()
            }
        }
    } onCancel: {
        slot.fill(.failure(CancellationError()))
    }
    return try result.get()
}

/// Resumes one continuation with whatever comes first.
private final class OneAnswer<Value: Sendable>: Sendable {
    private typealias Outcome = Result<Value, any Error>

    private enum State {
        case idle
        case waiting(CheckedContinuation<Outcome, Never>)
        case done(Outcome?)
    }

    private let state = NIOLockedValueBox(State.idle)

    /// False when the answer was there before; the continuation has been resumed with it then.
    func wait(_ continuation: CheckedContinuation<Result<Value, any Error>, Never>) -> Bool {
        let early = self.state.withLockedValue { state -> Outcome? in
            if case .done(let outcome) = state { return outcome ?? .failure(CancellationError()) }
            state = .waiting(continuation)
            return nil
        }
        if let early { continuation.resume(returning: early) }
        return early == nil
    }

    func fill(_ outcome: Result<Value, any Error>) {
        let continuation = self.state.withLockedValue { state -> CheckedContinuation<Outcome, Never>? in
            switch state {
            case .idle:
                state = .done(outcome)
                return nil
            case .waiting(let continuation):
                state = .done(nil)
                return continuation
            case .done:
                return nil
            }
        }
        continuation?.resume(returning: outcome)
    }
}
