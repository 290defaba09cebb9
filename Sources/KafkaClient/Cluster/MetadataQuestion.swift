import KafkaProtocol

/// What a metadata request asks for; several wishes merge into one question.
struct MetadataQuestion: Sendable, Equatable {
    var all = false
    var topics: Set<TopicName> = []

    mutating func formUnion(_ other: MetadataQuestion) {
        all = all || other.all
        topics.formUnion(other.topics)
    }

    /// The lists of topics to ask for one after the other; nil asks for all.
    func requests(limit: Int) -> [[TopicName]?] {
        if all { return [nil] }
        if topics.count <= limit { return [Array(topics)] }
        let sorted = topics.sorted()
        return stride(from: 0, to: sorted.count, by: limit).map {
            Array(sorted[$0..<min($0 + limit, sorted.count)])
        }
    }
}
