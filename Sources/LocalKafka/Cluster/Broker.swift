import KafkaProtocol

/// One broker of the cluster: its listeners and what belongs to it alone.
package final class Broker {
    package let id: Int32
    package let rack: String?
    package internal(set) var isUp = true
    /// The port of each listener, by listener name; kept while the broker is down.
    package internal(set) var ports: [String: Int] = [:]
    /// Dynamic configs of this broker alone.
    package var configs: [String: String] = [:]
    var fetchSessions = FetchSessionCache()

    init(id: Int32, rack: String?) {
        self.id = id
        self.rack = rack
    }
}
