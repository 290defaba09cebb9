import KafkaProtocol
import NIOCore

/// One Fetch on its way to an answer: what it asks for, and the attempts to fill it.
final class FetchRound {
    struct Failure: Error {
        let code: ErrorCode
    }

    private let request: FetchRequest
    private let context: RequestContext
    private let session: FetchSession?
    /// The session is new or there is none: the answer lists every partition.
    private let isFull: Bool
    private let wanted: [FetchSessionPartition]
    /// The partitions read, for parking.
    let partitions: [Partition]
    /// The bytes that the last attempt found.
    private(set) var lastBytes = 0

    private var cluster: Cluster { self.context.cluster }

    init(_ request: FetchRequest, _ context: RequestContext) throws(Failure) {
        self.request = request
        self.context = context
        let usesTopicIDs = context.version >= 13
        var given: [FetchSessionPartition] = []
        for topic in request.topics {
            for partition in topic.partitions {
                let key = FetchKey(topic: topic.topic, topicID: topic.topicID, partition: partition.partition)
                given.append(FetchSessionPartition(key: key, request: partition))
            }
        }
        switch request.sessionEpoch {
        case ...0:
            if request.sessionID != 0 { context.broker.fetchSessions.remove(request.sessionID) }
            self.isFull = true
            self.wanted = given
            if request.sessionEpoch == 0, !given.isEmpty {
                let session = context.broker.fetchSessions.make(usesTopicIDs: usesTopicIDs)
                for partition in given { session.update(partition.key, partition.request) }
                self.session = session
            } else {
                self.session = nil
            }
        default:
            guard let session = context.broker.fetchSessions[request.sessionID] else {
                throw Failure(code: .fetchSessionIDNotFound)
            }
            guard session.epoch == request.sessionEpoch else { throw Failure(code: .invalidFetchSessionEpoch) }
            guard session.usesTopicIDs == usesTopicIDs else { throw Failure(code: .fetchSessionTopicIDError) }
            session.epoch = session.epoch == .max ? 1 : session.epoch + 1
            for partition in given { session.update(partition.key, partition.request) }
            session.forget(
                Set(
                    request.forgottenTopicsData.flatMap { topic in
                        topic.partitions.map { FetchKey(topic: topic.topic, topicID: topic.topicID, partition: $0) }
                    }
                )
            )
            self.isFull = false
            self.session = session
            self.wanted = session.order.compactMap { session.partitions[$0] }
        }
        self.partitions = self.wanted.compactMap { wanted in
            Self.topic(wanted.key, context)?.partition(wanted.key.partition)
        }
    }

    // MARK: - Attempts

    /// Answers if there is enough to say.
    ///
    /// - Returns: whether the fetch is answered.
    func answer(_ reply: Reply<FetchResponse>, isLast: Bool) -> Bool {
        var results: [(FetchSessionPartition, FetchResponse.PartitionData)] = []
        results.reserveCapacity(self.wanted.count)
        var bytesLeft = Int(min(self.request.maxBytes, 55 << 20))
        var bytes = 0
        var mustAnswer = self.wanted.isEmpty
        for wanted in self.wanted {
            let result = self.read(wanted, maxBytes: bytesLeft, needsOne: bytes == 0)
            let count = result.records?.byteCount ?? 0
            bytes += count
            bytesLeft = max(0, bytesLeft - count)
            if result.errorCode != .none || result.divergingEpoch.epoch >= 0 || result.preferredReadReplica >= 0 {
                mustAnswer = true
            }
            results.append((wanted, result))
        }
        self.lastBytes = bytes
        guard isLast || mustAnswer || bytes >= Int(self.request.minBytes) else { return false }
        reply(self.response(results, bytes: bytes))
        return true
    }

    private func response(
        _ results: [(FetchSessionPartition, FetchResponse.PartitionData)],
        bytes: Int
    ) -> FetchResponse {
        let injected = self.cluster.faults.takePartitionErrors(
            api: .fetch,
            broker: self.context.broker.id,
            topics: { results.compactMap { Self.topic($0.0.key, self.context)?.name } }
        )
        var response = FetchResponse()
        response.sessionID = self.session?.id ?? 0
        var positions: [FetchKey: Int] = [:]
        var withData: Set<FetchKey> = []
        for (wanted, data) in results {
            var data = data
            if !injected.isEmpty, let name = Self.topic(wanted.key, self.context)?.name, let error = injected[name] {
                data = Self.failure(wanted.key.partition, error)
            }
            let hasData = data.records?.byteCount ?? 0 > 0
            let isNews =
                hasData || data.errorCode != .none || data.highWatermark != wanted.highWatermark
                || data.logStartOffset != wanted.logStartOffset || data.divergingEpoch.epoch >= 0
                || data.preferredReadReplica >= 0
            guard self.isFull || isNews else { continue }
            if hasData { withData.insert(wanted.key) }
            // After an error the partition is news again whatever the offsets are.
            let failed = data.errorCode != .none
            self.session?.answered(
                wanted.key,
                highWatermark: failed ? -1 : data.highWatermark,
                logStartOffset: failed ? -1 : data.logStartOffset
            )
            let topic = FetchKey(topic: wanted.key.topic, topicID: wanted.key.topicID, partition: 0)
            if let position = positions[topic] {
                response.responses[position].partitions.append(data)
            } else {
                positions[topic] = response.responses.count
                response.responses.append(
                    .with {
                        $0.topic = topic.topic
                        $0.topicID = topic.topicID
                        $0.partitions = [data]
                    }
                )
            }
        }
        self.session?.moveToEnd(withData)
        response.nodeEndpoints = self.endpoints(of: response)
        response.throttleTimeMs = max(
            self.cluster.faults.throttleTimeMs,
            self.cluster.quotas.fetched(
                bytes,
                principal: self.context.principal,
                clientID: self.context.clientID,
                now: self.context.now
            )
        )
        return response
    }

    private func endpoints(of response: FetchResponse) -> [FetchResponse.NodeEndpoint] {
        guard self.context.version >= 16 else { return [] }
        var leaders: Set<Int32> = []
        for topic in response.responses {
            for partition in topic.partitions where partition.errorCode != .none {
                leaders.insert(partition.currentLeader.leaderID)
            }
        }
        return self.context.endpoints(leaders).map { endpoint in
            .with {
                $0.nodeID = endpoint.id
                $0.host = endpoint.host
                $0.port = endpoint.port
                $0.rack = endpoint.rack
            }
        }
    }

    // MARK: - One partition

    private func read(
        _ wanted: FetchSessionPartition,
        maxBytes: Int,
        needsOne: Bool
    ) -> FetchResponse.PartitionData {
        let asked = wanted.request
        guard let topic = Self.topic(wanted.key, self.context) else {
            return Self.failure(
                asked.partition,
                self.context.version >= 13 ? .unknownTopicID : .unknownTopicOrPartition
            )
        }
        guard self.context.allows(.read, .topic, topic.name) else {
            return Self.failure(asked.partition, .topicAuthorizationFailed)
        }
        guard let partition = topic.partition(asked.partition) else {
            return Self.failure(asked.partition, .unknownTopicOrPartition)
        }
        if let failure = self.checkLeader(partition, asked) { return failure }

        let log = partition.log
        var data = FetchResponse.PartitionData()
        data.partitionIndex = asked.partition
        data.highWatermark = log.highWatermark
        data.lastStableOffset = log.lastStableOffset
        data.logStartOffset = log.startOffset
        data.records = RecordData(ByteBuffer())
        let isCommitted = self.request.isolationLevel == 1
        data.abortedTransactions = isCommitted ? [] : nil

        if asked.lastFetchedEpoch >= 0 {
            let end = log.leaderEpochs.end(of: asked.lastFetchedEpoch, logEnd: log.endOffset)
            guard end.epoch >= 0 else { return Self.failure(asked.partition, .offsetOutOfRange) }
            if end.epoch < asked.lastFetchedEpoch || end.offset < asked.fetchOffset {
                data.divergingEpoch.epoch = end.epoch
                data.divergingEpoch.endOffset = end.offset
                return data
            }
        }
        if let replica = self.preferredReplica(partition) {
            data.preferredReadReplica = replica
            return data
        }
        do {
            let limit = min(maxBytes, Int(asked.partitionMaxBytes))
            let slice =
                isCommitted
                ? try log.readCommitted(from: asked.fetchOffset, maxBytes: limit, needsOne: needsOne)
                : try log.read(
                    from: asked.fetchOffset,
                    limit: log.highWatermark,
                    maxBytes: limit,
                    needsOne: needsOne
                )
            if slice.bytes > 0 { data.records = RecordData(parts: slice.parts) }
            if isCommitted {
                data.abortedTransactions = slice.aborted.map { aborted in
                    .with {
                        $0.producerID = aborted.producerID
                        $0.firstOffset = aborted.firstOffset
                    }
                }
            }
            return data
        } catch {
            return Self.failure(asked.partition, .offsetOutOfRange)
        }
    }

    private func checkLeader(
        _ partition: Partition,
        _ asked: FetchRequest.FetchPartition
    ) -> FetchResponse.PartitionData? {
        let isLeader = partition.leader == self.context.broker.id
        let isFollower = self.context.version >= 11 && partition.isr.contains(self.context.broker.id)
        var error = ErrorCode.none
        if asked.currentLeaderEpoch >= 0, asked.currentLeaderEpoch != partition.leaderEpoch {
            error = asked.currentLeaderEpoch < partition.leaderEpoch ? .fencedLeaderEpoch : .unknownLeaderEpoch
        } else if !isLeader, !(isFollower && self.cluster.servesFromFollowers) {
            error = .notLeaderOrFollower
        }
        guard error != .none else { return nil }
        var failure = Self.failure(asked.partition, error)
        if error != .unknownLeaderEpoch, self.context.version >= 12 {
            failure.currentLeader.leaderID = partition.leader
            failure.currentLeader.leaderEpoch = partition.leaderEpoch
        }
        return failure
    }

    /// A follower in the client's rack, when the leader is elsewhere (KIP-392).
    private func preferredReplica(_ partition: Partition) -> Int32? {
        guard
            self.cluster.servesFromFollowers, self.context.version >= 11, !self.request.rackID.isEmpty,
            partition.leader == self.context.broker.id, self.context.broker.rack != self.request.rackID.string
        else { return nil }
        return partition.isr.first { id in
            guard let broker = self.cluster.broker(id) else { return false }
            return broker.isUp && broker.rack == self.request.rackID.string
        }
    }

    private static func topic(_ key: FetchKey, _ context: RequestContext) -> Topic? {
        context.version >= 13 ? context.cluster.topic(key.topicID) : context.cluster.topics[key.topic]
    }

    static func failure(_ partition: Int32, _ error: ErrorCode) -> FetchResponse.PartitionData {
        .with {
            $0.partitionIndex = partition
            $0.errorCode = error
            $0.highWatermark = -1
            $0.records = RecordData(ByteBuffer())
            if error == .offsetOutOfRange { $0.abortedTransactions = nil }
        }
    }
}
