import KafkaProtocol
import NIOCore
import NIOEmbedded
import Testing

@testable import KafkaNetwork

@Suite("KafkaChannelHandler in an embedded channel")
struct ChannelHandlerTests {
    /// A handler whose set-up is done.
    private func ready(
        _ change: (inout ClientConfiguration) -> Void = { _ in }
    ) throws -> (EmbeddedChannel, KafkaChannelHandler) {
        let channel = EmbeddedChannel()
        let handler = KafkaChannelHandler(
            configuration: .test(change),
            address: .init(host: "b", port: 1),
            eventLoop: channel.embeddedEventLoop,
            logger: silentLogger
        ) { _ in }
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let request = try #require(try channel.readOutbound(as: ByteBuffer.self))
        #expect(request.getInteger(at: 4, as: Int16.self) == ApiKey.apiVersions.rawValue)
        var response = ApiVersionsResponse()
        var api = ApiVersionsResponse.ApiVersion()
        (api.apiKey, api.maxVersion) = (ApiKey.heartbeat.rawValue, 4)
        response.apiKeys = [api]
        try channel.writeInbound(
            try frame(1) { (body) throws(WireError) in try response.encode(into: &body, version: 3) }
        )
        #expect(handler.machine.state == .ready)
        return (channel, handler)
    }

    private func frame(
        _ correlationID: Int32,
        _ write: (inout ByteBuffer) throws(WireError) -> Void
    ) throws(WireError) -> ByteBuffer {
        var body = ByteBuffer(integer: correlationID)
        try write(&body)
        var frame = ByteBuffer(integer: Int32(body.readableBytes))
        frame.writeImmutableBuffer(body)
        return frame
    }

    private final class Results {
        var values: [Result<ByteBuffer, KafkaConnectionError>] = []
        var codes: [KafkaConnectionError.Code?] {
            self.values.map { if case .failure(let error) = $0 { error.code } else { nil } }
        }
    }

    private func send(_ handler: KafkaChannelHandler, after limit: TimeAmount, into results: Results) {
        handler.send(
            HeartbeatRequest(),
            version: 0,
            deadline: handler.eventLoop.now + limit,
            expectsAnswer: true
        ) { results.values.append($0) }
    }

    @Test("Long records leave as buffers of their own, uncopied")
    func gatherWrites() throws {
        let (channel, handler) = try ready()
        var records = ByteBuffer()
        records.writeRepeatingByte(7, count: 50_000)
        var request = ProduceRequest()
        request.acks = 1
        var partition = ProduceRequest.PartitionProduceData()
        partition.records = RecordData(parts: [ByteBuffer(repeating: 1, count: 61), records])
        var topic = ProduceRequest.TopicProduceData()
        topic.name = "t"
        topic.partitionData = [partition]
        request.topicData = [topic]
        handler.send(
            request,
            version: 7,
            deadline: .distantFuture,
            expectsAnswer: true
        ) { _ in }
        var parts: [ByteBuffer] = []
        while let part = try channel.readOutbound(as: ByteBuffer.self) { parts.append(part) }
        #expect(parts.count == 2 && parts.last?.readableBytes == 50_000)
        #expect(parts.last?.storageCapacity == records.storageCapacity)
        let total = parts.reduce(0) { $0 + $1.readableBytes }
        #expect(parts.first?.getInteger(at: 0, as: Int32.self) == Int32(total - 4))
        #expect(handler.inFlight.byteCount == total)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("Answers to requests of different patience; the shortest one decides")
    func timeouts() throws {
        let (channel, handler) = try ready()
        let patient = Results()
        let hasty = Results()
        send(handler, after: .seconds(30), into: patient)
        send(handler, after: .seconds(5), into: hasty)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(4_999))
        #expect(hasty.values.isEmpty && channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(hasty.codes == [.timedOut] && patient.codes == [.closed])
        #expect(!channel.isActive)
        send(handler, after: .seconds(1), into: hasty)
        #expect(hasty.codes == [.timedOut, .closed])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("The timer of an answered request does no harm to the next")
    func answeredInTime() throws {
        let (channel, handler) = try ready()
        let results = Results()
        send(handler, after: .seconds(5), into: results)
        try channel.writeInbound(try frame(2) { _ in })
        channel.embeddedEventLoop.advanceTime(by: .seconds(4))
        send(handler, after: .seconds(5), into: results)
        channel.embeddedEventLoop.advanceTime(by: .seconds(4))
        try channel.writeInbound(try frame(3) { _ in })
        channel.embeddedEventLoop.advanceTime(by: .seconds(20))
        #expect(results.codes == [nil, nil] && channel.isActive)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("Requests sent while answers are read leave with one flush at the end")
    func flushes() throws {
        let (channel, handler) = try ready()
        let results = Results()
        handler.send(HeartbeatRequest(), version: 0, deadline: .distantFuture, expectsAnswer: true) { _ in
            send(handler, after: .seconds(1), into: results)
            send(handler, after: .seconds(1), into: results)
            #expect((try? channel.readOutbound(as: ByteBuffer.self)) == nil)
        }
        _ = try channel.readOutbound(as: ByteBuffer.self)
        try channel.writeInbound(try frame(2) { _ in })
        #expect(try channel.readOutbound(as: ByteBuffer.self) != nil)
        #expect(try channel.readOutbound(as: ByteBuffer.self) != nil)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("An idle connection closes after its time, not before")
    func idle() throws {
        let (channel, handler) = try ready { $0.connectionMaxIdle = .seconds(60) }
        let results = Results()
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        send(handler, after: .seconds(30), into: results)
        try channel.writeInbound(try frame(2) { _ in })
        channel.embeddedEventLoop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
        #expect(handler.closeReason == nil)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
