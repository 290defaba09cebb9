import KafkaProtocol
import LocalKafka
import NIOCore
import Testing

@Suite struct GroupHandlerTests {
    private func joinRequest(_ group: GroupID, member: KafkaString = "") -> JoinGroupRequest {
        .with {
            $0.groupID = group
            $0.memberID = member
            $0.sessionTimeoutMs = 10_000
            $0.rebalanceTimeoutMs = 10_000
            $0.protocolType = "consumer"
            $0.protocols = [
                .with {
                    $0.name = "range"
                    $0.metadata = GroupScript.subscription(["t"])
                }
            ]
        }
    }

    private func commitRequest(_ group: GroupID, offset: Int64, metadata: KafkaString = "") -> OffsetCommitRequest {
        .with {
            $0.groupID = group
            $0.topics = [
                .with {
                    $0.name = "t"
                    $0.partitions = [
                        .with {
                            $0.committedOffset = offset
                            $0.committedMetadata = metadata
                        }
                    ]
                }
            ]
        }
    }

    @Test func allVersionsFindTheCoordinator() async throws {
        try await withTestCluster { cluster in
            try await RawClient.with(cluster.address()) { client in
                for version in FindCoordinatorRequest.supportedVersions {
                    for type in Int8(0)...(version == 0 ? 0 : 1) {
                        var request = FindCoordinatorRequest()
                        request.key = version < 4 ? "g" : ""
                        request.coordinatorKeys = version < 4 ? [] : ["g", "h"]
                        request.keyType = type
                        let response = try await client.send(request, version: version)
                        if version < 4 {
                            #expect(response.errorCode == ErrorCode.none)
                            #expect(response.nodeID == 1)
                            #expect("\(response.host):\(response.port)" == cluster.address())
                        } else {
                            #expect(response.coordinators.map(\.key) == ["g", "h"])
                            #expect(response.coordinators.allSatisfy { $0.errorCode == .none && $0.nodeID == 1 })
                        }
                    }
                }
                let odd = try await client.send(.with { $0.keyType = 7 } as FindCoordinatorRequest, version: 3)
                #expect(odd.errorCode == .invalidRequest)
            }
        }
    }

    @Test func aMemberGoesThroughItsLifeInEveryVersion() async throws {
        try await withTestCluster { cluster in
            try await RawClient.with(cluster.address()) { client in
                for version in Int16(0)...9 {
                    let group: GroupID = "g\(version)"
                    var joined = try await client.send(joinRequest(group), version: version)
                    if version >= 4 {
                        #expect(joined.errorCode == .memberIDRequired)
                        joined = try await client.send(joinRequest(group, member: joined.memberID), version: version)
                    }
                    #expect(joined.errorCode == ErrorCode.none)
                    #expect(joined.memberID.string.hasPrefix("raw-"))
                    #expect(joined.members.map(\.memberID) == [joined.memberID])

                    let syncVersion = min(version, 5)
                    let synced = try await client.send(
                        SyncGroupRequest.with {
                            $0.groupID = group
                            $0.memberID = joined.memberID
                            $0.generationID = joined.generationID
                            $0.protocolType = syncVersion >= 5 ? "consumer" : nil
                            $0.protocolName = syncVersion >= 5 ? "range" : nil
                            $0.assignments = [
                                .with {
                                    $0.memberID = joined.memberID
                                    $0.assignment = ByteBuffer(string: "mine")
                                }
                            ]
                        },
                        version: syncVersion
                    )
                    #expect(synced.errorCode == ErrorCode.none)
                    #expect(synced.assignment == ByteBuffer(string: "mine"))

                    let beat = try await client.send(
                        HeartbeatRequest.with {
                            $0.groupID = group
                            $0.memberID = joined.memberID
                            $0.generationID = joined.generationID
                        },
                        version: min(version, 4)
                    )
                    #expect(beat.errorCode == ErrorCode.none)

                    let described = try await client.send(
                        DescribeGroupsRequest.with { $0.groups = [group] },
                        version: min(version, 5)
                    )
                    #expect(described.groups.first?.groupState == "Stable")
                    #expect(described.groups.first?.members.first?.clientHost == "/127.0.0.1")

                    let leaveVersion = min(version, 5)
                    func leave() async throws -> ErrorCode {
                        let left = try await client.send(
                            LeaveGroupRequest.with {
                                $0.groupID = group
                                if leaveVersion < 3 {
                                    $0.memberID = joined.memberID
                                } else {
                                    $0.members = [.with { $0.memberID = joined.memberID }]
                                }
                            },
                            version: leaveVersion
                        )
                        return leaveVersion < 3 ? left.errorCode : left.members[0].errorCode
                    }
                    #expect(try await leave() == ErrorCode.none)
                    #expect(try await leave() == .unknownMemberID)
                }
            }
        }
    }

    @Test func offsetsComeBackInEveryVersion() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", partitions: 2)
            try await RawClient.with(cluster.address()) { client in
                for version in OffsetCommitRequest.supportedVersions {
                    let response = try await client.send(
                        commitRequest("g", offset: Int64(version), metadata: "m"),
                        version: version
                    )
                    #expect(response.topics[0].partitions[0].errorCode == ErrorCode.none)
                }
                let long = KafkaString(String(repeating: "x", count: 5000))
                let refused = try await client.send(commitRequest("g", offset: 1, metadata: long), version: 8)
                #expect(refused.topics[0].partitions[0].errorCode == .offsetMetadataTooLarge)

                for version in Int16(0)...7 {
                    let named = OffsetFetchRequest.with {
                        $0.groupID = "g"
                        $0.topics = [
                            .with {
                                $0.name = "t"
                                $0.partitionIndexes = [0, 1]
                            }
                        ]
                    }
                    let response = try await client.send(named, version: version)
                    #expect(response.topics[0].partitions.map(\.committedOffset) == [9, -1])
                    #expect(response.topics[0].partitions[0].metadata == "m")
                    guard version >= 2 else { continue }
                    let all = try await client.send(
                        OffsetFetchRequest.with {
                            $0.groupID = "g"
                            $0.topics = nil
                        },
                        version: version
                    )
                    #expect(all.topics.map(\.partitions.count) == [1])
                }
                for version in Int16(8)...9 {
                    let response = try await client.send(
                        OffsetFetchRequest.with {
                            $0.groups = (["g", "nobody"] as [GroupID]).map { name in
                                .with {
                                    $0.groupID = name
                                    $0.topics = nil
                                }
                            }
                        },
                        version: version
                    )
                    #expect(response.groups.map(\.groupID) == ["g", "nobody"])
                    #expect(response.groups.map { $0.topics.count } == [1, 0])
                }
                let unknown = try await client.send(
                    OffsetDeleteRequest.with { $0.groupID = "nobody" },
                    version: 0
                )
                #expect(unknown.errorCode == .groupIDNotFound)
            }
        }
    }

    @Test func onlyTheCoordinatorServesAGroup() async throws {
        try await withTestCluster(brokers: 3) { cluster in
            try await cluster.createTopic("t", partitions: 1)
            let first = try await cluster.withCluster { $0.coordinator(ofGroup: "g")?.id ?? -1 }
            let next = first % 3 + 1
            let committed = try await RawClient.with(cluster.address(Int(first) - 1)) {
                try await $0.send(commitRequest("g", offset: 5), version: 8)
            }
            #expect(committed.topics[0].partitions[0].errorCode == ErrorCode.none)
            try await RawClient.with(cluster.address(Int(next) - 1)) { client in
                let refused = try await client.send(commitRequest("g", offset: 6), version: 8)
                #expect(refused.topics[0].partitions[0].errorCode == .notCoordinator)
                let join = try await client.send(joinRequest("g"), version: 5)
                #expect(join.errorCode == .notCoordinator)
                let listed = try await client.send(ListGroupsRequest(), version: 4)
                #expect(listed.groups.isEmpty)

                try await cluster.withCluster { $0.moveCoordinator(ofGroup: "g", to: next) }
                let accepted = try await client.send(commitRequest("g", offset: 6), version: 8)
                #expect(accepted.topics[0].partitions[0].errorCode == ErrorCode.none)
                let found = try await client.send(
                    FindCoordinatorRequest.with { $0.coordinatorKeys = ["g"] },
                    version: 4
                )
                #expect(found.coordinators.first?.nodeID == next)
                let after = try await client.send(ListGroupsRequest(), version: 4)
                #expect(after.groups.map(\.groupID) == ["g"])
            }
        }
    }

    @Test func deletedTopicsTakeTheirOffsetsAlong() async throws {
        try await withTestCluster { cluster in
            try await cluster.createTopic("t", partitions: 1)
            try await RawClient.with(cluster.address()) { client in
                _ = try await client.send(commitRequest("g", offset: 5), version: 8)
                try await cluster.withCluster { $0.deleteTopic("t") }
                let response = try await client.send(
                    OffsetFetchRequest.with {
                        $0.groupID = "g"
                        $0.topics = nil
                    },
                    version: 7
                )
                #expect(response.topics.isEmpty)
                let refused = try await client.send(commitRequest("g", offset: 5), version: 8)
                #expect(refused.topics[0].partitions[0].errorCode == .unknownTopicOrPartition)
            }
        }
    }
}
