package import KafkaProtocol
import NIOCore

/// Produce (0), versions 3-11: one batch of format 2 per partition.
///
/// - acks 0, 1 and -1; with 0 there is no answer, and a failure closes the connection.
/// - acks=-1 needs `min.insync.replicas`.
/// - Transactional batches need the request's transactional id and a partition in the open transaction.
/// - zstd needs version 7.
/// - From version 10 a partition led elsewhere comes with its leader.
package enum ProduceHandler: RequestHandler {
    package static func handle(
        _ request: ProduceRequest,
        _ context: RequestContext,
        _ reply: Reply<ProduceResponse>
    ) {
        var response = ProduceResponse()
        if let error = Self.refuse(request, context) {
            response = Self.failure(request, error, context)
        } else {
            let injected = context.cluster.faults.takePartitionErrors(
                api: .produce,
                broker: context.broker.id,
                topics: { Self.topics(request, context) }
            )
            response.responses.reserveCapacity(request.topicData.count)
            for topic in request.topicData {
                var result = ProduceResponse.TopicProduceResponse()
                result.name = topic.name
                let isAllowed = context.allows(.write, .topic, topic.name)
                result.partitionResponses = topic.partitionData.map { partition in
                    if let error = injected[topic.name] {
                        return Self.failure(partition.index, Log.Refusal(error))
                    }
                    guard isAllowed else {
                        return Self.failure(partition.index, Log.Refusal(.topicAuthorizationFailed))
                    }
                    return Self.append(partition, to: topic.name, request, context)
                }
                response.responses.append(result)
            }
        }
        response.nodeEndpoints = Self.endpoints(of: response, context)
        response.throttleTimeMs = max(
            context.cluster.faults.throttleTimeMs,
            context.cluster.quotas.produced(
                context.requestBytes,
                principal: context.principal,
                clientID: context.clientID,
                now: context.now
            )
        )
        guard request.acks != 0 else {
            let hasFailed = response.responses.contains { $0.partitionResponses.contains { $0.errorCode != .none } }
            reply.finish(hasFailed ? .closeConnection : .nothing)
            return
        }
        reply(response)
    }

    package static func failure(
        _ request: ProduceRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> ProduceResponse {
        var response = ProduceResponse()
        response.responses = request.topicData.map { topic in
            var result = ProduceResponse.TopicProduceResponse()
            result.name = topic.name
            result.partitionResponses = topic.partitionData.map { Self.failure($0.index, Log.Refusal(error)) }
            return result
        }
        return response
    }

    package static func topics(_ request: ProduceRequest, _ context: RequestContext) -> [TopicName] {
        request.topicData.map(\.name)
    }

    package static var failsPartitions: Bool { true }

    // MARK: - The request as a whole

    private static func refuse(_ request: ProduceRequest, _ context: RequestContext) -> ErrorCode? {
        guard (-1...1).contains(request.acks) else { return .invalidRequiredAcks }
        if let id = request.transactionalID {
            guard context.allows(.write, .transactionalID, id) else { return .transactionalIDAuthorizationFailed }
        } else if request.topicData.contains(where: { $0.partitionData.contains(where: Self.isTransactional) }) {
            return .transactionalIDAuthorizationFailed
        }
        return nil
    }

    /// Looks at the attribute bit alone: whether the batch is sound is found out later.
    private static func isTransactional(_ partition: ProduceRequest.PartitionProduceData) -> Bool {
        guard let buffer = partition.records?.parts.first else { return false }
        let attributes = buffer.getInteger(at: buffer.readerIndex + 21, as: Int16.self) ?? 0
        return attributes & 0x10 != 0
    }

    // MARK: - One partition

    private static func append(
        _ data: ProduceRequest.PartitionProduceData,
        to name: TopicName,
        _ request: ProduceRequest,
        _ context: RequestContext
    ) -> ProduceResponse.PartitionProduceResponse {
        guard let topic = context.cluster.topics[name], let partition = topic.partition(data.index) else {
            return Self.failure(data.index, Log.Refusal(.unknownTopicOrPartition))
        }
        guard partition.leader == context.broker.id else {
            var result = Self.failure(data.index, Log.Refusal(.notLeaderOrFollower))
            if context.version >= 10 {
                result.currentLeader.leaderID = partition.leader
                result.currentLeader.leaderEpoch = partition.leaderEpoch
            }
            return result
        }
        let rules = context.cluster.rules(for: topic)
        if request.acks == -1, partition.isr.count < rules.minInSyncReplicas {
            return Self.failure(data.index, Log.Refusal(.notEnoughReplicas))
        }
        let records = data.records?.joined() ?? .init()
        do throws(Log.Refusal) {
            try Self.checkVersion(data, context)
            if let id = request.transactionalID, Self.isTransactional(data) {
                let error = context.cluster.transactions.verify(
                    transactionalID: id,
                    producerID: records.getInteger(at: records.readerIndex + 43) ?? -1,
                    producerEpoch: records.getInteger(at: records.readerIndex + 51) ?? -1,
                    partition: partition.topicPartition
                )
                guard error == .none else { throw Log.Refusal(error) }
            }
            let appended = try partition.log.append(
                records,
                rules: rules,
                leaderEpoch: partition.leaderEpoch,
                now: context.now,
                codecs: context.cluster.codecs
            )
            if !appended.isDuplicate { partition.wakeWaiters(appended: records.readableBytes) }
            var result = ProduceResponse.PartitionProduceResponse()
            result.index = data.index
            result.baseOffset = appended.baseOffset
            result.logAppendTimeMs = appended.logAppendTime
            result.logStartOffset = partition.log.startOffset
            return result
        } catch {
            return Self.failure(data.index, error)
        }
    }

    private static func checkVersion(
        _ data: ProduceRequest.PartitionProduceData,
        _ context: RequestContext
    ) throws(Log.Refusal) {
        guard context.version < 7, let buffer = data.records?.parts.first else { return }
        let attributes = buffer.getInteger(at: buffer.readerIndex + 21, as: Int16.self) ?? 0
        guard attributes & 7 != 4 else {
            throw Log.Refusal(
                .unsupportedCompressionType,
                "Produce requests with version \(context.version) are not allowed to use ZStandard compression"
            )
        }
    }

    private static func failure(
        _ index: Int32,
        _ refusal: Log.Refusal
    ) -> ProduceResponse.PartitionProduceResponse {
        var result = ProduceResponse.PartitionProduceResponse()
        result.index = index
        result.errorCode = refusal.code
        result.baseOffset = -1
        result.errorMessage = refusal.message.map { KafkaString($0) }
        result.recordErrors = refusal.records.sorted { $0.key < $1.key }.map { position, message in
            .with {
                $0.batchIndex = position
                $0.batchIndexErrorMessage = KafkaString(message)
            }
        }
        return result
    }

    private static func endpoints(
        of response: ProduceResponse,
        _ context: RequestContext
    ) -> [ProduceResponse.NodeEndpoint] {
        guard context.version >= 10 else { return [] }
        var leaders: Set<Int32> = []
        for topic in response.responses {
            for partition in topic.partitionResponses where partition.errorCode != .none {
                leaders.insert(partition.currentLeader.leaderID)
            }
        }
        return context.endpoints(leaders).map { endpoint in
            .with {
                $0.nodeID = endpoint.id
                $0.host = endpoint.host
                $0.port = endpoint.port
                $0.rack = endpoint.rack
            }
        }
    }
}
