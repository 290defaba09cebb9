public import KafkaProtocol

extension KafkaClient {
    /// Reads all committed offsets of many groups; each group has an outcome of its own.
    ///
    /// One request per coordinator for many groups (Kafka 3.0 and later), one per group otherwise.
    public func groupOffsets(
        ofAll groups: [GroupID],
        deadline: Deadline? = nil
    ) async -> [GroupID: Result<[TopicPartition: Result<CommittedOffset, KafkaClientError>], KafkaClientError>] {
        typealias Offsets = [TopicPartition: Result<CommittedOffset, KafkaClientError>]
        let deadline = self.deadline(deadline)
        var results: [GroupID: Result<Offsets, KafkaClientError>] = [:]
        // Keeps answers well below the largest frame.
        for start in stride(from: 0, to: groups.count, by: 500) {
            let some = Array(groups[start..<min(start + 500, groups.count)])
            results.merge(await batchedOffsets(some, deadline: deadline)) { _, new in new }
        }
        var rest = groups.filter { id in
            if case .failure(let error) = results[id] { error.code == .unsupportedByBroker } else { false }
        }[...]
        while !rest.isEmpty {
            let some = rest.prefix(16)
            rest = rest.dropFirst(16)
            await withTaskGroup(of: (GroupID, Result<Offsets, KafkaClientError>).self) { tasks in
                for id in some {
                    tasks.addTask {
                        do throws(KafkaClientError) {
                            return (id, .success(try await self.groupOffsets(of: id, deadline: deadline)))
                        } catch {
                            return (id, .failure(error))
                        }
                    }
                }
                for await (id, result) in tasks { results[id] = result }
            }
        }
        return results
    }

    private func batchedOffsets(
        _ groups: [GroupID],
        deadline: Deadline
    ) async -> [GroupID: Result<[TopicPartition: Result<CommittedOffset, KafkaClientError>], KafkaClientError>] {
        await perGroup(
            OffsetFetchRequest.self,
            groups,
            deadline: deadline,
            what: "The group's offsets cannot be read",
            build: { ids, version throws(KafkaClientError) in
                guard version >= 8 else {
                    throw KafkaClientError(.unsupportedByBroker, "The broker is older than Kafka 3.0")
                }
                var request = OffsetFetchRequest()
                request.groups = ids.map { id in
                    var group = OffsetFetchRequest.OffsetFetchRequestGroup()
                    group.groupID = id
                    group.topics = nil
                    return group
                }
                return request
            },
            parse: { response in
                response.groups.map { group in
                    guard group.errorCode == .none else {
                        return (group.groupID, .failure(ItemFailure(group.errorCode)))
                    }
                    var one = OffsetFetchResponse()
                    one.groups = [group]
                    return (group.groupID, .success(committed(one, group: group.groupID)))
                }
            }
        )
    }
}
