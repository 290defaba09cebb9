import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The open server sockets of a cluster.
final class Listeners {
    private let cluster: Cluster
    private var channels: [Int32: [any Channel]] = [:]

    init(cluster: Cluster) {
        self.cluster = cluster
    }

    /// Opens every listener of a broker; ports once given are kept when a broker comes back.
    func open(_ broker: Broker) -> EventLoopFuture<Void> {
        let loop = self.cluster.eventLoop
        let bound = NIOLoopBound((self, broker), eventLoop: loop)
        let opened = self.cluster.configuration.listeners.map { listener in
            self.bind(listener, broker: broker).map { channel in
                let (listeners, broker) = bound.value
                listeners.channels[broker.id, default: []].append(channel)
                broker.ports[listener.name] = channel.localAddress?.port
            }
        }
        return EventLoopFuture.andAllSucceed(opened, on: loop)
    }

    func close(_ broker: Broker) -> EventLoopFuture<Void> {
        let channels = self.channels.removeValue(forKey: broker.id) ?? []
        return EventLoopFuture.andAllComplete(channels.map { $0.close() }, on: self.cluster.eventLoop)
    }

    private func bind(_ listener: LocalCluster.Listener, broker: Broker) -> EventLoopFuture<any Channel> {
        let loop = self.cluster.eventLoop
        let index = Int(broker.id - self.cluster.configuration.firstBrokerID)
        let configured = index < listener.ports.count ? listener.ports[index] : 0
        let tls: NIOSSLContext?
        do {
            tls = try listener.tls.map { try $0.makeContext() }
        } catch {
            return loop.makeFailedFuture(error)
        }
        let bound = NIOLoopBound((self.cluster, broker), eventLoop: loop)
        let host = self.cluster.configuration.host
        let port = broker.ports[listener.name] ?? configured
        return ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (cluster, broker) = bound.value
                    let connection = ClientConnection(
                        id: cluster.nextConnectionID,
                        broker: broker,
                        listener: listener,
                        remoteHost: channel.remoteAddress?.ipAddress ?? "127.0.0.1"
                    )
                    cluster.nextConnectionID += 1
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(cluster: cluster, connection: connection)
                    )
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 16384, maximum: 1 << 20)
            )
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 4 << 20, high: 16 << 20))
            .bind(host: host, port: port)
            .flatMapErrorThrowing { throw LocalCluster.CannotListen(address: "\(host):\(port)", cause: $0) }
    }
}

extension LocalCluster {
    /// A broker cannot open its port.
    package struct CannotListen: Error, CustomStringConvertible {
        package var address: String
        package var cause: any Error

        package var description: String {
            let reason = (self.cause as? IOError).map { unsafe String(cString: strerror($0.errnoCode)) }
            return "cannot listen on \(self.address): \(reason ?? "\(self.cause)")"
        }
    }
}

extension LocalCluster.ServerTLS {
    func makeContext() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(self.certificateChain.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(self.privateKey.utf8), format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        if self.clientAuthentication == .required {
            // Clients have no server name to check, only a chain.
            configuration.certificateVerification = .noHostnameVerification
            if let authorities = self.clientAuthorities {
                configuration.trustRoots = .certificates(
                    try NIOSSLCertificate.fromPEMBytes(Array(authorities.utf8))
                )
            }
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
