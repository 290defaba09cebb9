import KafkaProtocol

/// The quotas that have been set.
struct QuotaTable: Sendable {
    /// One part of a DescribeClientQuotas filter.
    enum Match: Sendable {
        case exactly(QuotaEntity.Name)
        case anyNamed
    }

    private(set) var entries: [QuotaEntity: [String: Double]] = [:]

    /// Checks changes to one entity, and makes them unless they are only to be checked.
    mutating func alter(
        _ entity: QuotaEntity,
        _ changes: [(key: String, value: Double?)],
        validateOnly: Bool
    ) throws(QuotaFailure) {
        var quotas = self.entries[entity] ?? [:]
        for (key, value) in changes {
            guard entity.keys.contains(key) else { throw QuotaFailure("Invalid configuration key \(key)") }
            if let value {
                guard value > 0 else { throw QuotaFailure("Quota \(key) must be greater than 0") }
                if key != "request_percentage", key != "controller_mutation_rate", value != value.rounded() {
                    throw QuotaFailure("Configuration value for \(key) must be an integer")
                }
            }
            quotas[key] = value
        }
        guard !validateOnly else { return }
        self.entries[entity] = quotas.isEmpty ? nil : quotas
    }

    /// The entities that have all the wanted parts, with `strict` no others.
    func entries(
        matching filter: [QuotaEntity.Kind: Match],
        strict: Bool
    ) -> [(entity: QuotaEntity, quotas: [String: Double])] {
        self.entries.filter { entity, _ in
            if strict, entity.parts.count != filter.count { return false }
            return filter.allSatisfy { kind, match in
                guard let name = entity.parts[kind] else { return false }
                switch match {
                case .exactly(let wanted): return name == wanted
                case .anyNamed: return true
                }
            }
        }
        .map { ($0.key, $0.value) }
    }

    /// The quota that holds for a client, with the entity it was set for: the most specific one, as Kafka orders them.
    func quota(_ key: String, user: KafkaString, clientID: KafkaString) -> (entity: QuotaEntity, limit: Double)? {
        let users: [QuotaEntity.Name?] = [.named(user), .standard, nil]
        let clients: [QuotaEntity.Name?] = [.named(clientID), .standard, nil]
        for user in users {
            for client in clients where user != nil || client != nil {
                let entity = QuotaEntity(user: user, clientID: client)
                if let limit = self.entries[entity]?[key] { return (entity, limit) }
            }
        }
        return nil
    }
}
