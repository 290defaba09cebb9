public import KafkaProtocol

/// The id and epoch under which an idempotent or transactional producer writes.
public struct ProducerIdentity: Sendable, Hashable {
    public var producerID: Int64
    public var epoch: Int16

    public init(producerID: Int64, epoch: Int16) {
        self.producerID = producerID
        self.epoch = epoch
    }
}

extension KafkaClient {
    /// Gets an id for an idempotent producer, or the next epoch of a transactional one, which fences its predecessors.
    ///
    /// Waits while the coordinator loads or still ends the predecessor's transaction.
    ///
    /// - Parameters:
    ///   - transactionalID: Nil for plain idempotence.
    ///   - transactionTimeout: After this long the coordinator aborts a transaction by itself.
    ///   - current: The identity to raise the epoch of (KIP-360); nil begins anew.
    public func initProducerID(
        transactionalID: KafkaString? = nil,
        transactionTimeout: Duration = .seconds(60),
        current: ProducerIdentity? = nil,
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> ProducerIdentity {
        let deadline = self.deadline(deadline)
        let route = transactionalID.map { Route.coordinator(.transaction($0)) } ?? .anyBroker
        let response = try await call(
            InitProducerIdRequest.self,
            route,
            deadline: deadline,
            errorCode: { $0.errorCode },
            build: { version in
                var request = InitProducerIdRequest()
                request.transactionalID = transactionalID
                request.transactionTimeoutMs =
                    transactionalID == nil ? Int32.max : transactionTimeout.milliseconds32
                if version >= 3, let current {
                    request.producerID = current.producerID
                    request.producerEpoch = current.epoch
                }
                return request
            }
        )
        guard response.errorCode == .none else {
            throw refused(response.errorCode, "The broker gives no producer id")
        }
        guard response.producerID >= 0, response.producerEpoch >= 0 else {
            throw KafkaClientError(
                .invalidAnswer,
                "The broker answered with the producer id \(response.producerID), epoch \(response.producerEpoch)",
                cluster: name
            )
        }
        return ProducerIdentity(producerID: response.producerID, epoch: response.producerEpoch)
    }
}
