import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// Connects to one socket address and waits until the connection is ready.
struct ConnectionAttempt {
    enum Failure: Error {
        /// No TCP connection; another address of the same name may work.
        case tcp(any Error)
        /// The peer is there, but TLS, version negotiation or SASL failed.
        case setup(KafkaConnectionError)
    }

    let target: SocketAddress
    let address: BrokerAddress
    let configuration: ClientConfiguration
    let tls: NIOSSLContext?
    let purpose: ConnectionPurpose
    let timeLimit: Duration
    let logger: Logger

    func run(on eventLoop: any EventLoop) async -> Result<KafkaConnection, Failure> {
        let ready = eventLoop.makePromise(of: Result<ApiVersionTable, KafkaConnectionError>.self)
        // The channel while its TCP connection is still under way, for cancellation.
        let early = NIOLockedValueBox<(any Channel)?>(nil)
        let channel: any Channel
        do {
            channel = try await withTaskCancellationHandler {
                try await bootstrap(eventLoop, ready, early).connect(to: self.target).get()
            } onCancel: {
                early.withLockedValue { $0 }?.close(promise: nil)
            }
        } catch {
            // Nobody else completes it when the channel never came to life.
            ready.succeed(.failure(KafkaConnectionError(.closed, "the connection was not set up")))
            return .failure(.tcp(error))
        }
        let result = await withTaskCancellationHandler {
            try? await ready.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
        let context = self.configuration.errorContext(self.address)
        switch result {
        case .success(let versions)?:
            guard let handler = try? await self.handler(of: channel) else {
                return .failure(
                    .setup(KafkaConnectionError(.closed, "the broker closed the connection", context: context))
                )
            }
            return .success(
                KafkaConnection(
                    channel: channel,
                    handler: handler,
                    apiVersions: versions,
                    address: self.address,
                    purpose: self.purpose,
                    configuration: self.configuration
                )
            )
        case .failure(let error)?:
            if Task.isCancelled {
                let error = KafkaConnectionError(.cancelled, "connecting was cancelled", context: context)
                return .failure(.setup(error))
            }
            return .failure(.setup(error))
        case nil:
            return .failure(.setup(KafkaConnectionError(.closed, "the connection was not set up", context: context)))
        }
    }

    private func handler(of channel: any Channel) async throws -> NIOLoopBound<KafkaChannelHandler> {
        try await channel.eventLoop.submit {
            let handler = try channel.pipeline.syncOperations.handler(type: KafkaChannelHandler.self)
            return NIOLoopBound(handler, eventLoop: channel.eventLoop)
        }.get()
    }

    private func bootstrap(
        _ eventLoop: any EventLoop,
        _ ready: EventLoopPromise<Result<ApiVersionTable, KafkaConnectionError>>,
        _ early: NIOLockedValueBox<(any Channel)?>
    ) -> ClientBootstrap {
        var bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(self.timeLimit))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: self.purpose.writeWaterMark(usesTLS: self.tls != nil))
        if let size = self.configuration.sendBufferBytes {
            bootstrap = bootstrap.channelOption(.socketOption(.so_sndbuf), value: .init(size))
        }
        if let size = self.configuration.receiveBufferBytes {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(size))
        }
        let (configuration, address, tls, logger) = (self.configuration, self.address, self.tls, self.logger)
        let purpose = self.purpose
        return bootstrap.channelInitializer { channel in
            early.withLockedValue { $0 = channel }
            return channel.eventLoop.makeCompletedFuture {
                if let tls {
                    // The name goes into SNI, where addresses are not allowed.
                    let isLiteral = (try? SocketAddress(ipAddress: address.host, port: address.port)) != nil
                    let name = isLiteral ? nil : address.host
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: tls, serverHostname: name)
                    )
                }
                let handler = KafkaChannelHandler(
                    configuration: configuration,
                    address: address,
                    eventLoop: channel.eventLoop,
                    logger: logger
                ) { ready.succeed($0) }
                try channel.pipeline.syncOperations.addHandler(handler)
                if purpose.hasLargeAnswers { try Self.receiveLargeAnswers(channel, handler, usesTLS: tls != nil) }
            }
        }
    }

    private static func receiveLargeAnswers(
        _ channel: any Channel,
        _ handler: KafkaChannelHandler,
        usesTLS: Bool
    ) throws {
        guard let options = channel.syncOptions else { return }
        // Reads of one turn would gather in the buffers of TLS; without it, the next read continues the last one's buffer.
        try options.setOption(.maxMessagesPerRead, value: 1)
        if usesTLS {
            try options.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 256 << 10))
        } else {
            try options.setOption(.recvAllocator, value: FrameReceiveAllocator(handler: handler))
        }
    }
}
