import NIOConcurrencyHelpers
package import NIOCore
import NIOPosix

/// A Kafka-compatible cluster of one or more brokers in this process, in memory, for tests and for trying things out.
///
/// Overview: clients connect over TCP like to any cluster; the methods of this class are a side door for tests. The
/// state lives in a ``Cluster`` on one event loop; every method here hops to it.
package final class LocalCluster: Sendable {
    package let configuration: Configuration
    package let eventLoop: any EventLoop
    private let ownGroup: MultiThreadedEventLoopGroup?
    private let state: NIOLoopBoundBox<State>

    private struct State {
        let cluster: Cluster
        let listeners: Listeners
        var isStarted = false
        var housekeeping: RepeatedTask?
    }

    /// Addresses of the first listener, known once the cluster has started.
    private let addresses = NIOLockedValueBox<[String: String]>([:])

    package init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        if let loop = configuration.eventLoop {
            self.ownGroup = nil
            self.eventLoop = loop
        } else {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            self.ownGroup = group
            self.eventLoop = group.next()
        }
        let cluster = Cluster(configuration: configuration, eventLoop: self.eventLoop)
        self.state = NIOLoopBoundBox.makeBoxSendingValue(
            State(cluster: cluster, listeners: Listeners(cluster: cluster)),
            eventLoop: self.eventLoop
        )
    }

    /// Opens the listeners of all brokers.
    package func start() async throws {
        try await self.eventLoop.flatSubmit {
            self.state.value.isStarted = true
            let cluster = self.state.value.cluster
            let listeners = self.state.value.listeners
            let interval = self.configuration.housekeepingInterval
            self.state.value.housekeeping = self.eventLoop.scheduleRepeatedTask(
                initialDelay: interval,
                delay: interval
            ) { _ in
                self.state.value.cluster.runHousekeeping()
            }
            let opened = cluster.brokers.map { listeners.open($0) }
            return EventLoopFuture.andAllSucceed(opened, on: self.eventLoop)
        }.get()
        try await self.withCluster { cluster in
            var addresses: [String: String] = [:]
            for listener in cluster.configuration.listeners {
                addresses[listener.name] = cluster.brokers
                    .map { "\(cluster.configuration.host):\($0.ports[listener.name] ?? 0)" }
                    .joined(separator: ",")
            }
            self.addresses.withLockedValue { $0 = addresses }
        }
    }

    /// Closes all listeners and connections; the cluster cannot be started again.
    package func stop() async {
        try? await self.eventLoop.flatSubmit {
            self.state.value.housekeeping?.cancel()
            let cluster = self.state.value.cluster
            let listeners = self.state.value.listeners
            let closed = cluster.brokers.map { listeners.close($0) }
            for connection in cluster.connections.values {
                connection.close()
            }
            return EventLoopFuture.andAllComplete(closed, on: self.eventLoop)
        }.get()
        try? await self.ownGroup?.shutdownGracefully()
    }

    /// `host:port` of every broker's first listener, for `bootstrap.servers`.
    package var bootstrapServers: String {
        self.bootstrapServers(listener: self.configuration.listeners.first?.name ?? "")
    }

    package func bootstrapServers(listener name: String) -> String {
        self.addresses.withLockedValue { $0[name] } ?? ""
    }

    /// Names other ports to clients than those that are bound, in broker order: those of proxies in front.
    package func advertise(ports: [Int], listener name: String? = nil) async throws {
        let name = name ?? self.configuration.listeners.first?.name ?? ""
        try await self.withCluster { cluster in
            for (broker, port) in zip(cluster.brokers, ports) {
                broker.advertisedPorts[name] = port
            }
        }
    }

    /// Runs `body` with the cluster's state on its loop.
    package func withCluster<Result: Sendable>(
        _ body: @escaping @Sendable (Cluster) throws -> Result
    ) async throws -> Result {
        try await self.eventLoop.submit { try body(self.state.value.cluster) }.get()
    }

    /// Stops or restarts one broker: its listeners, its connections, its leaderships.
    package func setBroker(_ id: Int32, isUp: Bool) async throws {
        try await self.eventLoop.flatSubmit {
            let cluster = self.state.value.cluster
            let listeners = self.state.value.listeners
            guard let broker = cluster.broker(id), broker.isUp != isUp else {
                return self.eventLoop.makeSucceededVoidFuture()
            }
            cluster.setUp(broker, isUp)
            guard !isUp else { return listeners.open(broker) }
            for connection in cluster.connections.values where connection.broker === broker {
                connection.close()
            }
            return listeners.close(broker)
        }.get()
    }
}
