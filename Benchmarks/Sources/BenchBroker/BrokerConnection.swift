import KafkaProtocol
public import NIOCore

/// Serves one connection, one request after the other as Kafka does.
public final class BrokerConnection: ChannelInboundHandler {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    let broker: BenchBroker
    private var assembler = FrameAssembler()
    private var waiting = CircularBuffer<ByteBuffer>()
    private var isBusy = false
    private var isServing = false
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?

    public init(broker: BenchBroker) { self.broker = broker }

    public func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    public func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        waiting.removeAll()
        unpark()
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var chunk = unwrapInboundIn(data)
        do {
            while let frame = try assembler.next(&chunk) { waiting.append(frame) }
        } catch {
            context.close(promise: nil)
        }
        serveWaiting()
    }

    private func serveWaiting() {
        guard !isServing else { return }
        isServing = true
        while !isBusy, let frame = waiting.popFirst() {
            isBusy = true
            do {
                try serve(frame)
            } catch {
                broker.note("a connection is closed: \(error)")
                context?.close(promise: nil)
                return
            }
        }
        isServing = false
        context?.flush()
    }

    // MARK: - Requests

    struct Header {
        var api: ApiKey
        var version: Int16
        var correlationID: Int32
    }

    private func serve(_ frame: ByteBuffer) throws {
        var frame = frame
        guard let (key, version, correlationID) = frame.readMultipleIntegers(as: (Int16, Int16, Int32).self) else {
            throw FrameAssembler.BadLength()
        }
        let header = Header(api: ApiKey(key), version: version, correlationID: correlationID)
        broker.countRequest()
        switch header.api {
        case .apiVersions where version > 4:
            let refusal = ApiVersionsResponse.with { $0.errorCode = .unsupportedVersion }
            try send(refusal, headerVersion: 0, version: 0, header)
        case .apiVersions: try answer(ApiVersionsRequest.self, frame, header) { $0.apiVersions() }
        case .metadata: try answer(MetadataRequest.self, frame, header) { $0.metadata($1, version: version) }
        case .fetch: try fetch(frame, header)
        case .produce: try produce(frame, header)
        case .listOffsets: try answer(ListOffsetsRequest.self, frame, header) { $0.listOffsets($1) }
        case .offsetForLeaderEpoch: try answer(OffsetForLeaderEpochRequest.self, frame, header) { $0.epochs($1) }
        case .findCoordinator: try answer(FindCoordinatorRequest.self, frame, header) { $0.coordinator($1) }
        case .initProducerID: try answer(InitProducerIdRequest.self, frame, header) { broker, _ in broker.producer() }
        case .createTopics: try answer(CreateTopicsRequest.self, frame, header) { $0.createTopics($1) }
        case .createPartitions: try answer(CreatePartitionsRequest.self, frame, header) { $0.createPartitions($1) }
        case .describeConfigs: try answer(DescribeConfigsRequest.self, frame, header) { $0.describeConfigs($1) }
        case .incrementalAlterConfigs:
            try answer(IncrementalAlterConfigsRequest.self, frame, header) { $0.alterConfigs($1) }
        case .describeCluster: try answer(DescribeClusterRequest.self, frame, header) { broker, _ in broker.cluster() }
        case .describeAcls:
            try answer(DescribeAclsRequest.self, frame, header) { _, _ in .with { $0.errorCode = .securityDisabled } }
        case .listGroups: try answer(ListGroupsRequest.self, frame, header) { _, _ in ListGroupsResponse() }
        case .describeProducers:
            try answer(DescribeProducersRequest.self, frame, header) { $0.describeProducers($1) }
        default:
            broker.note("request of API \(key), which is not served here")
            throw FrameAssembler.BadLength()
        }
    }

    private func answer<Request: KafkaRequest>(
        _ type: Request.Type,
        _ frame: ByteBuffer,
        _ header: Header,
        _ body: (BenchBroker, Request) throws -> Request.Response
    ) throws {
        let request = try decode(type, frame, header)
        try reply(Request.self, try body(broker, request), header)
    }

    private func answer<Request: KafkaRequest>(
        _ type: Request.Type,
        _ frame: ByteBuffer,
        _ header: Header,
        _ body: (BenchBroker) throws -> Request.Response
    ) throws {
        try reply(Request.self, try body(broker), header)
    }

    func decode<Request: KafkaRequest>(_: Request.Type, _ frame: ByteBuffer, _ header: Header) throws -> Request {
        var frame = frame
        if let length = frame.readInteger(as: Int16.self), length > 0 { frame.moveReaderIndex(forwardBy: Int(length)) }
        // No client here sends tagged fields in the header.
        if Request.requestHeaderVersion(for: header.version) >= 2 { frame.moveReaderIndex(forwardBy: 1) }
        return try Request.decode(from: &frame, version: header.version)
    }

    func reply<Request: KafkaRequest>(_: Request.Type, _ response: Request.Response, _ header: Header) throws {
        try send(
            response,
            headerVersion: Request.responseHeaderVersion(for: header.version),
            version: header.version,
            header
        )
    }

    private func send(
        _ response: some KafkaMessage,
        headerVersion: Int16,
        version: Int16,
        _ header: Header
    ) throws {
        let responseHeader = ResponseHeader.with { $0.correlationID = header.correlationID }
        let parts = try response.encodeFrame(header: responseHeader, headerVersion: headerVersion, version: version)
        for part in parts { context?.write(wrapOutboundOut(part), promise: nil) }
        done()
    }

    func done() {
        isBusy = false
        serveWaiting()
    }

    // MARK: - Long polls

    /// Calls `body` when there may be something new, or after `wait` with true.
    func park(_ wait: Int32, _ body: @escaping (_ isLast: Bool) -> Void) {
        broker.parked[ObjectIdentifier(self)] = { [weak self] in
            self?.unpark()
            body(false)
        }
        timer = broker.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(wait))) { [weak self] in
            self?.unpark()
            body(true)
        }
    }

    func unpark() {
        broker.parked[ObjectIdentifier(self)] = nil
        timer?.cancel()
        timer = nil
    }

    var isConnected: Bool { context != nil }

    func close() { context?.close(promise: nil) }
}
