public import KafkaProtocol

/// A quota's subject: one or more parts such as a user and a client id.
public struct QuotaEntity: Sendable, Hashable {
    /// Names by type (`user`, `client-id`, `ip`); nil stands for the default of the type.
    public var parts: [KafkaString: KafkaString?]

    public init(_ parts: [KafkaString: KafkaString?]) {
        self.parts = parts
    }
}

/// Chooses quotas by one part of their subject.
public struct QuotaFilter: Sendable, Hashable {
    public enum Match: Sendable, Hashable {
        case exactly(KafkaString)
        case defaultEntity
        case any
    }

    public var entityType: KafkaString
    public var match: Match

    public init(_ entityType: KafkaString, _ match: Match) {
        self.entityType = entityType
        self.match = match
    }
}

extension KafkaClient {
    /// Reads client quotas (Kafka 2.6 and later).
    ///
    /// - Parameter strict: Only subjects that have no other parts than those of the filters.
    public func describeClientQuotas(
        _ filters: [QuotaFilter],
        strict: Bool = false,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [QuotaEntity: [KafkaString: Double]] {
        let response = try await call(
            DescribeClientQuotasRequest.self,
            .anyBroker,
            deadline: self.deadline(deadline),
            errorCode: { $0.errorCode },
            build: { _ in
                var request = DescribeClientQuotasRequest()
                request.strict = strict
                request.components = filters.map { filter in
                    var component = DescribeClientQuotasRequest.ComponentData()
                    component.entityType = filter.entityType
                    switch filter.match {
                    case .exactly(let name):
                        component.matchType = 0
                        component.match = name
                    case .defaultEntity:
                        component.matchType = 1
                        component.match = nil
                    case .any:
                        component.matchType = 2
                        component.match = nil
                    }
                    return component
                }
                return request
            }
        )
        guard response.errorCode == .none else {
            throw refused(response.errorCode, "The quotas cannot be read", detail: response.errorMessage)
        }
        var result: [QuotaEntity: [KafkaString: Double]] = [:]
        for entry in response.entries ?? [] {
            var parts: [KafkaString: KafkaString?] = [:]
            for part in entry.entity { parts.updateValue(part.entityName, forKey: part.entityType) }
            for value in entry.values { result[QuotaEntity(parts), default: [:]][value.key] = value.value }
        }
        return result
    }

    /// Changes client quotas; a nil value removes a quota.
    public func alterClientQuotas(
        _ changes: [QuotaEntity: [KafkaString: Double?]],
        validateOnly: Bool = false,
        deadline: Deadline? = nil
    ) async -> [QuotaEntity: Result<Void, KafkaClientError>] {
        let deadline = self.deadline(deadline)
        return await fanOut(
            AlterClientQuotasRequest.self,
            keys: Array(changes.keys),
            deadline: deadline,
            locate: { await locateAll($0, .controller, deadline: deadline) },
            recover: { _, code in act(on: code.recovery, code: code, route: .controller) },
            build: { entities, _ throws(KafkaClientError) in
                var request = AlterClientQuotasRequest()
                request.validateOnly = validateOnly
                request.entries = entities.map { entity in
                    var entry = AlterClientQuotasRequest.EntryData()
                    entry.entity = entity.parts.map { type, name in
                        var part = AlterClientQuotasRequest.EntityData()
                        part.entityType = type
                        part.entityName = name
                        return part
                    }
                    entry.ops = (changes[entity] ?? [:]).map { key, value in
                        var operation = AlterClientQuotasRequest.OpData()
                        operation.key = key
                        operation.value = value ?? 0
                        operation.remove = value == nil
                        return operation
                    }
                    return entry
                }
                return request
            },
            parse: { response, entities in
                response.entries.compactMap { entry in
                    var parts: [KafkaString: KafkaString?] = [:]
                    for part in entry.entity { parts.updateValue(part.entityName, forKey: part.entityType) }
                    let entity = QuotaEntity(parts)
                    guard entities.contains(entity) else { return nil }
                    guard entry.errorCode == .none else {
                        return (entity, .failure(ItemFailure(entry.errorCode, entry.errorMessage)))
                    }
                    return (entity, .success(()))
                }
            },
            describe: { _, failure in refused(failure.code, "The quota cannot be changed", detail: failure.message) }
        )
    }
}
