import KafkaProtocol

/// Whom a quota is for: a user, a client id, both, or an address; each by name or as the default for the rest.
struct QuotaEntity: Hashable, Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case user
        case clientID = "client-id"
        case ip

        /// The quotas that can be set for this kind.
        var keys: Set<String> {
            switch self {
            case .user, .clientID:
                ["producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"]
            case .ip: ["connection_creation_rate"]
            }
        }
    }

    enum Name: Hashable, Sendable {
        case named(KafkaString)
        case standard

        init(_ name: KafkaString?) { self = name.map { .named($0) } ?? .standard }

        /// Null on the wire stands for the default.
        var wire: KafkaString? {
            if case .named(let name) = self { name } else { nil }
        }
    }

    private(set) var parts: [Kind: Name] = [:]

    /// Reads the parts of a request; throws what is wrong with them.
    init(_ parts: [(type: KafkaString, name: KafkaString?)]) throws(QuotaFailure) {
        guard !parts.isEmpty else { throw QuotaFailure("Invalid empty client quota entity") }
        for (type, name) in parts {
            guard let kind = Kind(rawValue: type.string) else {
                throw QuotaFailure("Unhandled client quota entity type: \(type)")
            }
            guard self.parts[kind] == nil else { throw QuotaFailure("Invalid client quota entity: duplicate \(type)") }
            guard name?.isEmpty != true else { throw QuotaFailure("Empty \(type) not supported") }
            self.parts[kind] = Name(name)
        }
        if self.parts[.ip] != nil, self.parts.count > 1 {
            throw QuotaFailure(
                "Invalid quota entity combination, IP entity should not be combined with User or ClientId"
            )
        }
    }

    init(user: Name? = nil, clientID: Name? = nil) {
        self.parts[.user] = user
        self.parts[.clientID] = clientID
    }

    /// The quotas that can be set for the entity.
    var keys: Set<String> { self.parts.keys.reduce(into: []) { $0.formUnion($1.keys) } }
}

/// Why a request about quotas is refused, always as INVALID_REQUEST.
struct QuotaFailure: Error, Equatable {
    var message: KafkaString

    init(_ message: String) { self.message = KafkaString(message) }
}
