import KafkaClient
import KafkaProtocol
import KafkaRecords

/// A record as its producer wrote it, and what became of it at the source.
struct BornRecord {
    enum Fate: UInt8 {
        /// Its transaction is neither committed nor aborted.
        case open
        case committed
        case aborted
    }

    enum Removal: UInt8 {
        case none
        /// Deleted from the beginning of the log.
        case retention
        /// Cut off with the end of the log.
        case truncation
        /// Deleted with its topic.
        case recreation
    }

    var record: Record
    var topicID: KafkaUUID
    var fate: Fate
    var removal = Removal.none
}

/// All that was ever produced to one source partition; a record is known by its index, which is in its value.
struct PartitionTruth {
    var born: [BornRecord] = []
    /// Below these offsets mirroring never began, by topic.
    var begun: [KafkaUUID: Int64] = [:]
    var reports = Reports()

    /// What the mirror told about the partition.
    struct Reports {
        var gaps: [(topic: KafkaUUID, range: Range<Int64>)] = []
        var hasSourceTruncation = false
        var hasSourceRecreation = false
        var hasTargetTruncation = false
        var hasTargetRecreation = false
        var hasTargetLoss = false
        var hasForeign = false
        var hasQuarantine = false
    }

    /// What was done to it, apart from faults that must leave no trace.
    var wasTruncatedAtSource = false
    var wasRecreatedAtSource = false
    var wasTruncatedAtTarget = false
    /// With the records went what the broker knew of a producer: it then takes any sequence, so that what is on its way
    /// is written before what was lost is copied again.
    var lostProducers = false
    /// The target never told where it put a batch, nor where one behind it is: its place is not known exactly.
    var hadUnknownPlaces = false
    var wasRecreatedAtTarget = false
    /// What a process that was killed had written of progress arrived behind its successor's.
    var hadStaleProgress = false
    var hadForeignWriter = false
    var hadTwoOwners = false
    /// Those that the partition was written with; two processes that begin it at the same time, or raise its epoch, have one
    /// each.
    var producers: Set<ProducerIdentity> = []
}
