package import KafkaProtocol
package import KafkaRecords
package import NIOCore

extension Log {
    /// Where a batch has gone.
    package struct Appended: Sendable, Hashable {
        package var baseOffset: Int64
        package var lastOffset: Int64
        /// -1 unless the log sets the timestamps.
        package var logAppendTime: Int64 = -1
        /// The batch was there before; nothing has been appended.
        package var isDuplicate = false
    }

    /// Why a batch is refused, as Produce answers it.
    package struct Refusal: Error, Sendable, Hashable {
        package var code: ErrorCode
        package var message: String?
        /// Positions of bad records in the batch, with what is wrong.
        package var records: [Int32: String] = [:]

        package init(_ code: ErrorCode, _ message: String? = nil, records: [Int32: String] = [:]) {
            self.code = code
            self.message = message
            self.records = records
        }
    }

    /// Appends what a client sent for this partition in one Produce request.
    ///
    /// The checks and their order are Kafka's (`ProduceRequest`, `UnifiedLog`, `LogValidator`,
    /// `ProducerStateManager`), except that records inside a batch are only looked at when a config asks for it.
    package mutating func append(
        _ records: ByteBuffer,
        rules: LogRules,
        leaderEpoch: Int32,
        now: Int64,
        codecs: (any RecordCodecs)?
    ) throws(Refusal) -> Appended {
        let batch = try Self.singleBatch(records)
        try Self.check(batch, rules: rules)
        try Self.checkTimestamps(batch, rules: rules, now: now)
        if batch.producerID >= 0, let copy = self.producers.duplicate(of: batch) {
            return Appended(
                baseOffset: copy.baseOffset,
                lastOffset: copy.lastOffset,
                logAppendTime: rules.timestampType == .logAppendTime ? copy.timestamp : -1,
                isDuplicate: true
            )
        }
        let stored = try BatchRewriter.adapt(batch, to: rules, now: now, codecs: codecs)
        do {
            try self.producers.check(batch)
        } catch {
            throw Refusal(error.code, error.message)
        }
        return self.store(stored, leaderEpoch: leaderEpoch, rules: rules)
    }

    /// Appends a batch that the broker itself has made, without any check.
    @discardableResult
    package mutating func appendInternal(_ batch: RecordBatchView, leaderEpoch: Int32) -> Appended {
        self.store(batch, leaderEpoch: leaderEpoch, rules: LogRules())
    }

    /// Ends a producer's transaction in this log: a control batch, and the decision about what it wrote.
    package mutating func appendMarker(
        producerID: Int64,
        producerEpoch: Int16,
        coordinatorEpoch: Int32,
        isCommit: Bool,
        leaderEpoch: Int32,
        now: Int64
    ) throws(Refusal) -> Appended {
        let start: Int64?
        do {
            start = try self.producers.endTransaction(
                producerID: producerID,
                epoch: producerEpoch,
                coordinatorEpoch: coordinatorEpoch,
                timestamp: now
            )
        } catch {
            throw Refusal(error.code, error.message)
        }
        let bytes = try? RecordBatchBuilder.endTransaction(
            isCommit ? .commit : .abort,
            baseOffset: 0,
            timestamp: now,
            producerID: producerID,
            producerEpoch: producerEpoch,
            coordinatorEpoch: coordinatorEpoch
        )
        guard let bytes, let batch = try? RecordBatchView(bytes) else { throw Refusal(.unknownServerError) }
        let offset = self.endOffset
        self.keep(batch, baseOffset: offset, leaderEpoch: leaderEpoch)
        if let start, !isCommit {
            self.abortedTransactions.append(
                AbortedTransaction(producerID: producerID, firstOffset: start, lastOffset: offset)
            )
        }
        return Appended(baseOffset: offset, lastOffset: offset)
    }

    private mutating func store(_ batch: RecordBatchView, leaderEpoch: Int32, rules: LogRules) -> Appended {
        let baseOffset = self.endOffset
        self.roll(before: batch.sizeInBytes, limit: rules.segmentBytes)
        self.keep(batch, baseOffset: baseOffset, leaderEpoch: leaderEpoch)
        self.producers.append(batch, baseOffset: baseOffset, timestamp: batch.maxTimestamp)
        return Appended(
            baseOffset: baseOffset,
            lastOffset: self.endOffset - 1,
            logAppendTime: rules.timestampType == .logAppendTime ? batch.maxTimestamp : -1
        )
    }

    /// Begins a new segment when the last one is full.
    private mutating func roll(before size: Int, limit: Int) {
        guard let last = self.segments.last, last.size > 0, last.size + size > limit else { return }
        self.segments.append(Segment(baseOffset: self.endOffset))
    }

    mutating func keep(_ batch: RecordBatchView, baseOffset: Int64, leaderEpoch: Int32) {
        self.leaderEpochs.assign(leaderEpoch, from: baseOffset)
        self.keep(StoredBatch(batch, baseOffset: baseOffset, leaderEpoch: leaderEpoch))
    }

    mutating func keep(_ batch: StoredBatch) {
        var stored = batch
        self.endOffset = batch.lastOffset + 1
        if self.segments.isEmpty { self.segments.append(Segment(baseOffset: batch.baseOffset)) }
        let segment = self.segments.count - 1
        stored.position = self.segments[segment].size
        self.batches.append(stored)
        self.size += batch.size
        self.segments[segment].append(batch.size, lastOffset: batch.lastOffset)
    }

    // MARK: - Checks

    /// One batch of the current format, as Produce demands since version 3.
    private static func singleBatch(_ records: ByteBuffer) throws(Refusal) -> RecordBatchView {
        guard records.readableBytes > 0 else {
            throw Refusal(.invalidRecord, "Produce requests must have exactly one record batch per partition")
        }
        let batch: RecordBatchView
        do {
            batch = try RecordBatchView(records)
        } catch {
            switch error.code {
            case .magic:
                throw Refusal(.invalidRecord, "Produce requests may only contain record batches with magic version 2")
            default:
                throw Refusal(.corruptMessage, error.cause)
            }
        }
        guard batch.sizeInBytes == records.readableBytes else {
            throw Refusal(.invalidRecord, "Produce requests must have exactly one record batch per partition")
        }
        return batch
    }

    private static func check(_ batch: RecordBatchView, rules: LogRules) throws(Refusal) {
        guard batch.baseOffset == 0 else {
            throw Refusal(
                .invalidRecord,
                "The baseOffset of the record batch should be 0, but it is \(batch.baseOffset)"
            )
        }
        guard batch.sizeInBytes <= rules.maxMessageBytes else {
            throw Refusal(
                .messageTooLarge,
                "The record batch size is \(batch.sizeInBytes) bytes which exceeds the maximum configured value of "
                    + "\(rules.maxMessageBytes)."
            )
        }
        guard batch.isValidCRC() else {
            throw Refusal(.corruptMessage, "Record is corrupt (stored crc = \(batch.crc))")
        }
        guard batch.codec != nil else {
            throw Refusal(.unsupportedCompressionType, "Unknown compression type")
        }
        guard batch.isDense else {
            throw Refusal(
                .invalidRecord,
                "Inconsistent batch offset range [0, \(batch.lastOffset)] and count of records \(batch.recordCount)"
            )
        }
        guard !batch.isControl else {
            throw Refusal(.invalidRecord, "Clients are not allowed to write control records")
        }
        guard batch.producerID < 0 || batch.baseSequence >= 0 else {
            throw Refusal(
                .invalidRecord,
                "Invalid sequence number \(batch.baseSequence) in record batch with producerId \(batch.producerID)"
            )
        }
    }

    private static func checkTimestamps(_ batch: RecordBatchView, rules: LogRules, now: Int64) throws(Refusal) {
        guard rules.timestampType == .createTime, batch.maxTimestamp >= 0 else { return }
        let age = now.subtractingReportingOverflow(batch.baseTimestamp).partialValue
        let lead = batch.maxTimestamp.subtractingReportingOverflow(now).partialValue
        guard age <= rules.timestampBeforeMaxMs, lead <= rules.timestampAfterMaxMs else {
            throw Refusal(
                .invalidTimestamp,
                "One or more records have been rejected due to invalid timestamp",
                records: [0: "Timestamp of the batch is out of range"]
            )
        }
    }
}
