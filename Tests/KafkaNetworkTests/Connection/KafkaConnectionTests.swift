import KafkaProtocol
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import KafkaNetwork

@Suite("KafkaConnection against a scripted server", .timeLimit(.minutes(1)))
struct KafkaConnectionTests {
    /// Answers version negotiation and heartbeats; the throttle time says which correlation id was asked.
    private static let wellBehaved: @Sendable (RawServer.Peer, RawServer.Request) -> Void = { peer, request in
        if peer.answerVersions(request) { return }
        if request.apiKey == .heartbeat {
            var response = HeartbeatResponse()
            response.throttleTimeMs = request.correlationID
            try? peer.answer(request, HeartbeatRequest.self, response)
        }
    }

    @Test("Negotiates, sends with header fields, decodes the answer, closes")
    func happyPath() async throws {
        try await RawServer.with(onRequest: Self.wellBehaved) { server in
            let connection = try await KafkaConnection.connect(to: server.address)
            #expect(connection.isActive)
            #expect(connection.apiVersions.negotiate(HeartbeatRequest.self) == 4)
            #expect(connection.apiVersions.negotiate(OffsetCommitRequest.self) == nil)
            var request = HeartbeatRequest()
            request.groupID = "g"
            let response = try await connection.send(request)
            #expect(response.throttleTimeMs == 2)
            let old = try await connection.send(request, version: 1)
            #expect(old.throttleTimeMs == 3)
            let requests = try #require(server.peers.withLockedValue { $0.first }).requests.withLockedValue { $0 }
            #expect(requests.map(\.version) == [3, 4, 1])
            let (header, versions) = try RawServer.decode(ApiVersionsRequest.self, requests[0])
            #expect(header.clientID == "tester")
            #expect(versions.clientSoftwareName == "kafka-mirror")
            let (_, heartbeat) = try RawServer.decode(HeartbeatRequest.self, requests[1])
            #expect(heartbeat.groupID == "g")
            await connection.close()
            #expect(!connection.isActive)
            await #expect(throws: KafkaConnectionError.self) { try await connection.send(request) }
        }
    }

    @Test("Many requests are pipelined and answered in order")
    func pipelining() async throws {
        try await RawServer.with(onRequest: Self.wellBehaved) { server in
            let connection = try await KafkaConnection.connect(to: server.address)
            let bound = NIOLockedValueBox<[Int32]>([])
            let count: Int32 = 200
            try await connection.eventLoop.submit {
                for _ in 0..<count {
                    connection.send(HeartbeatRequest()) { result in
                        if case .success(let response) = result {
                            bound.withLockedValue { $0.append(response.throttleTimeMs) }
                        }
                    }
                }
            }.get()
            #expect(await eventually { bound.withLockedValue { $0.count } == Int(count) })
            #expect(bound.withLockedValue { $0 } == Array(2...count + 1))
            await connection.close()
        }
    }
}
