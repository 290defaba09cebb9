package import KafkaProtocol
package import NIOCore

/// The transactional ids of a cluster: runs the transaction coordinator, and writes the markers it asks for.
package final class TransactionService {
    private var coordinator = TransactionCoordinator()
    private var timer: (deadline: Int64, task: Scheduled<Void>)?
    let statePartitions: Int32
    /// How long markers take to be written, during which the transaction is between decided and complete.
    package var markerDelay = TimeAmount.zero
    private static let retryDelay = TimeAmount.milliseconds(20)

    init(configuration: LocalCluster.Configuration) {
        let settings = configuration.brokerConfigs
        self.statePartitions = settings["transaction.state.log.num.partitions"].flatMap { Int32($0) } ?? 50
        if let limit = settings["transaction.max.timeout.ms"].flatMap({ Int32($0) }) {
            self.coordinator.maxTimeout = limit
        }
    }

    /// The transactions as they are, for looking only.
    var state: TransactionCoordinator { self.coordinator }

    /// Brings the transactions up to date, lets `body` change them, then writes the markers that are due.
    func perform<Result>(_ cluster: Cluster, _ body: (inout TransactionCoordinator) -> Result) -> Result {
        self.coordinator.tick(now: cluster.now)
        let result = body(&self.coordinator)
        for order in self.coordinator.takeOrders() {
            if self.markerDelay > .zero {
                self.write(order, in: cluster, after: self.markerDelay)
            } else {
                self.write(order, in: cluster)
            }
        }
        self.arm(cluster)
        return result
    }

    /// Whether a transactional batch may be appended: its partition must be part of the producer's open transaction.
    ///
    /// The codes are those of Produce, which knows an old epoch by another name and no waiting for markers.
    package func verify(
        transactionalID: KafkaString,
        producerID: Int64,
        producerEpoch: Int16,
        partition: TopicPartition
    ) -> ErrorCode {
        let producer = ProducerIdentity(id: producerID, epoch: producerEpoch)
        let error = self.coordinator.verify(transactionalID, producer: producer, partition: partition)
        switch error {
        case .producerFenced: return .invalidProducerEpoch
        case .concurrentTransactions: return .notEnoughReplicas
        default: return error
        }
    }

    /// Gives a transactional id another timeout, which counts from the begin of an open transaction.
    package func limit(_ transactionalID: KafkaString, to timeout: TimeAmount, in cluster: Cluster) {
        self.coordinator.limit(transactionalID, to: Int32(clamping: timeout.nanoseconds / 1_000_000))
        self.arm(cluster)
    }

    // MARK: - Markers

    private func write(_ order: MarkerOrder, in cluster: Cluster, after delay: TimeAmount) {
        cluster.schedule(after: delay) { [weak self, weak cluster] in
            guard let self, let cluster else { return }
            self.write(order, in: cluster)
            self.arm(cluster)
        }
    }

    /// Writes the markers that are still missing; partitions without a leader are tried again.
    private func write(_ order: MarkerOrder, in cluster: Cluster) {
        var order = order
        for name in order.partitions.sorted() {
            guard name.topic != CoordinatorPlacement.offsetsTopic, let partition = cluster.partition(name) else {
                order.partitions.remove(name)
                continue
            }
            guard partition.leader >= 0 else { continue }
            order.partitions.remove(name)
            // A newer epoch in the log means that the marker has nothing to end any more.
            let appended = try? partition.log.appendMarker(
                producerID: order.producer.id,
                producerEpoch: order.producer.epoch,
                coordinatorEpoch: order.coordinatorEpoch,
                isCommit: order.isCommit,
                leaderEpoch: partition.leaderEpoch,
                now: cluster.now
            )
            if appended != nil { partition.wakeWaiters() }
        }
        guard order.partitions.isEmpty else { return self.write(order, in: cluster, after: Self.retryDelay) }
        cluster.groups.perform(cluster) {
            $0.endTransaction(
                producer: order.producer.id,
                groups: Array(order.groups),
                committed: order.isCommit
            )
        }
        self.coordinator.markersWritten(order.transactionalID, now: cluster.now)
    }

    private func arm(_ cluster: Cluster) {
        let deadline = self.coordinator.nextDeadline
        if let timer = self.timer {
            guard timer.deadline != deadline else { return }
            timer.task.cancel()
            self.timer = nil
        }
        guard let deadline else { return }
        let delay = TimeAmount.milliseconds(max(1, deadline - cluster.now))
        let task = cluster.schedule(after: delay) { [weak self, weak cluster] in
            guard let self, let cluster else { return }
            self.timer = nil
            self.perform(cluster) { _ in }
        }
        self.timer = (deadline, task)
    }
}
