package import KafkaProtocol
import NIOCore

/// What can go wrong with a request on purpose.
package enum Fault: Sendable, Hashable {
    /// Nothing is done and everything the request asked for fails with this code.
    case error(ErrorCode)
    /// Nothing is done, and this connection never answers again.
    case drop
    /// The request is carried out, but this connection never answers again.
    case dropAnswer
    /// The request is carried out this many milliseconds later.
    case delay(Int64)
    /// Nothing is done and the connection is closed.
    case close
    /// The request is carried out and the connection closed in place of an answer.
    case closeAfter
    /// The request is carried out, half of the answer is sent, and the connection closed.
    case truncate
    /// The request is carried out and answered with the right length and correlation id, but random bytes.
    case garbage
}

/// The faults still to come.
///
/// The first rule that fits a request is used up by it; a rule lives until it has met `count` requests.
package struct FaultPlan {
    package struct Rule: Sendable {
        package var api: ApiKey
        package var count: Int
        package var fault: Fault
        package var broker: Int32?
        package var topic: TopicName?
        /// Requests to let pass first.
        package var skip: Int
    }

    package private(set) var rules: [Rule] = []
    /// Throttle time put into Produce and Fetch answers, in milliseconds.
    package var throttleTimeMs: Int32 = 0

    package var isEmpty: Bool { self.rules.isEmpty }

    package mutating func add(_ rule: Rule) {
        if rule.count > 0 { self.rules.append(rule) }
    }

    package mutating func removeAll() {
        self.rules.removeAll()
        self.throttleTimeMs = 0
    }

    /// The fault for a request as a whole; errors limited to a topic are left to ``takePartitionErrors(api:broker:topics:)``
    /// where the handler can fail single partitions.
    mutating func take(
        api: ApiKey,
        broker: Int32,
        failsPartitions: Bool,
        topics: () -> [TopicName]
    ) -> Fault? {
        guard !self.rules.isEmpty else { return nil }
        return self.take { rule in
            guard rule.api == api, rule.broker == nil || rule.broker == broker else { return false }
            guard let topic = rule.topic else { return true }
            if failsPartitions, case .error = rule.fault { return false }
            return topics().contains(topic)
        }
    }

    /// The errors for single topics of a request that a handler fails by partition.
    mutating func takePartitionErrors(
        api: ApiKey,
        broker: Int32,
        topics: () -> [TopicName]
    ) -> [TopicName: ErrorCode] {
        guard !self.rules.isEmpty else { return [:] }
        var errors: [TopicName: ErrorCode] = [:]
        for topic in Set(topics()) {
            let fault = self.take { rule in
                guard case .error = rule.fault else { return false }
                return rule.api == api && rule.topic == topic && (rule.broker == nil || rule.broker == broker)
            }
            if case .error(let code) = fault { errors[topic] = code }
        }
        return errors
    }

    private mutating func take(where fits: (Rule) -> Bool) -> Fault? {
        for index in self.rules.indices where fits(self.rules[index]) {
            if self.rules[index].skip > 0 {
                self.rules[index].skip -= 1
                return nil
            }
            let fault = self.rules[index].fault
            self.rules[index].count -= 1
            if self.rules[index].count == 0 { self.rules.remove(at: index) }
            return fault
        }
        return nil
    }
}
