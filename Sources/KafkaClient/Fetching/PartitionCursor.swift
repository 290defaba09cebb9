public import KafkaProtocol
public import NIOCore

/// Where to begin with a partition.
public enum StartPosition: Sendable, Hashable {
    /// At this offset.
    case offset(Int64)
    /// At the first offset that is still there.
    case earliest
    /// After the last record that is there now.
    case latest
}

/// A partition's leader as the metadata knows it.
public struct PartitionLeader: Sendable, Hashable {
    public var node: Int32
    /// -1 when the broker is too old to tell.
    public var epoch: Int32
    /// Identity of the topic; zero when the broker is too old to tell.
    public var topicID: KafkaUUID

    public init(node: Int32, epoch: Int32 = -1, topicID: KafkaUUID = .zero) {
        self.node = node
        self.epoch = epoch
        self.topicID = topicID
    }
}

/// Reading one partition: where we are, whom we ask, and what we wait for.
///
/// Pure: every event is a method, time comes in as a parameter.
public struct PartitionCursor: Sendable, Equatable {
    /// What the cursor waits for.
    public enum Phase: Sendable, Equatable {
        /// Its leader is being looked up. Goes on to `resolving` or `fetching`.
        case locating
        /// Its start offset is being looked up. Goes on to `fetching`.
        case resolving
        /// It is part of its broker's session as long as there is room for its data.
        case fetching
        /// A pause after an error; `locating` follows.
        case waiting(until: NIODeadline)
        /// Only a new position from the owner helps: its offset is gone, its topic is another one, its data are damaged.
        case suspended
    }

    public let partition: TopicPartition
    public internal(set) var topicID: KafkaUUID
    public internal(set) var phase: Phase = .locating
    /// The offset to fetch next.
    public internal(set) var nextOffset: Int64
    /// The start position as long as it is not an offset yet.
    public internal(set) var unresolved: StartPosition?
    /// The leader last known; -1 when none is.
    public internal(set) var leader: Int32 = -1
    public internal(set) var leaderEpoch: Int32 = -1
    /// Leader epoch of the batch before `nextOffset`; lets the broker find out whether its log took another course.
    public internal(set) var lastFetchedEpoch: Int32 = -1
    /// Failures in a row.
    public internal(set) var attempts = 0
    /// Bytes delivered to the owner and not given back.
    public internal(set) var outstanding = 0
    /// The owner does not want data now.
    public internal(set) var isPaused = false
    /// Set when the first batch was larger than what the partition may fetch.
    public internal(set) var enlargedBytes: Int32?
    /// Topics of that name that were deleted.
    private var earlierTopics: [KafkaUUID] = []
    private var replica: Int32 = -1
    private var replicaExpires = NIODeadline.distantPast

    public init(
        partition: TopicPartition,
        topicID: KafkaUUID = .zero,
        start: StartPosition,
        lastFetchedEpoch: Int32 = -1
    ) {
        self.partition = partition
        self.topicID = topicID
        if case .offset(let offset) = start {
            self.nextOffset = offset
            self.lastFetchedEpoch = lastFetchedEpoch
        } else {
            self.nextOffset = -1
            self.unresolved = start
        }
    }

    /// The broker to fetch from: the preferred replica while it is preferred, else the leader.
    public func source(now: NIODeadline) -> Int32 {
        self.replica >= 0 && now < self.replicaExpires ? self.replica : self.leader
    }

    /// Whether it fetches from a follower now.
    public var readsFromFollower: Bool { self.replica >= 0 && self.replica != self.leader }

    /// When the follower stops being preferred.
    var preferenceEnds: NIODeadline? { self.replica >= 0 ? self.replicaExpires : nil }

    /// The broker named a replica that is closer.
    public mutating func prefer(replica node: Int32, until expiry: NIODeadline) {
        self.replica = node
        self.replicaExpires = expiry
    }

    /// Goes back to the leader.
    public mutating func dropPreference() {
        self.replica = -1
    }

    /// What the metadata said about the leader.
    public enum Located: Sendable, Equatable {
        /// Go on at `phase`.
        case ready
        /// The name belongs to another topic now.
        case recreated(old: KafkaUUID, new: KafkaUUID)
        /// The broker that was asked still knows the topic that was deleted.
        case outdated
    }

    /// Takes a leader from the metadata.
    public mutating func located(_ found: PartitionLeader) -> Located {
        if self.earlierTopics.contains(found.topicID) { return .outdated }
        if found.topicID != .zero, self.topicID != .zero, found.topicID != self.topicID {
            let old = self.topicID
            self.phase = .suspended
            return .recreated(old: old, new: found.topicID)
        }
        if found.topicID != .zero { self.topicID = found.topicID }
        // Metadata of a broker that lags behind must not undo what an answer said; without epochs the newest counts.
        if found.epoch < 0 || found.epoch >= self.leaderEpoch {
            if found.node != self.leader { self.dropPreference() }
            self.leader = found.node
            self.leaderEpoch = found.epoch
        }
        self.phase = self.unresolved == nil ? .fetching : .resolving
        return .ready
    }

    /// Takes the leader an answer named (KIP-951); false when it is no news.
    public mutating func moved(to node: Int32, epoch: Int32) -> Bool {
        guard node >= 0, epoch > self.leaderEpoch || (epoch == self.leaderEpoch && node != self.leader) else {
            return false
        }
        self.leader = node
        self.leaderEpoch = epoch
        self.dropPreference()
        return true
    }

    /// The start offset was found.
    public mutating func resolved(offset: Int64) {
        self.nextOffset = offset
        self.unresolved = nil
        self.lastFetchedEpoch = -1
        self.attempts = 0
        self.phase = .fetching
    }

    /// The owner wants to read from somewhere else.
    ///
    /// - Parameter epoch: Leader epoch of the batch before it, as far as it is known.
    public mutating func seek(_ start: StartPosition, lastFetchedEpoch epoch: Int32 = -1) {
        self.lastFetchedEpoch = epoch
        self.enlargedBytes = nil
        self.attempts = 0
        switch start {
        case .offset(let offset):
            self.nextOffset = offset
            self.unresolved = nil
        case .earliest, .latest:
            self.unresolved = start
        }
        self.phase = .locating
    }

    /// The owner goes on with another topic of the same name, whose leader epochs begin anew.
    public mutating func become(_ topicID: KafkaUUID) {
        guard topicID != self.topicID else { return }
        if self.topicID != .zero { self.earlierTopics.append(self.topicID) }
        self.topicID = topicID
        self.leader = -1
        self.leaderEpoch = -1
        self.lastFetchedEpoch = -1
        self.dropPreference()
    }

    /// Data arrived that ends before `offset`.
    public mutating func advanced(to offset: Int64, epoch: Int32) {
        self.nextOffset = max(self.nextOffset, offset)
        if epoch >= 0 { self.lastFetchedEpoch = epoch }
        self.enlargedBytes = nil
        self.attempts = 0
    }

    /// Waits after a failure and looks for the leader again then.
    public mutating func pause(until deadline: NIODeadline) {
        self.phase = .waiting(until: deadline)
    }
}

/// What an error code of one partition in a Fetch answer means for its cursor.
public enum FetchErrorClass: Sendable, Equatable {
    /// Another broker leads the partition, or this one does not know it yet.
    case leaderMoved
    /// The broker's metadata are older than ours: it needs a moment.
    case brokerBehind
    /// The fetch offset is outside the log.
    case outOfRange
    /// The topic is missing, or another topic has its name.
    case topicChanged
    /// Nothing moves until an operator acts.
    case denied
    /// Passes by itself.
    case transient
    /// Unexpected; tried again slowly and reported.
    case unexpected

    public init(_ code: ErrorCode) {
        self =
            switch code {
            case .notLeaderOrFollower, .fencedLeaderEpoch, .leaderNotAvailable, .replicaNotAvailable,
                .brokerNotAvailable, .listenerNotFound:
                .leaderMoved
            case .unknownLeaderEpoch, .offsetNotAvailable: .brokerBehind
            case .offsetOutOfRange: .outOfRange
            case .unknownTopicOrPartition, .unknownTopicID, .inconsistentTopicID: .topicChanged
            case .topicAuthorizationFailed, .clusterAuthorizationFailed: .denied
            case .kafkaStorageError: .leaderMoved
            default: code.isRetriable && code != .corruptMessage ? .transient : .unexpected
            }
    }
}
