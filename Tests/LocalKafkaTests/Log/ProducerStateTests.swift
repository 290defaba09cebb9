import KafkaProtocol
import KafkaRecords
import NIOCore
import Testing

@testable import LocalKafka

/// Idempotent and transactional producers as the log sees them.
@Suite struct ProducerStateTests {
    private var log = Log()

    private mutating func append(
        _ sequence: Int32,
        count: Int = 1,
        producer: Int64 = 7,
        epoch: Int16 = 0,
        isTransactional: Bool = false
    ) throws(Log.Refusal) -> Log.Appended {
        guard
            let batch = try? Batch.make(
                (0..<count).map { "\($0)" },
                producerID: producer,
                epoch: epoch,
                sequence: sequence,
                isTransactional: isTransactional
            )
        else { throw Log.Refusal(.unknownServerError) }
        return try self.log.append(batch, rules: LogRules(), leaderEpoch: 0, now: 0, codecs: nil)
    }

    private mutating func refusal(
        _ sequence: Int32,
        count: Int = 1,
        epoch: Int16 = 0,
        isTransactional: Bool = false
    ) -> ErrorCode? {
        do throws(Log.Refusal) {
            _ = try self.append(sequence, count: count, epoch: epoch, isTransactional: isTransactional)
            return nil
        } catch {
            return error.code
        }
    }

    private mutating func mark(commit: Bool, producer: Int64 = 7, epoch: Int16 = 0) throws -> Log.Appended {
        try self.log.appendMarker(
            producerID: producer,
            producerEpoch: epoch,
            coordinatorEpoch: 0,
            isCommit: commit,
            leaderEpoch: 0,
            now: 0
        )
    }

    @Test mutating func aFreshProducerMayStartAnywhere() throws {
        #expect(try self.append(12345).baseOffset == 0)
        #expect(try self.append(12346).baseOffset == 1)
    }

    @Test mutating func theLastFiveBatchesAreRecognised() throws {
        for number in 0..<7 {
            #expect(try self.append(Int32(number * 2), count: 2).baseOffset == Int64(number * 2))
        }
        let copy = try self.append(4, count: 2)
        #expect(copy.isDuplicate && copy.baseOffset == 4 && copy.lastOffset == 5)
        #expect(self.log.endOffset == 14)
        // The sixth last is forgotten, and half a batch is no copy.
        #expect(self.refusal(2, count: 2) == .outOfOrderSequenceNumber)
        #expect(self.refusal(12, count: 1) == .outOfOrderSequenceNumber)
    }

    @Test mutating func gapsAndOldEpochsAreRefused() throws {
        _ = try self.append(0)
        #expect(self.refusal(2) == .outOfOrderSequenceNumber)
        #expect(self.refusal(5, epoch: 1) == .outOfOrderSequenceNumber, "a new epoch starts at 0")
        #expect(self.refusal(0, epoch: 1) == nil)
        #expect(self.refusal(1, epoch: 0) == .invalidProducerEpoch)
    }

    @Test mutating func sequencesWrapAround() throws {
        _ = try self.append(.max - 1, count: 2)
        #expect(self.refusal(0) == nil)
    }

    @Test mutating func openTransactionsHoldBackTheStableOffset() throws {
        _ = try self.append(0, count: 3, producer: 1, isTransactional: true)
        _ = try self.append(0, count: 2, producer: 2)
        _ = try self.append(0, count: 1, producer: 3, isTransactional: true)
        #expect(self.log.lastStableOffset == 0 && self.log.highWatermark == 6)
        #expect(try self.mark(commit: true, producer: 1).baseOffset == 6)
        #expect(self.log.lastStableOffset == 5)
        _ = try self.mark(commit: false, producer: 3)
        #expect(self.log.lastStableOffset == 8 && self.log.endOffset == 8)
        #expect(
            self.log.abortedTransactions == [Log.AbortedTransaction(producerID: 3, firstOffset: 5, lastOffset: 7)]
        )
        let slice = try self.log.readCommitted(from: 0, maxBytes: 1 << 20, needsOne: true)
        #expect(slice.aborted.map(\.producerID) == [3])
    }

    @Test mutating func aTransactionTakesNoPlainBatches() throws {
        _ = try self.append(0, isTransactional: true)
        #expect(self.refusal(1) == .invalidTxnState)
        _ = try self.mark(commit: true)
        #expect(self.refusal(1) == nil)
    }

    @Test mutating func markersFenceOldEpochs() throws {
        _ = try self.append(0, isTransactional: true)
        _ = try self.mark(commit: false, epoch: 1)
        #expect(self.refusal(1, isTransactional: true) == .invalidProducerEpoch)
        #expect(self.refusal(0, epoch: 1, isTransactional: true) == nil)
        #expect(throws: Log.Refusal.self) { try self.mark(commit: true, epoch: 0) }
    }

    @Test mutating func truncationForgetsWhatIsCutOff() throws {
        _ = try self.append(0)
        _ = try self.append(1)
        _ = try self.append(2)
        self.log.truncate(to: 1)
        #expect(self.log.endOffset == 1)
        #expect(self.refusal(2) == .outOfOrderSequenceNumber)
        #expect(try self.append(1).baseOffset == 1)
    }
}
