package import KafkaClient
import KafkaNetwork
package import KafkaProtocol
package import MirrorModel

/// Looks at groups of one cluster and commits offsets for those that have no members.
package struct TargetGroups: Sendable {
    private let client: KafkaClient

    package init(client: KafkaClient) {
        self.client = client
    }

    /// The groups as they are now, with their offsets where they may be written.
    package func look(at groups: [GroupID], deadline: Deadline) async -> [GroupID: TargetGroup] {
        var result: [GroupID: TargetGroup] = [:]
        for (id, description) in await client.describeGroups(groups, deadline: deadline) {
            result[id] = TargetGroup(state: Self.state(description))
        }
        let idle = groups.filter { result[$0]?.state == .empty || result[$0]?.state == .absent }
        for (id, offsets) in await client.groupOffsets(ofAll: idle, deadline: deadline) {
            switch offsets {
            case .success(let offsets):
                for (partition, offset) in offsets {
                    switch offset {
                    case .success(let offset):
                        result[id]?.committed[partition] = GroupPosition(
                            offset: offset.offset,
                            metadata: offset.metadata?.string ?? ""
                        )
                    case .failure(let error):
                        // Not knowing where a group stands, nothing may be written: it could go back.
                        result[id]?.state = .unknown("\(error)")
                    }
                }
            case .failure(let error) where error.kafkaError == .groupIDNotFound:
                break
            case .failure(let error):
                result[id]?.state = .unknown("\(error)")
            }
        }
        return result
    }

    private static func state(_ result: Result<GroupDescription, KafkaClientError>) -> TargetGroup.State {
        switch result {
        case .success(let group):
            switch group.state {
            case "Dead": return .absent
            case "Empty" where group.protocolType.string.isEmpty || group.protocolType == "consumer": return .empty
            case "Empty": return .otherKind(group.protocolType.string)
            default: return .active
            }
        case .failure(let error) where error.kafkaError == .groupIDNotFound: return .absent
        case .failure(let error): return .unknown("\(error)")
        }
    }

    /// The offsets that partitions hold at present; one that cannot be asked is missing.
    package func ranges(
        of partitions: Set<TopicPartition>,
        deadline: Deadline
    ) async -> [TopicPartition: ClosedRange<Int64>] {
        var queries: [TopicPartition: OffsetQuery] = [:]
        for partition in partitions { queries[partition] = .earliest }
        async let firsts = client.listOffsets(queries, deadline: deadline)
        let lasts = await client.listOffsets(queries.mapValues { _ in .latest }, deadline: deadline)
        var ranges: [TopicPartition: ClosedRange<Int64>] = [:]
        for (partition, first) in await firsts {
            guard let first = try? first.get().offset, let last = try? lasts[partition]?.get().offset, first <= last
            else { continue }
            ranges[partition] = first...last
        }
        return ranges
    }

    /// Commits from outside, which the coordinator allows for groups without members only; says how it went.
    package func commit(
        _ commits: [GroupID: [TopicPartition: GroupPosition]],
        deadline: Deadline
    ) async -> [GroupOffsetPlan.Line] {
        var lines: [GroupOffsetPlan.Line] = []
        var rest = commits.sorted { $0.key < $1.key }[...]
        while !rest.isEmpty {
            let some = rest.prefix(16)
            rest = rest.dropFirst(16)
            await withTaskGroup(of: [GroupOffsetPlan.Line].self) { tasks in
                for (group, offsets) in some {
                    tasks.addTask { await self.commit(offsets, of: group, deadline: deadline) }
                }
                for await result in tasks { lines += result }
            }
        }
        return lines
    }

    private func commit(
        _ offsets: [TopicPartition: GroupPosition],
        of group: GroupID,
        deadline: Deadline
    ) async -> [GroupOffsetPlan.Line] {
        func line(_ partition: TopicPartition, _ outcome: GroupOffsetPlan.Outcome) -> GroupOffsetPlan.Line {
            GroupOffsetPlan.Line(group: group, partition: partition, outcome: outcome)
        }
        let wire = offsets.mapValues {
            CommittedOffset(offset: $0.offset, metadata: KafkaString($0.metadata))
        }
        do throws(KafkaClientError) {
            let results = try await client.commitGroupOffsets(wire, of: group, purpose: .group, deadline: deadline)
            return offsets.map { partition, offset in
                switch results[partition] {
                case .success: line(partition, .committed(offset.offset))
                case .failure(let error): line(partition, Self.outcome(error))
                case nil: line(partition, .failed("the coordinator did not answer for it"))
                }
            }
        } catch {
            return offsets.keys.map { line($0, Self.outcome(error)) }
        }
    }

    private static func outcome(_ error: KafkaClientError) -> GroupOffsetPlan.Outcome {
        switch error.kafkaError {
        // The coordinator's word for a group that has members by now.
        case .unknownMemberID, .illegalGeneration, .staleMemberEpoch, .rebalanceInProgress, .fencedMemberEpoch:
            .groupActive
        default: .failed("\(error)")
        }
    }
}
