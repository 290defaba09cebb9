import KafkaProtocol

/// A group of either protocol.
enum Group: Sendable {
    case classic(ClassicGroup)
    case consumer(ConsumerGroup)

    var id: GroupID {
        switch self {
        case .classic(let group): group.id
        case .consumer(let group): group.id
        }
    }

    var isEmpty: Bool {
        switch self {
        case .classic(let group): group.state == .empty
        case .consumer(let group): group.members.isEmpty
        }
    }

    var stateName: String {
        switch self {
        case .classic(let group): group.state.rawValue
        case .consumer(let group): group.state.rawValue
        }
    }

    /// The value of `group.protocol` that such a group belongs to.
    var typeName: String {
        switch self {
        case .classic: "classic"
        case .consumer: "consumer"
        }
    }

    var protocolType: KafkaString {
        switch self {
        case .classic(let group): group.protocolType ?? ""
        case .consumer: "consumer"
        }
    }

    var nextDeadline: Int64? {
        switch self {
        case .classic(let group): group.nextDeadline
        case .consumer(let group): group.nextDeadline
        }
    }

    func isSubscribed(to topic: TopicName) -> Bool {
        switch self {
        case .classic(let group): group.isSubscribed(to: topic)
        case .consumer(let group): group.isSubscribed(to: topic)
        }
    }
}
