/// Names a request that a coordinator answers later.
///
/// State machines never see a connection: whoever feeds them an event chooses a ticket, and finds the same
/// ticket on the reply when its time has come.
struct RequestTicket: Hashable, Sendable {
    let number: UInt64
}
