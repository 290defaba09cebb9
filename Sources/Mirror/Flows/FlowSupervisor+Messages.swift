import KafkaClient
import KafkaProtocol
import Logging
import MirrorModel
import NIOCore

/// What people are told, once and not again with every look.
extension FlowSupervisor {
    func hold(_ topic: TopicName, reason: String, nextStep: String?) {
        discovery.failed(topic, reason: reason, nextStep: nextStep, now: .now)
        tell(topic, reason: reason, nextStep: nextStep)
    }

    func release(_ topic: TopicName) {
        discovery.succeeded(topic)
        guard news.tellsEnd(of: .topic(topic), now: .now) else { return }
        logger.info("a topic no longer waits", metadata: ["topic": "\(topic)"])
    }

    func tell(_ topic: TopicName, reason: String, nextStep: String?) {
        guard news.tells(.topic(topic), reason, now: .now) else { return }
        var metadata: Logger.Metadata = ["topic": "\(topic)", "reason": "\(reason)"]
        if let nextStep { metadata["next"] = "\(nextStep)" }
        logger.warning("a topic waits", metadata: metadata)
    }

    /// - Parameter likeness: What other texts of the same trouble have in common.
    func impede(_ kind: Impediment, _ text: String, likeness: String? = nil) {
        impediments[kind] = text
        // What keeps a cluster from answering keeps progress from being written.
        if kind == .progress, impediments[.clusters] != nil { return }
        guard news.tells(kind.subject, likeness ?? text, now: .now) else { return }
        logger.warning("something is in the way", metadata: ["reason": "\(text)"])
    }

    func clear(_ kind: Impediment) {
        guard let text = impediments.removeValue(forKey: kind) else { return }
        guard news.tellsEnd(of: kind.subject, now: .now) else { return }
        logger.info("no longer in the way", metadata: ["reason": "\(text)"])
    }

    /// Topics that the configuration means and that are not there, or not shown to us, are told: nobody would wait for
    /// them for ever on purpose.
    func tellOfMissingTopics(_ source: ClusterMetadata) {
        let waiting = discovery.blocked
        for topic in waiting { tell(topic.topic, reason: topic.reason, nextStep: topic.nextStep) }
        let names = Set(waiting.map(\.topic))
        for topic in blocked.subtracting(names) { release(topic) }
        blocked = names

        let missing = discovery.missingNames(in: source)
        let alias = configuration.sourceAlias
        for name in missing.sorted() {
            let text = "the topic does not exist at cluster \(alias), or the mirror may not describe it"
            guard news.tells(.name(name), text, now: .now) else { continue }
            let next =
                "create it, correct topics, or allow the source principal DESCRIBE and READ; it is found by itself"
            logger.warning(
                "a topic that is named is not found",
                metadata: ["topic": "\(name)", "reason": "\(text)", "next": "\(next)"]
            )
        }
        for name in missingNames.subtracting(missing) where news.tellsEnd(of: .name(name), now: .now) {
            logger.info("a topic that was missing is there", metadata: ["topic": "\(name)"])
        }
        missingNames = missing

        guard discovery.topicCount == 0, missing.isEmpty else {
            _ = news.tellsEnd(of: .selection, now: .now)
            return
        }
        let text = "none of the \(source.topics.count) topics that cluster \(alias) shows is selected"
        guard news.tells(.selection, text, now: .now) else { return }
        let next = "check topics and topics.exclude, and that the source principal may DESCRIBE the topics"
        logger.warning(
            "there is nothing to mirror yet",
            metadata: [
                "reason": "\(text)", "topics": "\(configuration.selection.filter.include.source)", "next": "\(next)",
            ]
        )
    }

    /// Tells how much was not told line by line.
    func keepCounting() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(5))
            for (kind, count, example) in news.withheld(now: .now) {
                logger.warning(
                    "more of the same happened to other \(kind.rawValue)",
                    metadata: ["lines": "\(count)", "last": "\(example)"]
                )
            }
        }
    }

    /// The error in words; when no broker answers, with the addresses that were tried.
    func text(of error: any Error) -> String {
        guard let failure = error as? KafkaClientError, failure.address == nil,
            failure.code == .unreachable
        else { return "\(error)" }
        let isSource = failure.cluster == configuration.sourceAlias
        let properties = isSource ? configuration.sourceConsumer : configuration.targetProducer
        return "\(error) (bootstrap.servers = \(properties["bootstrap.servers"] ?? ""))"
    }

    /// A cluster that does not answer is one trouble, however each attempt ends.
    static func likeness(of error: any Error) -> String? {
        guard let error = error as? KafkaClientError, let cluster = error.cluster, error.kafkaError == nil else {
            return nil
        }
        return switch error.code {
        case .unreachable, .timedOut: "cluster \(cluster) does not answer"
        case .invalidAnswer: "cluster \(cluster) answers what is not Kafka"
        default: nil
        }
    }
}
