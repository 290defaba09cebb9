import KafkaClient
import KafkaProtocol

extension KafkaClient {
    /// A topic's `max.message.bytes`, which brokers do not tell when they refuse a record; nil when it cannot be read.
    func largestBatch(of topic: TopicName) async -> String? {
        let key: KafkaString = "max.message.bytes"
        let answer = await describeConfigs([.topic(topic)], keys: [key], deadline: .after(.seconds(5)))
        guard case .success(let entries)? = answer[.topic(topic)] else { return nil }
        return entries.first { $0.name == key }?.value?.string
    }
}
