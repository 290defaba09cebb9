import KafkaProtocol

extension Cluster {
    /// Makes `broker` the leader of a partition, in a new epoch; -1 takes the leader away.
    package func moveLeader(of partition: Partition, to broker: Int32) {
        partition.leader = broker
        partition.leaderEpoch += 1
        if broker >= 0 { partition.log.beginEpoch(partition.leaderEpoch) }
        partition.wakeWaiters()
        self.coordinatorPartitionMoved(partition)
    }

    /// Cuts a partition's log back as an unclean election does, in a new leader epoch.
    package func truncate(_ partition: Partition, to offset: Int64) {
        partition.log.truncate(to: offset)
        let next = partition.replicas.first { $0 != partition.leader && self.broker($0)?.isUp == true }
        self.moveLeader(of: partition, to: next ?? partition.leader)
    }

    /// Moves leaderships away from a broker that stops, and back to partitions without a leader when one starts.
    func setUp(_ broker: Broker, _ isUp: Bool) {
        broker.isUp = isUp
        broker.fetchSessions = FetchSessionCache()
        for partition in self.topics.values.flatMap(\.partitions) where partition.replicas.contains(broker.id) {
            if isUp {
                if !partition.isr.contains(broker.id) { partition.isr.append(broker.id) }
                if partition.leader < 0 { self.moveLeader(of: partition, to: broker.id) }
            } else {
                let others = partition.isr.filter { $0 != broker.id }
                // The last in-sync replica stays one: nothing else may lead.
                if !others.isEmpty { partition.isr = others }
                if partition.leader == broker.id {
                    self.moveLeader(of: partition, to: others.first { self.broker($0)?.isUp == true } ?? -1)
                }
            }
        }
        if self.broker(self.controllerID)?.isUp != true {
            self.controllerID = self.liveBrokers.first?.id ?? -1
        }
    }

    /// Retention and expiry, as a broker does them every few minutes.
    package func runHousekeeping() {
        let now = self.now
        for topic in self.topics.values {
            let rules = self.rules(for: topic)
            for partition in topic.partitions where partition.log.applyRetention(rules, now: now) {
                partition.wakeWaiters()
            }
        }
    }
}
