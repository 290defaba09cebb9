import KafkaProtocol
import Logging
import NIOCore

/// Deadlines of requests, and the end of idle connections.
extension KafkaChannelHandler {
    /// Sees to it that somebody looks at the requests at `deadline`.
    func watch(_ deadline: NIODeadline) {
        if let timer = self.timeoutTimer {
            if timer.deadline <= deadline { return }
            timer.timer.cancel()
        }
        let timer = self.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timeoutTimer = nil
            self.checkDeadlines()
        }
        self.timeoutTimer = (timer, deadline)
    }

    private func checkDeadlines() {
        let now = self.eventLoop.now
        guard let late = self.inFlight.removeExpired(now: now) else {
            if let next = self.inFlight.earliestDeadline { watch(next) }
            return
        }
        let waited = Duration.nanoseconds((now - late.sentAt).nanoseconds)
        let isFirst = late.apiKey == .apiVersions
        let error = KafkaConnectionError(
            .timedOut,
            (isFirst ? "the peer took the connection but gave " : "")
                + "no answer to \(late.apiKey) within \(Duration.milliseconds(waited.inMilliseconds).forPeople)",
            nextStep: isFirst
                ? "check that a Kafka broker that is alive listens there, and that security.protocol fits this listener"
                : "check that the broker is alive and reachable; request.timeout.ms sets the limit",
            context: self.errorContext
        )
        // The machine first: a completion that sends again must already find the connection closing.
        let action = self.machine.failed(error)
        late.payload(.failure(error))
        run(action)
    }

    func watchIdleness() {
        guard let limit = self.configuration.connectionMaxIdle else { return }
        let end = self.lastActivity + TimeAmount(limit)
        self.idleTimer = self.eventLoop.assumeIsolated().scheduleTask(deadline: end) {
            let isIdle = self.eventLoop.now >= self.lastActivity + TimeAmount(limit)
            guard isIdle, self.inFlight.isEmpty else {
                if isIdle { self.lastActivity = self.eventLoop.now }
                return self.watchIdleness()
            }
            self.logger.debug("Idle connection is closed", metadata: self.metadata)
            self.close()
        }
    }
}
