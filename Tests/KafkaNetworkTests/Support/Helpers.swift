import KafkaNetwork
import Logging
import NIOCore
import NIOPosix
import Testing

/// A logger that writes nothing.
let silentLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

extension KafkaConnection {
    /// Connects with short limits for tests.
    static func connect(
        to address: BrokerAddress,
        _ configuration: ClientConfiguration = .test(),
        purpose: ConnectionPurpose = .control
    ) async throws(KafkaConnectionError) -> KafkaConnection {
        try await connect(
            to: address,
            configuration: configuration,
            on: NIOSingletons.posixEventLoopGroup.next(),
            purpose: purpose,
            logger: silentLogger
        )
    }
}

extension ClientConfiguration {
    static func test(_ change: (inout ClientConfiguration) -> Void = { _ in }) -> ClientConfiguration {
        var configuration = ClientConfiguration(clusterName: "A")
        configuration.clientID = "tester"
        configuration.requestTimeout = .seconds(10)
        change(&configuration)
        return configuration
    }
}

/// The error of a connection that must not come about.
func connectionError(
    to address: BrokerAddress,
    _ configuration: ClientConfiguration = .test()
) async -> KafkaConnectionError? {
    do throws(KafkaConnectionError) {
        let connection = try await KafkaConnection.connect(to: address, configuration)
        await connection.close()
        return nil
    } catch {
        return error
    }
}

/// Waits until `condition` holds, at most ten seconds.
func eventually(_ condition: () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(45)
    while ContinuousClock.now < end {
        if condition() { return true }
        try? await NIOSingletons.posixEventLoopGroup.next().scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
    }
    return condition()
}
