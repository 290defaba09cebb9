import KafkaProtocol

/// Divides partitions among the members of a KIP-848 consumer group.
enum ServerAssignor: String, CaseIterable, Sendable {
    /// Even shares, moving as little as possible.
    case uniform
    /// Neighbouring partitions of each topic to the same member, topics lined up.
    case range

    typealias Assignment = [KafkaString: Set<TopicIDPartition>]

    /// Works out who should read what.
    ///
    /// - Parameters:
    ///   - subscriptions: the topics of each member, by member id.
    ///   - partitions: the partition count of each topic.
    ///   - current: the shares in force; only `uniform` looks at them.
    func assign(
        _ subscriptions: [KafkaString: Set<KafkaUUID>],
        partitions: [KafkaUUID: Int32],
        current: Assignment
    ) -> Assignment {
        switch self {
        case .uniform: Self.uniform(subscriptions, partitions: partitions, current: current)
        case .range: Self.range(subscriptions, partitions: partitions)
        }
    }

    private static func range(
        _ subscriptions: [KafkaString: Set<KafkaUUID>],
        partitions: [KafkaUUID: Int32]
    ) -> Assignment {
        var result = subscriptions.mapValues { _ in Set<TopicIDPartition>() }
        let members = subscriptions.keys.sorted()
        for (topicID, count) in partitions {
            let readers = members.filter { subscriptions[$0]?.contains(topicID) ?? false }
            guard !readers.isEmpty else { continue }
            let share = count / Int32(readers.count)
            let extra = count % Int32(readers.count)
            var next: Int32 = 0
            for (position, reader) in readers.enumerated() {
                let size = share + (Int32(position) < extra ? 1 : 0)
                for partition in next..<next + size {
                    result[reader, default: []].insert(TopicIDPartition(topicID: topicID, partition: partition))
                }
                next += size
            }
        }
        return result
    }

    private static func uniform(
        _ subscriptions: [KafkaString: Set<KafkaUUID>],
        partitions: [KafkaUUID: Int32],
        current: Assignment
    ) -> Assignment {
        let members = subscriptions.keys.sorted()
        guard !members.isEmpty else { return [:] }
        let all = partitions.flatMap { topicID, count in
            (0..<max(count, 0)).map { TopicIDPartition(topicID: topicID, partition: $0) }
        }
        let wanted = all.filter { partition in subscriptions.values.contains { $0.contains(partition.topicID) } }
        // No member keeps more than the even share; with unlike subscriptions the levelling below does the rest.
        let quota = (wanted.count + members.count - 1) / members.count
        var result: Assignment = [:]
        var free = Set(wanted)
        var large = wanted.count % members.count == 0 ? members.count : wanted.count % members.count
        for member in members {
            let kept = (current[member] ?? [])
                .filter { free.contains($0) && subscriptions[member]?.contains($0.topicID) ?? false }
                .sorted(by: precedes)
            let limit = large > 0 ? quota : max(quota - 1, 0)
            let share = kept.prefix(limit)
            if share.count == quota { large -= 1 }
            result[member] = Set(share)
            free.subtract(share)
        }
        for partition in free.sorted(by: precedes) {
            let reader =
                members.filter { subscriptions[$0]?.contains(partition.topicID) ?? false }
                .min { (result[$0]?.count ?? 0, $0) < (result[$1]?.count ?? 0, $1) }
            if let reader { result[reader, default: []].insert(partition) }
        }
        level(&result, subscriptions)
        return result
    }

    /// Moves single partitions from rich to poor members until no move makes the shares more even.
    private static func level(_ shares: inout Assignment, _ subscriptions: [KafkaString: Set<KafkaUUID>]) {
        let members = shares.keys.sorted()
        var moved = true
        while moved {
            moved = false
            for poor in members {
                for rich in members where (shares[rich]?.count ?? 0) > (shares[poor]?.count ?? 0) + 1 {
                    let candidate = (shares[rich] ?? []).sorted(by: precedes)
                        .last { subscriptions[poor]?.contains($0.topicID) ?? false }
                    guard let candidate else { continue }
                    shares[rich]?.remove(candidate)
                    shares[poor, default: []].insert(candidate)
                    moved = true
                }
            }
        }
    }

    private static func precedes(_ left: TopicIDPartition, _ right: TopicIDPartition) -> Bool {
        left.topicID == right.topicID
            ? left.partition < right.partition : left.topicID.description < right.topicID.description
    }
}
