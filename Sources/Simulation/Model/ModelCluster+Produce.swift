import KafkaClient
import KafkaProtocol
import KafkaRecords
import NIOCore

/// Answers to Produce requests.
extension ModelCluster {
    /// What an answer says although the batch was written, or why it is not.
    enum ProduceFault {
        case written(ErrorCode)
        case notWritten(ErrorCode)
        /// The answer leaves the partition out.
        case unanswered
    }

    mutating func produce(
        _ request: ProduceRequest,
        node: Int32,
        namesLeaders: Bool,
        fault: (TopicPartition) -> ProduceFault?,
        written: (TopicPartition, ModelLog.Batch) -> Void
    ) -> ProduceResponse {
        var response = ProduceResponse()
        for topic in request.topicData {
            var answers = ProduceResponse.TopicProduceResponse()
            answers.name = topic.name
            for data in topic.partitionData {
                let partition = TopicPartition(topic: topic.name, partition: data.index)
                let fault = fault(partition)
                var answer = ProduceResponse.PartitionProduceResponse()
                if case .notWritten(let code) = fault {
                    answer.errorCode = code
                    answer.baseOffset = -1
                    // What is under way of that producer is refused as well.
                    if code == .unknownProducerID || code == .invalidProducerEpoch { forget(data, partition, code) }
                } else {
                    answer = append(
                        data,
                        to: partition,
                        transactionalID: request.transactionalID,
                        node: node,
                        namesLeaders: namesLeaders,
                        written: written
                    )
                }
                answer.index = data.index
                if answer.errorCode == .none, case .written(let code) = fault {
                    answer.errorCode = code
                    answer.baseOffset = -1
                }
                if case .unanswered = fault { continue }
                answers.partitionResponses.append(answer)
            }
            response.responses.append(answers)
        }
        return response
    }

    private mutating func forget(
        _ data: ProduceRequest.PartitionProduceData,
        _ partition: TopicPartition,
        _ code: ErrorCode
    ) {
        guard let bytes = data.records?.joined(), let batch = try? RecordBatchView(bytes) else { return }
        let identity = ProducerIdentity(producerID: batch.producerID, epoch: batch.producerEpoch)
        self[partition]?.forgotten[identity] = code
    }

    private mutating func append(
        _ data: ProduceRequest.PartitionProduceData,
        to partition: TopicPartition,
        transactionalID: KafkaString?,
        node: Int32,
        namesLeaders: Bool,
        written: (TopicPartition, ModelLog.Batch) -> Void
    ) -> ProduceResponse.PartitionProduceResponse {
        var answer = ProduceResponse.PartitionProduceResponse()
        answer.baseOffset = -1
        func refuse(_ code: ErrorCode) -> ProduceResponse.PartitionProduceResponse {
            answer.errorCode = code
            return answer
        }
        guard let log = self[partition] else { return refuse(.unknownTopicOrPartition) }
        guard log.leader == node else {
            if namesLeaders {
                answer.currentLeader.leaderID = log.leader
                answer.currentLeader.leaderEpoch = log.epoch
            }
            return refuse(.notLeaderOrFollower)
        }
        guard let bytes = data.records?.joined(), let batch = try? RecordBatchView(bytes), batch.isValidCRC() else {
            return refuse(.corruptMessage)
        }
        guard bytes.readableBytes == batch.sizeInBytes, batch.baseOffset == 0, batch.isDense, !batch.isControl else {
            return refuse(.invalidRecord)
        }
        if batch.isTransactional, let code = refusal(ofTransactional: batch, transactionalID, partition) {
            return refuse(code)
        }
        let identity = ProducerIdentity(producerID: batch.producerID, epoch: batch.producerEpoch)
        if let code = log.forgotten[identity] { return refuse(code) }
        if batch.producerID >= 0, let known = log.producers[batch.producerID] {
            guard batch.producerEpoch >= known.epoch else { return refuse(.invalidProducerEpoch) }
            if batch.producerEpoch == known.epoch {
                if let repeated = known.recent.first(where: {
                    $0.sequence == batch.baseSequence && $0.count == batch.recordCount
                }) {
                    answer.baseOffset = repeated.base
                    return answer
                }
                guard batch.baseSequence == known.nextSequence else { return refuse(.outOfOrderSequenceNumber) }
            } else if batch.baseSequence != 0 {
                return refuse(.outOfOrderSequenceNumber)
            }
        }
        var stored = ModelLog.Batch(
            base: log.end,
            next: log.end + Int64(batch.recordCount),
            bytes: bytes,
            epoch: log.epoch
        )
        stored.bytes.setInteger(log.end, at: stored.bytes.readerIndex)
        stored.bytes.setInteger(log.epoch, at: stored.bytes.readerIndex + 12)
        stored.producerID = batch.producerID
        stored.producerEpoch = batch.producerEpoch
        stored.sequence = batch.baseSequence
        stored.count = batch.recordCount
        stored.isTransactional = batch.isTransactional
        if batch.isTransactional, log.open[batch.producerID] == nil {
            self[partition]?.open[batch.producerID] = log.end
        }
        answer.baseOffset = log.end
        self[partition]?.append(stored)
        self[partition]?.note(stored)
        written(partition, stored)
        return answer
    }
}
