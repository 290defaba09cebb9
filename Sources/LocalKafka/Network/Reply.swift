/// The answer to one request, to be given exactly once on the cluster's event loop, now or later.
///
/// A handler that cannot answer yet keeps the reply. Answers of one connection are sent in the order
/// of the requests: like Kafka, the connection handles its next request only after this one is answered.
package final class Reply<Response> {
    private var complete: ((Outcome) -> Void)?

    package enum Outcome {
        case response(Response)
        /// No answer at all, for Produce with acks=0.
        case nothing
        case closeConnection
    }

    init(_ complete: @escaping (Outcome) -> Void) {
        self.complete = complete
    }

    /// Whether an answer is still awaited; false after an answer and when the client has gone away.
    package var isOpen: Bool { self.complete != nil }

    /// Sends the answer; later calls have no effect.
    package func callAsFunction(_ response: Response) {
        self.finish(.response(response))
    }

    package func finish(_ outcome: Outcome) {
        guard let complete = self.complete else { return }
        self.complete = nil
        complete(outcome)
    }

    /// Forgets the client, whose connection is gone.
    func abandon() {
        self.complete = nil
    }
}
