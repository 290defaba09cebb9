import KafkaProtocol

/// An answer that became due, to a request that may have arrived long before.
enum GroupReply: Equatable, Sendable {
    case join(RequestTicket, JoinGroupResponse)
    case sync(RequestTicket, SyncGroupResponse)

    var ticket: RequestTicket {
        switch self {
        case .join(let ticket, _), .sync(let ticket, _): ticket
        }
    }
}
