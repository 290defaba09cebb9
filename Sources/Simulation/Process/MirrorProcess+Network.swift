import KafkaProtocol
import NIOCore

/// Requests and answers on their way.
extension MirrorProcess {
    static let requestTimeout = TimeAmount.seconds(30)
    private static let callTimeout = TimeAmount.seconds(15)

    func delay(_ node: Int32) -> TimeAmount {
        let isSource = node < 10
        var delay = history.milliseconds(isSource ? history.plan.sourceDelay : history.plan.targetDelay)
        if let state = history.nodes[node], state.slowUntil > history.now { delay = delay + state.slowness }
        if history.strikes(.slowAnswer) { delay = delay + history.milliseconds(20...3_000) }
        return delay
    }

    /// When a message to or from a broker gets through; nil when now.
    private func obstacle(_ node: Int32) -> NIODeadline? {
        guard let state = history.nodes[node], state.cutOffUntil > history.now else { return nil }
        return state.cutOffUntil
    }

    func connect(_ node: Int32, connected: @escaping () -> Void, failed: @escaping (String) -> Void) {
        let isDown = history.nodes[node].map { $0.downUntil > history.now } ?? true
        if isDown || history.strikes(.refusedConnection) {
            later(.milliseconds(1)) { failed("refused") }
        } else if let until = obstacle(node) {
            let wait = until - history.now
            if wait > .seconds(10) {
                later(.seconds(10)) { failed("timed out") }
            } else {
                later(wait + .milliseconds(2)) { connected() }
            }
        } else {
            later(delay(node)) { connected() }
        }
    }

    /// Takes a request to a broker and its answer back.
    ///
    /// - Parameters:
    ///   - serve: Runs at the broker; calls its argument with the answer.
    ///   - answered: Runs in the process.
    func exchange<Answer>(
        _ link: Link,
        patience: TimeAmount,
        serve: @escaping (@escaping (Answer) -> Void) -> Void,
        answered: @escaping (Answer) -> Void
    ) {
        let deadline = history.now + patience
        if link.isBroken { return }
        if history.strikes(.lostRequest) {
            collapse(link, by: deadline)
            return
        }
        link.lastArrival = max(link.lastArrival, history.now + delay(link.node))
        let losesAnswer = history.strikes(.lostAnswer)
        history.at(link.lastArrival) {
            self.arrive(link, deadline) {
                serve { answer in
                    if losesAnswer {
                        self.collapse(link, by: deadline)
                        return
                    }
                    link.lastAnswer = max(link.lastAnswer, self.history.now + self.delay(link.node))
                    self.history.at(link.lastAnswer) { self.comeBack(link, deadline) { answered(answer) } }
                }
            }
        }
    }

    private func arrive(_ link: Link, _ deadline: NIODeadline, _ body: @escaping () -> Void) {
        // What a closed connection had sent is still on its way, and arrives some time, in order.
        if let late = link.lateUntil, history.now < late {
            history.at(late) { self.arrive(link, deadline, body) }
            return
        }
        if link.lateUntil != nil { history.count(.lateArrival) }
        if let until = obstacle(link.node) {
            expire(link, deadline, ifBefore: until)
            history.at(until + .milliseconds(1)) { self.arrive(link, deadline, body) }
            return
        }
        body()
    }

    private func comeBack(_ link: Link, _ deadline: NIODeadline, _ body: @escaping () -> Void) {
        guard link.isOpen, !link.isBroken, isAlive else { return }
        if let until = obstacle(link.node) {
            expire(link, deadline, ifBefore: until)
            history.at(until + .milliseconds(1)) { self.comeBack(link, deadline, body) }
            return
        }
        if history.now > deadline {
            receive { self.lose(link, "timed out") }
            return
        }
        receive {
            guard link.isOpen else { return }
            body()
        }
    }

    private func expire(_ link: Link, _ deadline: NIODeadline, ifBefore until: NIODeadline) {
        guard deadline < until else { return }
        history.at(deadline) { self.receive { self.lose(link, "timed out") } }
    }

    /// The connection dies: soon, when somebody says so, or when a request's time is over.
    private func collapse(_ link: Link, by deadline: NIODeadline) {
        link.isBroken = true
        let time = history.random.chance(6_000) ? history.now + history.milliseconds(1...60) : deadline
        history.at(time) { self.receive { self.lose(link, "reset") } }
    }

    private func lose(_ link: Link, _ reason: String) {
        guard link.isOpen else { return }
        close(link)
        link.lost(reason)
    }

    /// Closes a connection; what was sent on it may still be in a buffer of a socket or on a slow line.
    func close(_ link: Link) {
        guard link.isOpen else { return }
        link.isOpen = false
        let lateness: TimeAmount
        switch history.random.int(0...9) {
        case 0...3: lateness = history.milliseconds(0...20)
        case 4...7: lateness = history.milliseconds(20...2_000)
        default: lateness = history.milliseconds(2_000...20_000)
        }
        link.lateUntil = history.now + lateness
        history.lastLateArrival = max(history.lastLateArrival, history.now + lateness)
    }

    func breakLinks(to node: Int32) {
        for link in [fetchLinks[node], aheadLinks[node], produceLinks[node]] {
            guard let link else { continue }
            link.isBroken = true
            history.later(.milliseconds(1)) { self.receive { self.lose(link, "reset") } }
        }
    }

    /// A request of the control plane: asked again by the client until its time is over.
    func call<Value>(
        _ node: Int32?,
        _ serve: @escaping () -> Value,
        _ done: @escaping (Result<Value, CallFailure>) -> Void
    ) {
        if history.strikes(.callError) {
            later(history.milliseconds(1...3_000)) { done(.failure(CallFailure())) }
            return
        }
        let node = node ?? history.plan.targetNodes[0]
        var wait = delay(node)
        if let until = obstacle(node) { wait = wait + (until - history.now) }
        if let state = history.nodes[node], state.downUntil > history.now {
            wait = wait + (state.downUntil - history.now)
        }
        if wait > Self.callTimeout {
            later(Self.callTimeout) { done(.failure(CallFailure())) }
            return
        }
        history.later(wait) {
            let value = serve()
            self.later(self.delay(node)) { done(.success(value)) }
        }
    }
}

/// The control plane got no answer.
struct CallFailure: Error {}
