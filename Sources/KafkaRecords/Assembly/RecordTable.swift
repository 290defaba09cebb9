import NIOCore

/// The records of several decoded batches, by position: nothing is copied until a record is written.
struct RecordTable {
    private enum Source {
        /// The records of a version 2 batch, decompressed.
        case section(ByteBuffer)
        /// Messages of an older format.
        case messages([Record])
    }

    private struct Entry {
        var source: Int32
        /// The position in a section or the index of a message.
        var position: Int
        var size: Int
        var offset: Int64
        var timestamp: Int64
    }

    private var sources: [Source] = []
    private var entries: [Entry] = []

    var count: Int { entries.count }

    func offset(at index: Int) -> Int64 { entries[index].offset }

    /// Roughly the bytes that records take in an uncompressed batch.
    func size(of range: Range<Int>) -> Int {
        entries[range].reduce(BatchHeader.size) { $0 + $1.size }
    }

    /// Where to cut a range so that both parts have about the same size and neither is empty.
    func middle(of range: Range<Int>) -> Int {
        let half = size(of: range) / 2
        var sum = 0
        for index in range.dropLast() {
            sum += entries[index].size
            if sum >= half { return max(index, range.lowerBound + 1) }
        }
        return range.upperBound - 1
    }

    /// Decodes a batch and adds its records from an offset on; those of control batches are none.
    mutating func append(
        _ element: ScannedBatch,
        from start: Int64,
        codecs: any RecordCodecs,
        limit: Int
    ) throws(RecordError) {
        switch element {
        case .batch(let batch):
            guard !batch.isControl else { return }
            try append(batch, from: start, codecs: codecs, limit: limit)
        case .legacy(let message):
            append(try message.records(codecs: codecs, limit: limit), from: start)
        }
    }

    private mutating func append(_ records: [Record], from start: Int64) {
        for (index, record) in records.enumerated() where record.offset >= start {
            let size = (record.key?.readableBytes ?? 0) + (record.value?.readableBytes ?? 0) + 30
            entries.append(
                Entry(
                    source: Int32(sources.count),
                    position: index,
                    size: size,
                    offset: record.offset,
                    timestamp: record.timestamp
                )
            )
        }
        sources.append(.messages(records))
    }

    private mutating func append(
        _ batch: RecordBatchView,
        from start: Int64,
        codecs: any RecordCodecs,
        limit: Int
    ) throws(RecordError) {
        let header = batch.header
        var previous: Int32 = -1
        do throws(RecordError) {
            let section = try batch.decompressedSection(codecs: codecs, limit: limit)
            // Later ones grow it in steps: space for just one batch more would copy all that are there.
            if entries.isEmpty { entries.reserveCapacity(Int(header.recordCount)) }
            try section.withCursor { cursor throws(RecordError) in
                for _ in 0..<header.recordCount {
                    let position = cursor.position
                    let frame = try RecordFrame(from: &cursor)
                    try header.check(frame, after: previous)
                    previous = frame.offsetDelta
                    let offset = header.baseOffset &+ Int64(frame.offsetDelta)
                    guard offset >= start else { continue }
                    entries.append(
                        Entry(
                            source: Int32(sources.count),
                            position: position,
                            size: cursor.position - position,
                            offset: offset,
                            timestamp: header.timestamp(of: frame)
                        )
                    )
                }
                guard cursor.remaining == 0 else {
                    throw RecordError(.content, "\(cursor.remaining) bytes follow the last record")
                }
            }
            sources.append(.section(section))
        } catch {
            throw error.at(header.baseOffset &+ Int64(previous) &+ 1)
        }
    }

    /// Adds a record to a batch, with the batch's next offset.
    func write(_ index: Int, into builder: inout RecordBatchBuilder) throws(RecordError) {
        let entry = entries[index]
        switch sources[Int(entry.source)] {
        case .messages(let records):
            var record = records[entry.position]
            record.offset = builder.nextOffset
            builder.append(record)
        case .section(let section):
            try section.withCursor { cursor throws(RecordError) in
                try cursor.skip(entry.position)
                let frame = try RecordFrame(from: &cursor)
                builder.append(frame, from: cursor, offset: builder.nextOffset, timestamp: entry.timestamp)
            }
        }
    }
}
