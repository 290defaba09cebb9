import KafkaProtocol
import KafkaRecords
import NIOCore

/// Answers to Fetch requests.
extension ModelCluster {
    /// What a session makes of a request: what to read, or an error.
    enum Admission {
        case read(session: Int32, isIncremental: Bool, [SessionKey: FetchRequest.FetchPartition])
        case refused(ErrorCode)
    }

    mutating func admit(_ request: FetchRequest, version: Int16, node: Int32) -> Admission {
        let usesIDs = version >= 13
        func key(_ topic: TopicName, _ id: KafkaUUID, _ index: Int32) -> SessionKey {
            usesIDs ? SessionKey(topic: "", id: id, index: index) : SessionKey(topic: topic, id: .zero, index: index)
        }
        var session: Session
        let isIncremental = request.sessionEpoch > 0
        if isIncremental {
            guard let known = sessions[node]?[request.sessionID] else { return .refused(.fetchSessionIDNotFound) }
            guard known.epoch == request.sessionEpoch else { return .refused(.invalidFetchSessionEpoch) }
            guard known.usesIDs == usesIDs else { return .refused(.fetchSessionTopicIDError) }
            session = known
            session.epoch += 1
            for topic in request.forgottenTopicsData {
                for index in topic.partitions { session.partitions[key(topic.topic, topic.topicID, index)] = nil }
            }
        } else {
            sessions[node]?[request.sessionID] = nil
            session = Session(id: nextSession, epoch: 1, usesIDs: usesIDs)
            nextSession += 1
        }
        for topic in request.topics {
            for partition in topic.partitions {
                session.partitions[key(topic.topic, topic.topicID, partition.partition)] = partition
            }
        }
        guard request.sessionEpoch >= 0 else { return .read(session: 0, isIncremental: false, session.partitions) }
        sessions[node, default: [:]][session.id] = session
        return .read(session: session.id, isIncremental: isIncremental, session.partitions)
    }

    func read(
        _ wanted: [SessionKey: FetchRequest.FetchPartition],
        _ request: FetchRequest,
        version: Int16,
        node: Int32,
        isIncremental: Bool,
        namesLeaders: Bool,
        fault: (TopicPartition) -> ErrorCode?
    ) -> FetchResponse {
        var response = FetchResponse()
        var room = Int(request.maxBytes)
        for (key, asked) in wanted.sorted(by: { $0.key < $1.key }) {
            var topic = FetchResponse.FetchableTopicResponse()
            var answer: FetchResponse.PartitionData
            if version >= 13 {
                topic.topicID = key.id
                if let name = name(of: key.id) {
                    let partition = TopicPartition(topic: name, partition: key.index)
                    answer = read(partition, asked, request, version, node, namesLeaders, fault(partition), &room)
                } else {
                    answer = Self.refusal(.unknownTopicID)
                }
            } else {
                topic.topic = key.topic
                let partition = TopicPartition(topic: key.topic, partition: key.index)
                answer = read(partition, asked, request, version, node, namesLeaders, fault(partition), &room)
            }
            answer.partitionIndex = key.index
            if isIncremental, answer.errorCode == .none, (answer.records?.byteCount ?? 0) == 0,
                answer.divergingEpoch.endOffset < 0
            {
                continue
            }
            topic.partitions = [answer]
            response.responses.append(topic)
        }
        return response
    }

    private static func refusal(_ code: ErrorCode) -> FetchResponse.PartitionData {
        var answer = FetchResponse.PartitionData()
        answer.errorCode = code
        answer.highWatermark = -1
        return answer
    }

    private func read(
        _ partition: TopicPartition,
        _ asked: FetchRequest.FetchPartition,
        _ request: FetchRequest,
        _ version: Int16,
        _ node: Int32,
        _ namesLeaders: Bool,
        _ fault: ErrorCode?,
        _ room: inout Int
    ) -> FetchResponse.PartitionData {
        if let fault { return Self.refusal(fault) }
        guard let log = self[partition] else { return Self.refusal(.unknownTopicOrPartition) }
        func refuse(_ code: ErrorCode) -> FetchResponse.PartitionData {
            var answer = Self.refusal(code)
            if namesLeaders, version >= 12 {
                answer.currentLeader.leaderID = log.leader
                answer.currentLeader.leaderEpoch = log.epoch
            }
            return answer
        }
        guard log.leader == node else { return refuse(.notLeaderOrFollower) }
        if asked.currentLeaderEpoch >= 0 {
            if asked.currentLeaderEpoch < log.epoch { return refuse(.fencedLeaderEpoch) }
            if asked.currentLeaderEpoch > log.epoch { return refuse(.unknownLeaderEpoch) }
        }
        let readable = request.isolationLevel == 1 ? log.lastStable : log.end
        if version >= 12, asked.lastFetchedEpoch >= 0 {
            guard let found = log.endOffset(ofEpoch: asked.lastFetchedEpoch) else {
                return refuse(.offsetOutOfRange)
            }
            if found.epoch < asked.lastFetchedEpoch || found.end < asked.fetchOffset {
                var answer = FetchResponse.PartitionData()
                answer.highWatermark = log.end
                answer.divergingEpoch.epoch = found.epoch
                answer.divergingEpoch.endOffset = found.end
                return answer
            }
        }
        guard asked.fetchOffset >= log.start, asked.fetchOffset <= log.end else { return refuse(.offsetOutOfRange) }
        return self.data(log, asked, request, readable, &room)
    }

    private func data(
        _ log: ModelLog,
        _ asked: FetchRequest.FetchPartition,
        _ request: FetchRequest,
        _ readable: Int64,
        _ room: inout Int
    ) -> FetchResponse.PartitionData {
        var answer = FetchResponse.PartitionData()
        answer.highWatermark = log.end
        answer.lastStableOffset = log.lastStable
        answer.logStartOffset = log.start
        answer.records = RecordData(ByteBuffer())
        guard room > 0, let first = log.firstBatch(from: asked.fetchOffset) else { return answer }
        var bytes = ByteBuffer()
        var last = asked.fetchOffset
        for batch in log.batches[first...] {
            guard batch.next <= readable else { break }
            let limit = min(Int(asked.partitionMaxBytes), room)
            if bytes.readableBytes > 0, bytes.readableBytes + batch.bytes.readableBytes > limit {
                // As a broker does it: the last batch is cut off.
                let part = min(max(limit - bytes.readableBytes, 0), batch.bytes.readableBytes)
                if let part = batch.bytes.getSlice(at: batch.bytes.readerIndex, length: part) {
                    bytes.writeImmutableBuffer(part)
                }
                break
            }
            bytes.writeImmutableBuffer(batch.bytes)
            last = batch.next
        }
        room -= bytes.readableBytes
        answer.records = RecordData(bytes)
        if request.isolationLevel == 1 {
            answer.abortedTransactions = log.aborted.filter { $0.marker >= asked.fetchOffset && $0.first < last }
                .map {
                    var aborted = FetchResponse.AbortedTransaction()
                    aborted.producerID = $0.producerID
                    aborted.firstOffset = $0.first
                    return aborted
                }
        }
        return answer
    }
}
