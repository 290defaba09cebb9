package import KafkaProtocol

/// How many requests of each API a cluster has seen, and their sizes.
package struct RequestCounters: Sendable {
    package struct Counts: Sendable, Hashable {
        package var requests = 0
        package var requestBytes = 0
        package var responseBytes = 0
    }

    package private(set) var byAPI: [ApiKey: Counts] = [:]

    package subscript(_ api: ApiKey) -> Counts { self.byAPI[api] ?? Counts() }

    mutating func received(_ api: ApiKey, bytes: Int) {
        self.byAPI[api, default: Counts()].requests += 1
        self.byAPI[api, default: Counts()].requestBytes += bytes
    }

    mutating func sent(_ api: ApiKey, bytes: Int) {
        self.byAPI[api, default: Counts()].responseBytes += bytes
    }
}
