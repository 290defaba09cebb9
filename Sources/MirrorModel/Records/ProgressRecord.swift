import Foundation
package import KafkaProtocol

/// How far a source partition has been mirrored: the value of a record in the offsets topic.
///
/// MirrorMaker 2 reads `offset` only and ignores the members that are ours.
package struct ProgressRecord: Sendable, Equatable {
    /// Offset of the last source record that was mirrored; -1 when there is none, which MirrorMaker 2 takes for no
    /// progress.
    package var offset: Int64
    /// Offset of that record at the target.
    package var targetOffset: Int64?
    /// Leader epoch of the source partition when the record was fetched.
    package var leaderEpoch: Int32?
    package var sourceTopicID: KafkaUUID?
    package var targetTopicID: KafkaUUID?
    /// Where the records before `offset` are, as far as it is not kept elsewhere: an encoded `OffsetMap`.
    package var offsetMap: [UInt8]?
    /// Mirroring began behind `offset` without progress, and nothing has been mirrored yet.
    package var isStart = false
    /// With `isStart`: what the target held before lies below this offset.
    package var targetStart: Int64?
    /// Written in one transaction with the records: the target holds exactly these, whatever stands behind them.
    package var isTransactional = false
    /// The target's record at `targetOffset` is the copy of one before `offset`: what was between is not there any more.
    package var isApart = false
    /// The target may have lost this record or earlier ones: it has to be looked at before anything is written behind it.
    package var isDoubtful = false
    /// The producer that wrote the record at the target, if it was an idempotent one.
    package var producer: Producer?

    /// The idempotent producer of a partition, which whoever goes on has to go on with.
    package struct Producer: Sendable, Equatable {
        package var id: Int64
        package var epoch: Int16
        /// The sequence number of the next record.
        package var nextSequence: Int32

        package init(id: Int64, epoch: Int16, nextSequence: Int32) {
            self.id = id
            self.epoch = epoch
            self.nextSequence = nextSequence
        }
    }

    package init(
        offset: Int64,
        targetOffset: Int64? = nil,
        leaderEpoch: Int32? = nil,
        sourceTopicID: KafkaUUID? = nil,
        targetTopicID: KafkaUUID? = nil
    ) {
        self.offset = offset
        self.targetOffset = targetOffset
        self.leaderEpoch = leaderEpoch
        self.sourceTopicID = sourceTopicID
        self.targetTopicID = targetTopicID
    }

    /// Reads a value; `nil` for one that is malformed or has no usable offset, which counts as no progress.
    package init?(bytes: some Sequence<UInt8>) {
        guard case .object(let members)? = JSONValue(Array(bytes)), case .integer(let offset)? = members["offset"],
            offset >= -1
        else { return nil }
        let isStart = members["start"] == .string(Self.start)
        var targetOffset: Int64?
        // -1: the target holds nothing.
        if case .integer(let number)? = members["targetOffset"], number >= -1 { targetOffset = number }
        guard offset >= 0 || isStart || targetOffset != nil else { return nil }
        self.init(offset: offset, targetOffset: targetOffset)
        self.isStart = isStart
        if case .integer(let number)? = members["targetStart"], isStart, number >= 0 { self.targetStart = number }
        if case .integer(let id)? = members["producerId"], id >= 0,
            case .integer(let epoch)? = members["producerEpoch"],
            case .integer(let sequence)? = members["nextSequence"], let epoch = Int16(exactly: epoch), epoch >= 0,
            let sequence = Int32(exactly: sequence), sequence >= 0
        {
            self.producer = Producer(id: id, epoch: epoch, nextSequence: sequence)
        }
        if case .integer(let number)? = members["leaderEpoch"] { self.leaderEpoch = Int32(exactly: number) }
        if case .string(let text)? = members["sourceTopicId"] { self.sourceTopicID = KafkaUUID(text) }
        if case .string(let text)? = members["targetTopicId"] { self.targetTopicID = KafkaUUID(text) }
        if case .string(let text)? = members["offsets"] { self.offsetMap = Data(base64Encoded: text).map { Array($0) } }
        self.isTransactional = members["transactional"] == .integer(1)
        self.isApart = members["apart"] == .integer(1)
        self.isDoubtful = members["doubtful"] == .integer(1)
    }

    private static let start = "kafka-mirror"

    package var bytes: [UInt8] {
        var json = JSONText()
        json.raw("{")
        json.member("offset", offset)
        if isStart {
            json.raw(",")
            json.member("start", Self.start)
            if let targetStart {
                json.raw(",")
                json.member("targetStart", targetStart)
            }
        }
        if let targetOffset {
            json.raw(",")
            json.member("targetOffset", targetOffset)
        }
        if let leaderEpoch {
            json.raw(",")
            json.member("leaderEpoch", Int64(leaderEpoch))
        }
        if let producer {
            json.raw(",")
            json.member("producerId", producer.id)
            json.raw(",")
            json.member("producerEpoch", Int64(producer.epoch))
            json.raw(",")
            json.member("nextSequence", Int64(producer.nextSequence))
        }
        if let sourceTopicID {
            json.raw(",")
            json.member("sourceTopicId", sourceTopicID.description)
        }
        if let targetTopicID {
            json.raw(",")
            json.member("targetTopicId", targetTopicID.description)
        }
        if let offsetMap {
            json.raw(",")
            json.member("offsets", Data(offsetMap).base64EncodedString())
        }
        if isTransactional { json.raw(",\"transactional\":1") }
        if isApart { json.raw(",\"apart\":1") }
        if isDoubtful { json.raw(",\"doubtful\":1") }
        json.raw("}")
        return json.bytes
    }
}
