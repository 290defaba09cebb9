import KafkaProtocol

/// Client quotas and the throttle times that follow from them.
package final class QuotaService {
    var table = QuotaTable()
    private var meters: [Meter: QuotaMeter] = [:]

    private struct Meter: Hashable {
        var key: String
        var user: KafkaString
        var clientID: KafkaString
    }

    init() {}

    /// Counts `bytes` produced and returns for how many milliseconds the client shall be held back.
    package func produced(_ bytes: Int, principal: String, clientID: String?, now: Int64) -> Int32 {
        self.record(bytes, "producer_byte_rate", principal, clientID, now)
    }

    /// Counts `bytes` fetched and returns for how many milliseconds the client shall be held back.
    package func fetched(_ bytes: Int, principal: String, clientID: String?, now: Int64) -> Int32 {
        self.record(bytes, "consumer_byte_rate", principal, clientID, now)
    }

    private func record(_ bytes: Int, _ key: String, _ principal: String, _ clientID: String?, _ now: Int64) -> Int32 {
        guard !self.table.entries.isEmpty else { return 0 }
        let user = KafkaString(principal.split(separator: ":", maxSplits: 1).last.map(String.init) ?? principal)
        let clientID = KafkaString(clientID ?? "")
        guard let (entity, limit) = self.table.quota(key, user: user, clientID: clientID) else { return 0 }
        // Clients share a meter as far as the quota does not tell them apart.
        let meter = Meter(
            key: key,
            user: entity.parts[.user] == nil ? "" : user,
            clientID: entity.parts[.clientID] == nil ? "" : clientID
        )
        return self.meters[meter, default: QuotaMeter()].record(Double(bytes), limit: limit, now: now)
    }
}
