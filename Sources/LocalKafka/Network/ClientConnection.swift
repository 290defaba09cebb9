import KafkaProtocol

/// One client's connection to one broker, as handlers see it.
package final class ClientConnection {
    package let id: Int
    package let broker: Broker
    package let listener: LocalCluster.Listener
    package let remoteHost: String
    /// Kafka's form: `User:alice`, `User:ANONYMOUS`, or `User:` with a certificate's distinguished name.
    package internal(set) var principal = "User:ANONYMOUS"
    /// What the client said about itself in ApiVersions.
    package internal(set) var softwareName = ""
    package internal(set) var softwareVersion = ""
    var authentication: SASLSession
    /// Ends the connection.
    var close: () -> Void = {}

    init(id: Int, broker: Broker, listener: LocalCluster.Listener, remoteHost: String) {
        self.id = id
        self.broker = broker
        self.listener = listener
        self.remoteHost = remoteHost
        self.authentication = SASLSession(required: listener.security.usesSASL)
    }
}
