import KafkaProtocol

/// One broker of the cluster: its listeners and what belongs to it alone.
package final class Broker {
    package let id: Int32
    package let rack: String?
    package internal(set) var isUp = true
    /// The port of each listener, by listener name; kept while the broker is down.
    package internal(set) var ports: [String: Int] = [:]
    /// Ports to name to clients in place of the bound ones, by listener name.
    package internal(set) var advertisedPorts: [String: Int] = [:]
    /// Dynamic configs of this broker alone.
    package var configs: [String: String] = [:]
    var fetchSessions = FetchSessionCache()

    init(id: Int32, rack: String?) {
        self.id = id
        self.rack = rack
    }

    /// The port that clients of a listener are told; `nil` before the broker has started.
    func advertisedPort(_ listener: String) -> Int? {
        self.advertisedPorts[listener] ?? self.ports[listener]
    }
}
