package import KafkaProtocol

/// One partition: who leads it and its log, which all replicas share.
package final class Partition {
    package let topic: TopicName
    package let topicID: KafkaUUID
    package let index: Int32
    /// -1 while no replica can lead.
    package internal(set) var leader: Int32
    package internal(set) var leaderEpoch: Int32
    package internal(set) var replicas: [Int32]
    package internal(set) var isr: [Int32]
    package var log: Log
    /// False once the topic is deleted or recreated.
    package internal(set) var exists = true
    /// Fetches waiting for data, woken by every change that could matter to them.
    var waiters: [ParkedFetch] = []

    init(topic: TopicName, topicID: KafkaUUID, index: Int32, replicas: [Int32], leader: Int32, log: Log) {
        self.topic = topic
        self.topicID = topicID
        self.index = index
        self.replicas = replicas
        self.isr = replicas
        self.leader = leader
        self.leaderEpoch = 0
        self.log = log
    }

    package var topicPartition: TopicPartition { TopicPartition(topic: self.topic, partition: self.index) }

    /// Tells the fetches waiting here that `bytes` were appended or, with `nil`, that something else changed.
    package func wakeWaiters(appended bytes: Int? = nil) {
        for waiter in self.waiters {
            waiter.wake(appended: bytes)
        }
    }
}

extension Partition {
    /// Whether `broker` may answer for this partition to a client that knows `leaderEpoch` (-1: none).
    package func check(leaderEpoch: Int32, at broker: Broker) -> ErrorCode {
        if leaderEpoch >= 0, leaderEpoch != self.leaderEpoch {
            return leaderEpoch < self.leaderEpoch ? .fencedLeaderEpoch : .unknownLeaderEpoch
        }
        return self.leader == broker.id ? .none : .notLeaderOrFollower
    }
}
