import KafkaProtocol
import KafkaRecords
import NIOCore

extension BrokerConnection {
    // MARK: - Produce

    func produce(_ frame: ByteBuffer, _ header: Header) throws {
        let request = try decode(ProduceRequest.self, frame, header)
        var response = ProduceResponse()
        response.responses.reserveCapacity(request.topicData.count)
        for topic in request.topicData {
            var result = ProduceResponse.TopicProduceResponse()
            result.name = topic.name
            result.partitionResponses.reserveCapacity(topic.partitionData.count)
            for data in topic.partitionData {
                result.partitionResponses.append(append(data, to: topic.name))
            }
            response.responses.append(result)
        }
        let answer = response
        if request.acks == 0 {
            done()
        } else if broker.heldAnswers == nil {
            try reply(ProduceRequest.self, answer, header)
        } else {
            broker.heldAnswers?.append {
                guard self.isConnected else { return }
                do { try self.reply(ProduceRequest.self, answer, header) } catch { self.close() }
            }
        }
    }

    private func append(
        _ data: ProduceRequest.PartitionProduceData,
        to topic: TopicName
    ) -> ProduceResponse.PartitionProduceResponse {
        var result = ProduceResponse.PartitionProduceResponse()
        result.index = data.index
        result.baseOffset = -1
        guard let partition = broker.partition(topic, data.index) else {
            result.errorCode = .unknownTopicOrPartition
            return result
        }
        guard let buffer = data.records?.joined(), let view = try? RecordBatchView(buffer),
            view.sizeInBytes == buffer.readableBytes, view.baseOffset == 0, view.isDense
        else {
            broker.countBad()
            result.errorCode = .invalidRecord
            return result
        }
        result.logStartOffset = 0
        switch partition.content {
        case .replay:
            result.errorCode = .topicAuthorizationFailed
        case .stored(var log):
            partition.content = .counted(Counted())
            result.baseOffset = log.endOffset
            log.append(view)
            partition.content = .stored(log)
            broker.wake()
        case .counted(var counted):
            switch counted.place(of: view) {
            case .next: break
            case .repeated(let base):
                result.baseOffset = base
                return result
            case .outOfOrder:
                result.errorCode = .outOfOrderSequenceNumber
                return result
            }
            // The only reference, or appending would copy.
            partition.content = .counted(Counted())
            result.baseOffset = counted.records
            counted.append(view)
            partition.content = .counted(counted)
            broker.count(view)
        }
        return result
    }

    // MARK: - Fetch

    func fetch(_ frame: ByteBuffer, _ header: Header) throws {
        let request = try decode(FetchRequest.self, frame, header)
        let session: FetchSession
        let isFull = request.sessionEpoch <= 0
        if isFull {
            if request.sessionID != 0 { broker.sessions[request.sessionID] = nil }
            session = request.sessionEpoch == 0 ? broker.makeSession() : FetchSession(id: 0)
        } else {
            guard let known = broker.sessions[request.sessionID] else {
                return try reply(FetchRequest.self, .with { $0.errorCode = .fetchSessionIDNotFound }, header)
            }
            guard known.epoch == request.sessionEpoch else {
                return try reply(FetchRequest.self, .with { $0.errorCode = .invalidFetchSessionEpoch }, header)
            }
            known.epoch = known.epoch == .max ? 1 : known.epoch + 1
            session = known
        }
        for topic in request.topics {
            let name = header.version >= 13 ? broker.topicNames[topic.topicID] : topic.topic
            let known = name.flatMap { broker.topics[$0] }
            for partition in topic.partitions {
                let key = FetchKey(topicID: topic.topicID, topic: topic.topic, partition: partition.partition)
                if !broker.isOpen { broker.noteAsked(key) }
                session.update(
                    FetchEntry(
                        key: key,
                        topic: known,
                        offset: partition.fetchOffset,
                        maxBytes: Int(partition.partitionMaxBytes)
                    )
                )
            }
        }
        var forgotten: Set<FetchKey> = []
        for topic in request.forgottenTopicsData {
            for partition in topic.partitions {
                forgotten.insert(FetchKey(topicID: topic.topicID, topic: topic.topic, partition: partition))
            }
        }
        session.forget(forgotten)
        poll(request, session, isFull: isFull, isLast: request.maxWaitMs <= 0, header)
    }

    private func poll(_ request: FetchRequest, _ session: FetchSession, isFull: Bool, isLast: Bool, _ header: Header) {
        guard isConnected else { return }
        let (response, bytes, isNews) = read(request, session, isFull: isFull)
        if bytes > 0 || isNews || isLast || session.entries.isEmpty {
            broker.served += bytes
            do {
                try reply(FetchRequest.self, response, header)
            } catch {
                close()
            }
        } else {
            park(request.maxWaitMs) { isLast in
                self.poll(request, session, isFull: isFull, isLast: isLast, header)
            }
        }
    }

    private func read(_ request: FetchRequest, _ session: FetchSession, isFull: Bool) -> (FetchResponse, Int, Bool) {
        var response = FetchResponse()
        response.sessionID = session.id
        var topics: [FetchKey: Int] = [:]
        var left = min(Int(request.maxBytes), 50 << 20)
        var bytes = 0
        var isNews = false
        let count = session.entries.count
        var turn = session.turn
        for step in 0..<count {
            // A session's answer leaves out partitions without news, so it can stop when it is full.
            if left <= 0, !isFull { break }
            let position = (session.turn + step) % count
            let (data, size, news) = read(session.entries[position], request, left: left, needsOne: bytes == 0)
            left -= size
            bytes += size
            isNews = isNews || news
            if size > 0 { turn = position + 1 }
            let changed = data.highWatermark != session.entries[position].highWatermark
            guard isFull || size > 0 || news || changed else { continue }
            session.entries[position].highWatermark = data.highWatermark
            var key = session.entries[position].key
            key.partition = 0
            if let index = topics[key] {
                response.responses[index].partitions.append(data)
            } else {
                topics[key] = response.responses.count
                var topic = FetchResponse.FetchableTopicResponse()
                topic.topic = key.topic
                topic.topicID = key.topicID
                topic.partitions = [data]
                response.responses.append(topic)
            }
        }
        session.turn = count == 0 ? 0 : turn % count
        return (response, bytes, isNews)
    }

    private func read(
        _ entry: FetchEntry,
        _ request: FetchRequest,
        left: Int,
        needsOne: Bool
    ) -> (FetchResponse.PartitionData, Int, Bool) {
        var data = FetchResponse.PartitionData()
        data.partitionIndex = entry.key.partition
        data.abortedTransactions = request.isolationLevel == 1 ? [] : nil
        data.records = RecordData(ByteBuffer())
        guard let topic = entry.topic, entry.key.partition >= 0, Int(entry.key.partition) < topic.partitions.count
        else {
            data.errorCode = .unknownTopicOrPartition
            data.highWatermark = -1
            return (data, 0, true)
        }
        let partition = topic.partitions[Int(entry.key.partition)]
        let end = partition.endOffset(isOpen: broker.isOpen)
        data.highWatermark = end
        data.lastStableOffset = end
        data.logStartOffset = 0
        guard entry.offset <= end else {
            data.errorCode = .offsetOutOfRange
            return (data, 0, true)
        }
        let limit = min(left, entry.maxBytes)
        guard entry.offset < end, limit > 0 else { return (data, 0, false) }
        switch partition.content {
        case .replay(let log):
            if let (records, aborted) = log.read(from: entry.offset, maxBytes: limit, needsOne: needsOne) {
                data.records = records
                if request.isolationLevel == 1 {
                    data.abortedTransactions = aborted.map { hidden in
                        .with {
                            $0.producerID = hidden.producerID
                            $0.firstOffset = hidden.firstOffset
                        }
                    }
                }
            }
        case .stored(let log):
            if let records = log.read(from: entry.offset, maxBytes: limit, needsOne: needsOne) {
                data.records = records
            }
        case .counted:
            data.errorCode = .offsetOutOfRange
        }
        let size = data.records?.byteCount ?? 0
        return (data, size, data.errorCode != .none)
    }
}
