import KafkaClient
import KafkaProtocol
import Testing

@Suite("Fetch sessions")
struct FetchSessionStateTests {
    static let id = KafkaUUID(high: 1, low: 2)

    private func partition(_ index: Int32, offset: Int64, topic: TopicName = "t") -> FetchSessionState.Partition {
        FetchSessionState.Partition(topic: topic, topicID: Self.id, index: index, fetchOffset: offset)
    }

    private func indices(_ plan: FetchSessionState.Plan?) -> [Int32] {
        (plan?.topics.flatMap { $0.partitions.map(\.partition) } ?? []).sorted()
    }

    @Test("the first request is full, later ones name only what changed")
    func incremental() {
        var session = FetchSessionState()
        session.want(0, partition(0, offset: 5))
        session.want(1, partition(1, offset: 7))
        let first = session.nextRequest(topicIDs: true)
        #expect(first?.sessionID == 0 && first?.sessionEpoch == 0 && first?.isFull == true)
        #expect(indices(first) == [0, 1])
        #expect(session.answered(error: .none, sessionID: 77) == .accepted)

        let idle = session.nextRequest(topicIDs: true)
        #expect(idle?.sessionID == 77 && idle?.sessionEpoch == 1 && idle?.isFull == false)
        #expect(indices(idle) == [] && idle?.forgotten.isEmpty == true)
        #expect(session.answered(error: .none, sessionID: 77) == .accepted)

        session.want(1, partition(1, offset: 9))
        session.want(2, partition(2, offset: 0))
        session.forget(0)
        let changed = session.nextRequest(topicIDs: true)
        #expect(changed?.sessionEpoch == 2)
        #expect(indices(changed) == [1, 2])
        #expect(changed?.forgotten.map(\.partitions) == [[0]])
    }

    @Test("a partition that leaves and comes back between two requests is not named twice")
    func leaveAndReturn() {
        var session = FetchSessionState()
        session.want(0, partition(0, offset: 5))
        _ = session.nextRequest(topicIDs: true)
        _ = session.answered(error: .none, sessionID: 1)
        session.forget(0)
        session.want(0, partition(0, offset: 5))
        let plan = session.nextRequest(topicIDs: true)
        #expect(indices(plan) == [] && plan?.forgotten.isEmpty == true)
    }

    @Test("another topic id under the same name forgets the old one")
    func recreated() {
        var session = FetchSessionState()
        session.want(0, partition(0, offset: 5))
        _ = session.nextRequest(topicIDs: true)
        _ = session.answered(error: .none, sessionID: 1)
        var other = partition(0, offset: 0)
        other.topicID = KafkaUUID(high: 9, low: 9)
        session.want(0, other)
        let plan = session.nextRequest(topicIDs: true)
        #expect(plan?.forgotten.map(\.topicID) == [Self.id])
        #expect(plan?.topics.map(\.topicID) == [other.topicID])
    }

    @Test("a broker without sessions gets full requests that begin elsewhere each time")
    func sessionless() {
        var session = FetchSessionState()
        for slot in 0..<3 { session.want(slot, partition(Int32(slot), offset: 0)) }
        var firsts: Set<Int32> = []
        for _ in 0..<3 {
            let plan = session.nextRequest(topicIDs: false)
            #expect(plan?.sessionID == 0 && plan?.sessionEpoch == 0 && indices(plan) == [0, 1, 2])
            firsts.insert(plan?.topics.first?.partitions.first?.partition ?? -1)
            #expect(session.answered(error: .none, sessionID: 0) == .accepted)
        }
        #expect(firsts == [0, 1, 2])
    }

    @Test("a favoured partition comes first")
    func favoured() {
        var session = FetchSessionState()
        for slot in 0..<5 { session.want(slot, partition(Int32(slot), offset: 0)) }
        session.favour(3)
        let plan = session.nextRequest(topicIDs: false)
        #expect(plan?.topics.first?.partitions.first?.partition == 3)
    }

    @Test("a forgotten session begins again, a wrong epoch closes the old one on the way")
    func errors() {
        var session = FetchSessionState()
        session.want(0, partition(0, offset: 0))
        _ = session.nextRequest(topicIDs: true)
        _ = session.answered(error: .none, sessionID: 5)
        _ = session.nextRequest(topicIDs: true)
        #expect(session.answered(error: .fetchSessionIDNotFound, sessionID: 0) == .restarted)
        let fresh = session.nextRequest(topicIDs: true)
        #expect(fresh?.sessionID == 0 && fresh?.sessionEpoch == 0 && indices(fresh) == [0])
        _ = session.answered(error: .none, sessionID: 6)
        _ = session.nextRequest(topicIDs: true)
        #expect(session.answered(error: .invalidFetchSessionEpoch, sessionID: 0) == .restarted)
        let closing = session.nextRequest(topicIDs: true)
        #expect(closing?.sessionID == 6 && closing?.sessionEpoch == 0 && indices(closing) == [0])
        #expect(session.answered(error: .unknownServerError, sessionID: 0) == .failed(.unknownServerError))
    }

    @Test("changing between names and ids starts a new session")
    func namesAndIDs() {
        var session = FetchSessionState()
        session.want(0, partition(0, offset: 0))
        _ = session.nextRequest(topicIDs: true)
        _ = session.answered(error: .none, sessionID: 5)
        let plan = session.nextRequest(topicIDs: false)
        #expect(plan?.sessionID == 5 && plan?.sessionEpoch == 0 && indices(plan) == [0])
    }

    @Test("nothing wanted, nothing sent; what the broker still holds is forgotten with the next request")
    func emptyAndBack() {
        var session = FetchSessionState()
        session.want(0, partition(0, offset: 0))
        _ = session.nextRequest(topicIDs: true)
        _ = session.answered(error: .none, sessionID: 5)
        session.forget(0)
        #expect(session.nextRequest(topicIDs: true) == nil)
        session.want(1, partition(1, offset: 0))
        let plan = session.nextRequest(topicIDs: true)
        #expect(plan?.isFull == false && indices(plan) == [1] && plan?.forgotten.map(\.partitions) == [[0]])
    }
}
