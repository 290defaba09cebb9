import KafkaProtocol
import LocalKafka
import NIOCore
import Testing

@Suite struct AccessHandlerTests {
    private let creation = CreateAclsRequest.AclCreation.with {
        $0.resourceType = AccessResourceType.topic.rawValue
        $0.resourceName = "t"
        $0.principal = "User:bob"
        $0.host = "*"
        $0.operation = AccessOperation.read.rawValue
        $0.permissionType = AccessPermission.allow.rawValue
    }

    private let everything = DescribeAclsRequest.with {
        $0.resourceTypeFilter = AccessResourceType.any.rawValue
        $0.resourceNameFilter = nil
        $0.principalFilter = nil
        $0.hostFilter = nil
        $0.operation = AccessOperation.any.rawValue
        $0.permissionType = AccessPermission.any.rawValue
    }

    @Test func withoutAnAuthorizerSecurityIsDisabled() async throws {
        try await withTestCluster { cluster in
            try await RawClient.with(cluster.address()) { client in
                for version in DescribeAclsRequest.supportedVersions {
                    #expect(try await client.send(everything, version: version).errorCode == .securityDisabled)
                    let created = try await client.send(
                        CreateAclsRequest.with { $0.creations = [creation] },
                        version: version
                    )
                    #expect(created.results.map(\.errorCode) == [.securityDisabled])
                }
            }
        }
    }

    @Test func entriesComeAndGoInEveryVersion() async throws {
        try await withTestCluster(
            brokers: 1,
            {
                $0.authorization = true
                $0.superUsers = ["User:ANONYMOUS"]
            },
            { cluster in
                try await RawClient.with(cluster.address()) { client in
                    for version in CreateAclsRequest.supportedVersions {
                        var bad = creation
                        bad.principal = "bob"
                        let created = try await client.send(
                            CreateAclsRequest.with { $0.creations = [creation, bad] },
                            version: version
                        )
                        #expect(created.results.map(\.errorCode) == [.none, .invalidRequest])
                        let described = try await client.send(everything, version: version)
                        #expect(described.errorCode == ErrorCode.none)
                        #expect(described.resources.map(\.resourceName) == ["t"])
                        #expect(described.resources[0].acls.map(\.principal) == ["User:bob"])
                        let deleted = try await client.send(
                            DeleteAclsRequest.with {
                                $0.filters = [
                                    .with {
                                        $0.resourceTypeFilter = AccessResourceType.topic.rawValue
                                        $0.resourceNameFilter = "t"
                                        $0.principalFilter = nil
                                        $0.hostFilter = nil
                                        $0.operation = AccessOperation.any.rawValue
                                        $0.permissionType = AccessPermission.any.rawValue
                                    }
                                ]
                            },
                            version: version
                        )
                        #expect(deleted.filterResults[0].matchingAcls.map(\.principal) == ["User:bob"])
                        #expect(try await client.send(everything, version: version).resources.isEmpty)
                    }
                }
            }
        )
    }

    @Test func strangersAreRefusedEverywhere() async throws {
        try await withTestCluster(
            brokers: 1,
            { $0.authorization = true },
            { cluster in
                try await RawClient.with(cluster.address()) { client in
                    #expect(try await client.send(everything, version: 3).errorCode == .clusterAuthorizationFailed)
                    let join = try await client.send(JoinGroupRequest.with { $0.groupID = "g" }, version: 5)
                    #expect(join.errorCode == .groupAuthorizationFailed)
                    let plain = try await client.send(
                        InitProducerIdRequest.with { $0.transactionalID = nil },
                        version: 4
                    )
                    #expect(plain.errorCode == .clusterAuthorizationFailed)
                    let transactional = try await client.send(
                        InitProducerIdRequest.with {
                            $0.transactionalID = "tx"
                            $0.transactionTimeoutMs = 1000
                        },
                        version: 4
                    )
                    #expect(transactional.errorCode == .transactionalIDAuthorizationFailed)
                    let found = try await client.send(
                        FindCoordinatorRequest.with { $0.coordinatorKeys = ["g"] },
                        version: 4
                    )
                    #expect(found.coordinators.map(\.errorCode) == [.groupAuthorizationFailed])

                    try await cluster.addAccess(
                        AccessEntry(.allow, "User:ANONYMOUS", .read, on: .group, "g"),
                        AccessEntry(.allow, "User:ANONYMOUS", .write, on: .topic, "t")
                    )
                    let allowed = try await client.send(
                        FindCoordinatorRequest.with { $0.coordinatorKeys = ["g"] },
                        version: 4
                    )
                    #expect(allowed.coordinators.map(\.errorCode) == [.none])
                    // To write somewhere is enough for an idempotent producer.
                    let writer = try await client.send(
                        InitProducerIdRequest.with { $0.transactionalID = nil },
                        version: 4
                    )
                    #expect(writer.errorCode == ErrorCode.none)
                }
            }
        )
    }

    @Test func credentialsAreCheckedAndKept() async throws {
        try await withTestCluster { cluster in
            try await RawClient.with(cluster.address()) { client in
                func upsert(_ user: KafkaString, iterations: Int32, mechanism: Int8 = 1) async throws -> ErrorCode {
                    let response = try await client.send(
                        AlterUserScramCredentialsRequest.with {
                            $0.upsertions = [
                                .with {
                                    $0.name = user
                                    $0.mechanism = mechanism
                                    $0.iterations = iterations
                                    $0.salt = ByteBuffer(string: "salt")
                                    $0.saltedPassword = ByteBuffer(repeating: 1, count: 32)
                                }
                            ]
                        },
                        version: 0
                    )
                    return response.results[0].errorCode
                }
                #expect(try await upsert("eve", iterations: 4095) == .unacceptableCredential)
                #expect(try await upsert("eve", iterations: 16_385) == .unacceptableCredential)
                #expect(try await upsert("", iterations: 4096) == .unacceptableCredential)
                #expect(try await upsert("eve", iterations: 4096, mechanism: 9) == .unsupportedSaslMechanism)
                #expect(try await upsert("eve", iterations: 4096) == ErrorCode.none)
                let described = try await client.send(
                    DescribeUserScramCredentialsRequest.with {
                        $0.users = [.with { $0.name = "eve" }, .with { $0.name = "nobody" }]
                    },
                    version: 0
                )
                #expect(described.results.map(\.errorCode) == [.none, .resourceNotFound])
                #expect(described.results[0].credentialInfos.map(\.iterations) == [4096])
                let deletion = AlterUserScramCredentialsRequest.with {
                    $0.deletions = [
                        .with {
                            $0.name = "eve"
                            $0.mechanism = 1
                        }
                    ]
                }
                #expect(try await client.send(deletion, version: 0).results.map(\.errorCode) == [.none])
                #expect(try await client.send(deletion, version: 0).results.map(\.errorCode) == [.resourceNotFound])
            }
        }
    }

    @Test func logDirectoriesShowSizes() async throws {
        try await withTestCluster(brokers: 2) { cluster in
            try await cluster.createTopic("t", partitions: 2)
            let batch = try Batch.make(["hello"])
            _ = try await cluster.append([batch], to: "t", 0)
            let leader = try await cluster.partition("t", 0).leader
            try await RawClient.with(cluster.address(Int(leader) - 1)) { client in
                for version in DescribeLogDirsRequest.supportedVersions {
                    let response = try await client.send(
                        DescribeLogDirsRequest.with { $0.topics = nil },
                        version: version
                    )
                    let topic = try #require(response.results.first?.topics.first { $0.name == "t" })
                    #expect(topic.partitions.map(\.partitionIndex) == [0])
                    #expect(topic.partitions.map(\.partitionSize) == [Int64(batch.readableBytes)])
                }
            }
        }
    }
}
