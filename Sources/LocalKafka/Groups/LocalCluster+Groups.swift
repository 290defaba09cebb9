package import KafkaProtocol
package import NIOCore

extension LocalCluster {
    /// What a group has committed, by partition; empty for a group that does not exist.
    package func committedOffsets(of group: GroupID) async throws -> [TopicPartition: CommittedOffset] {
        try await self.withCluster { $0.groups.state.offsets[group]?.committed ?? [:] }
    }

    /// Stores an offset for a group, whoever its members are.
    package func commit(_ offset: CommittedOffset, of group: GroupID, for partition: TopicPartition) async throws {
        try await self.withCluster { cluster in
            cluster.groups.perform(cluster) { coordinator in
                coordinator.createSimple(group)
                coordinator.store(offset, group, partition)
            }
        }
    }

    /// The names of all groups, in order.
    package func groupNames() async throws -> [GroupID] {
        try await self.withCluster { $0.groups.state.groups.keys.sorted() }
    }

    /// Makes another broker the coordinator of a group; members find out by NOT_COORDINATOR.
    package func moveCoordinator(ofGroup group: GroupID, to broker: Int32) async throws {
        try await self.withCluster { $0.moveCoordinator(ofGroup: group, to: broker) }
    }

    /// Makes another broker the coordinator of a transactional id.
    package func moveCoordinator(ofTransaction transactionalID: KafkaString, to broker: Int32) async throws {
        try await self.withCluster { $0.moveCoordinator(ofTransaction: transactionalID, to: broker) }
    }

    /// Sets how long the markers of ended transactions take, so that their being in between can be seen.
    package func setMarkerDelay(_ delay: TimeAmount) async throws {
        try await self.withCluster { $0.transactions.markerDelay = delay }
    }

    /// Adds access control entries; they count only in a cluster with `authorization`.
    package func addAccess(_ entries: AccessEntry...) async throws {
        try await self.withCluster { cluster in
            for entry in entries { cluster.access.add(entry) }
        }
    }

    /// Removes access control entries.
    package func removeAccess(_ entries: AccessEntry...) async throws {
        try await self.withCluster { cluster in
            for entry in entries { cluster.access.remove(entry) }
        }
    }
}
