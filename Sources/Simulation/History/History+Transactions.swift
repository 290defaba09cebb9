import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import MirrorModel
import NIOCore

/// The target's transaction coordinator on virtual time, and its progress topic.
extension History {
    static let progressTopic: TopicName = "mm2-offsets.A.internal"

    var progressPartitions: [TopicPartition] {
        (0..<Int32(target.topics[Self.progressTopic]?.logs.count ?? 0)).map {
            TopicPartition(topic: Self.progressTopic, partition: $0)
        }
    }

    func progressPartition(of key: [UInt8]) -> TopicPartition {
        let count = Int32(target.topics[Self.progressTopic]?.logs.count ?? 1)
        return TopicPartition(
            topic: Self.progressTopic,
            partition: defaultPartition(key: ByteBuffer(bytes: key), count: count)
        )
    }

    /// The markers of a transaction follow in a moment; whoever asks meanwhile has to wait.
    private func endsSoon(_ id: KafkaString) {
        log.add(now, "transaction ends", target.transactions[id]?.ending == true ? 1 : 0)
        later(milliseconds(random.chance(1_000) ? 100...2_000 : 1...30)) { self.target.finish(id) }
    }

    func initialize(_ id: KafkaString, timeout: TimeAmount) -> Coordinated<ProducerIdentity> {
        if mutation == .epochNotRaised, let transaction = target.transactions[id] {
            return .success(transaction.identity)
        }
        switch target.initialize(id, timeout: timeout) {
        case .done(let identity, _): return .success(identity)
        case .refused(let code, let ends):
            if ends { endsSoon(id) }
            return .failure(code)
        }
    }

    func add(
        _ partitions: Set<TopicPartition>,
        to id: KafkaString,
        _ identity: ProducerIdentity
    ) -> [TopicPartition: ErrorCode] {
        let (codes, begins) = target.add(partitions, to: id, identity, now: now)
        if begins, let timeout = target.transactions[id]?.timeout {
            let opened = now
            later(timeout) { self.expire(id, openedAt: opened) }
        }
        return codes
    }

    func expire(_ id: KafkaString, openedAt: NIODeadline? = nil) {
        guard target.expire(id, openedAt: openedAt) else { return }
        count(.transactionExpired)
        endsSoon(id)
    }

    func end(_ id: KafkaString, _ identity: ProducerIdentity, commits: Bool) -> Coordinated<Void> {
        switch target.end(id, identity, commits: commits) {
        case .done(_, let ends):
            if ends { endsSoon(id) }
            return .success(())
        case .refused(let code, let ends):
            if ends { endsSoon(id) }
            return .failure(code)
        }
    }

    /// Appends one record of the control plane to a transaction; false when the broker refuses.
    func writeInTransaction(
        _ partition: TopicPartition,
        _ identity: ProducerIdentity,
        _ key: [UInt8],
        _ value: [UInt8]
    ) -> Bool {
        var builder = RecordBatchBuilder(codec: .none)
        builder.producerID = identity.producerID
        builder.producerEpoch = identity.epoch
        builder.baseSequence = 0
        builder.isTransactional = true
        builder.append(timestamp: 1, key: ByteBuffer(bytes: key), value: ByteBuffer(bytes: value))
        guard let bytes = try? builder.build(), let leader = target[partition]?.leader else { return false }
        var data = ProduceRequest.PartitionProduceData()
        data.index = partition.partition
        data.records = RecordData(bytes)
        var topic = ProduceRequest.TopicProduceData()
        topic.name = partition.topic
        topic.partitionData = [data]
        var request = ProduceRequest()
        request.transactionalID = MirrorProcess.transactionalID
        request.topicData = [topic]
        let response = target.produce(request, node: leader, namesLeaders: false) { _ in
            nil
        } written: { _, _ in
        }
        return response.responses.first?.partitionResponses.first?.errorCode == ErrorCode.none
    }

    /// What a reader of committed records finds in the progress topic.
    ///
    /// - Parameter ends: With `waits`, what is below has to be decided; nil is returned while it is not.
    func committedProgress(waits: Bool, ends: [Int64]? = nil) -> CommittedProgress? {
        var result = CommittedProgress()
        for (index, partition) in progressPartitions.enumerated() {
            let end = waits ? ends?[index] ?? target[partition]?.end ?? 0 : 0
            guard let records = target.committed(partition, upTo: end) else { return nil }
            for record in records {
                guard let key = record.key?.readableBytesView, let value = record.value?.readableBytesView else {
                    continue
                }
                if key.elementsEqual(MirrorProcess.ownerKey) {
                    result.owner = OwnerRecord(bytes: value)
                } else if let key = ConnectOffsetKey(bytes: key), case .source(_, let source) = key.subject {
                    result.progress[source] = ProgressRecord(bytes: value)
                }
            }
        }
        return result
    }
}
