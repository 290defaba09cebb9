public import KafkaProtocol

/// Decides which member of a consumer group reads which partitions; pure.
public protocol PartitionAssignor: Sendable {
    /// The name members agree on, as Java clients know it.
    var name: KafkaString { get }
    /// Whether partitions move in two rounds, so that members go on reading what they keep.
    var isCooperative: Bool { get }

    /// - Parameters:
    ///   - members: Subscriptions by member id.
    ///   - partitionCounts: The topics that exist.
    func assign(
        _ members: [AssignorMember],
        partitionCounts: [TopicName: Int32]
    ) -> [KafkaString: [TopicPartition]]
}

/// A member of a consumer group and what it subscribes to.
public struct AssignorMember: Sendable, Hashable {
    public var id: KafkaString
    public var instanceID: KafkaString?
    public var subscription: ConsumerProtocol.Subscription

    public init(id: KafkaString, instanceID: KafkaString? = nil, subscription: ConsumerProtocol.Subscription) {
        self.id = id
        self.instanceID = instanceID
        self.subscription = subscription
    }
}

extension [AssignorMember] {
    /// Static members come first, by instance id, then the others by member id.
    func inAssignmentOrder() -> [AssignorMember] {
        sorted { left, right in
            switch (left.instanceID, right.instanceID) {
            case (let left?, let right?): left < right
            case (_?, nil): true
            case (nil, _?): false
            case (nil, nil): left.id < right.id
            }
        }
    }

    func partitions(_ partitionCounts: [TopicName: Int32]) -> [TopicPartition] {
        let subscribed = Set(flatMap(\.subscription.topics))
        return subscribed.sorted().flatMap { topic in
            (0..<(partitionCounts[topic] ?? 0)).map { TopicPartition(topic: topic, partition: $0) }
        }
    }
}

/// Gives each member a range of neighbouring partitions of every topic.
public struct RangeAssignor: PartitionAssignor {
    public let name: KafkaString = "range"
    public let isCooperative = false

    public init() {}

    public func assign(
        _ members: [AssignorMember],
        partitionCounts: [TopicName: Int32]
    ) -> [KafkaString: [TopicPartition]] {
        var result = Dictionary(members.map { ($0.id, [TopicPartition]()) }, uniquingKeysWith: { first, _ in first })
        let ordered = members.inAssignmentOrder()
        for topic in Set(members.flatMap(\.subscription.topics)).sorted() {
            let readers = ordered.filter { $0.subscription.topics.contains(topic) }
            let count = Int(partitionCounts[topic] ?? 0)
            guard !readers.isEmpty, count > 0 else { continue }
            let (share, extra) = count.quotientAndRemainder(dividingBy: readers.count)
            var next = 0
            for (position, reader) in readers.enumerated() {
                let end = next + share + (position < extra ? 1 : 0)
                result[reader.id, default: []] += (next..<end).map {
                    TopicPartition(topic: topic, partition: Int32($0))
                }
                next = end
            }
        }
        return result
    }
}

/// Deals all partitions out in turn.
public struct RoundRobinAssignor: PartitionAssignor {
    public let name: KafkaString = "roundrobin"
    public let isCooperative = false

    public init() {}

    public func assign(
        _ members: [AssignorMember],
        partitionCounts: [TopicName: Int32]
    ) -> [KafkaString: [TopicPartition]] {
        var result = Dictionary(members.map { ($0.id, [TopicPartition]()) }, uniquingKeysWith: { first, _ in first })
        let ordered = members.inAssignmentOrder()
        let topics = ordered.map { Set($0.subscription.topics) }
        var position = 0
        for partition in members.partitions(partitionCounts) {
            // Some member subscribes to the topic, so this ends.
            while !topics[position % ordered.count].contains(partition.topic) { position += 1 }
            result[ordered[position % ordered.count].id, default: []].append(partition)
            position += 1
        }
        return result
    }
}

/// Balances the partitions with as few moves as possible, and moves each in two rounds: its owner gives it up in the
/// first, another member gets it in the second.
public struct CooperativeStickyAssignor: PartitionAssignor {
    public let name: KafkaString = "cooperative-sticky"
    public let isCooperative = true

    public init() {}

    public func assign(
        _ members: [AssignorMember],
        partitionCounts: [TopicName: Int32]
    ) -> [KafkaString: [TopicPartition]] {
        let ordered = members.inAssignmentOrder()
        guard !ordered.isEmpty else { return [:] }
        let all = members.partitions(partitionCounts)
        let owners = owners(ordered, existing: Set(all))
        var balance = Balance(
            readers: Dictionary(
                Set(all.map(\.topic)).map { topic in
                    (topic, ordered.indices.filter { ordered[$0].subscription.topics.contains(topic) })
                },
                uniquingKeysWith: { first, _ in first }
            ),
            count: ordered.count
        )
        for partition in all {
            if let owner = owners[partition] { balance.give(partition, to: owner) }
        }
        for partition in all where owners[partition] == nil { balance.giveToLeastLoaded(partition) }
        balance.level()
        var result: [KafkaString: [TopicPartition]] = [:]
        for (index, member) in ordered.enumerated() {
            // What another member still owns is given in the next round, when it has let go.
            result[member.id] = balance.held[index].filter { owners[$0] == nil || owners[$0] == index }.sorted()
        }
        return result
    }

    /// Who owns each partition, by the newest generation that claims it; a claim that two members share counts for
    /// neither.
    private func owners(_ members: [AssignorMember], existing: Set<TopicPartition>) -> [TopicPartition: Int] {
        var claims: [TopicPartition: (generation: Int32, owner: Int?)] = [:]
        for (index, member) in members.enumerated() {
            let generation = member.subscription.generationID
            for partition in Set(member.subscription.ownedPartitions)
            where existing.contains(partition) && member.subscription.topics.contains(partition.topic) {
                if let claim = claims[partition], claim.generation > generation { continue }
                let isShared = claims[partition].map { $0.generation == generation } ?? false
                claims[partition] = (generation, isShared ? nil : index)
            }
        }
        return claims.compactMapValues(\.owner)
    }

    private struct Balance {
        /// The members that may read each topic.
        let readers: [TopicName: [Int]]
        var held: [[TopicPartition]]

        init(readers: [TopicName: [Int]], count: Int) {
            self.readers = readers
            self.held = Array(repeating: [], count: count)
        }

        mutating func give(_ partition: TopicPartition, to member: Int) {
            held[member].append(partition)
        }

        mutating func giveToLeastLoaded(_ partition: TopicPartition) {
            let candidates = readers[partition.topic] ?? []
            guard let member = candidates.min(by: { held[$0].count < held[$1].count }) else { return }
            held[member].append(partition)
        }

        /// Moves partitions from members with many to members with at least two fewer, while there are such.
        mutating func level() {
            var moved = true
            while moved {
                moved = false
                for giver in held.indices.sorted(by: { held[$0].count > held[$1].count }) {
                    for position in held[giver].indices.reversed() {
                        let partition = held[giver][position]
                        let candidates = readers[partition.topic] ?? []
                        guard let taker = candidates.min(by: { held[$0].count < held[$1].count }),
                            held[taker].count + 1 < held[giver].count
                        else { continue }
                        held[giver].remove(at: position)
                        held[taker].append(partition)
                        moved = true
                    }
                }
            }
        }
    }
}
