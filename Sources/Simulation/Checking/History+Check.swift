import KafkaClient
import KafkaProtocol
import KafkaRecords
import Mirror
import MirrorModel
import NIOCore

/// What must hold after every history.
extension History {
    func check() {
        for index in pairs.indices { check(index) }
        guard let process = processes.last(where: { $0.isAlive }) else { return }
        if process.fetcher.budget.used != process.fetcher.requestedBytes {
            violate(
                .budget,
                "\(process.fetcher.budget.used) bytes are charged and \(process.fetcher.requestedBytes) asked for"
            )
        }
    }

    private func violate(_ kind: Violation.Kind, _ text: String) {
        violations.append(Violation(kind: kind, text: text))
    }

    private struct Copy {
        var offset: Int64
        /// Nil for a record of somebody else.
        var birth: Int?
    }

    private func check(_ index: Int) {
        let copies = readTarget(index)
        statistics.recordsChecked += copies.count
        checkOrder(index, copies)
        checkCompleteness(index, copies)
        checkMap(index, copies)
    }

    /// Reads the target and compares each record with the one that was produced.
    private func readTarget(_ index: Int) -> [Copy] {
        let partition = pairs[index].target
        guard let log = target[partition] else { return [] }
        var copies: [Copy] = []
        for batch in log.batches where !batch.isControl {
            // Consumers of the mirror read what is committed.
            if batch.isTransactional, batch.next > log.lastStable || log.isAborted(batch) { continue }
            guard let view = try? RecordBatchView(batch.bytes), let records = try? view.records(codecs: codecs) else {
                violate(.altered, "\(partition): the batch at \(batch.base) cannot be read")
                continue
            }
            for record in records {
                let parts = record.value.map { String(buffer: $0) }?.split(
                    separator: "|",
                    omittingEmptySubsequences: false
                )
                guard let parts, parts.count == 3, let owner = Int(parts[0]), let birth = Int(parts[1]) else {
                    if !truth[index].hadForeignWriter {
                        violate(.invisible, "\(partition): the record at \(record.offset) was never produced")
                    }
                    copies.append(Copy(offset: record.offset, birth: nil))
                    continue
                }
                guard owner == index else {
                    violate(.moved, "\(partition): the record at \(record.offset) belongs to \(pairs[owner].target)")
                    continue
                }
                guard truth[index].born.indices.contains(birth) else {
                    violate(.altered, "\(partition): the record at \(record.offset) is number \(birth)")
                    continue
                }
                let born = truth[index].born[birth]
                if born.record.key != record.key || born.record.value != record.value
                    || born.record.timestamp != record.timestamp || born.record.headers != record.headers
                {
                    violate(.altered, "\(partition): the record at \(record.offset), number \(birth), is another one")
                }
                // What an election cut off has been committed before; the marker is gone with it.
                if plan.isReadCommitted, born.fate == .aborted || born.fate == .open && born.removal != .truncation,
                    !truth[index].wasTruncatedAtSource
                {
                    violate(.invisible, "\(partition): the record at \(record.offset) is \(born.fate) at the source")
                }
                copies.append(Copy(offset: record.offset, birth: birth))
            }
        }
        return copies
    }

    private func checkOrder(_ index: Int, _ copies: [Copy]) {
        let partition = pairs[index].target
        let reports = truth[index].reports
        // Two owners of one partition are not kept apart in the default mode, and a target that lost its place in the
        // source is filled from the beginning: both are said.
        if truth[index].hadTwoOwners, !plan.isExactlyOnce,
            truth[index].producers.count > 1 || !isUndisturbed(index, despiteOwners: true)
        {
            return
        }
        // It names a producer that has not written, so that late batches of the one that has are not refused.
        if truth[index].hadStaleProgress, reports.hasForeign || reports.hasSourceRecreation { return }
        if reports.hasTargetLoss, truth[index].wasTruncatedAtTarget { return }
        if truth[index].lostProducers,
            reports.hasTargetTruncation || reports.hasTargetRecreation || reports.hasForeign
        {
            return
        }
        var seen: Set<Int> = []
        var last = -1
        for copy in copies {
            guard let birth = copy.birth else { continue }
            if !seen.insert(birth).inserted {
                violate(.duplicated, "\(partition): number \(birth) is there again at \(copy.offset)")
                return
            }
            if birth < last {
                violate(.reordered, "\(partition): number \(birth) at \(copy.offset) comes after \(last)")
                return
            }
            last = birth
        }
    }

    private func isVisible(_ born: BornRecord) -> Bool { !plan.isReadCommitted || born.fate == .committed }

    private func checkCompleteness(_ index: Int, _ copies: [Copy]) {
        let partition = pairs[index].source
        let there = Set(copies.compactMap(\.birth))
        let state = truth[index]
        for (birth, born) in state.born.enumerated() where !there.contains(birth) && isVisible(born) {
            // The target lost all of a process's records, took the next ones in their place, and then the process died.
            if state.lostProducers, state.reports.hasForeign { continue }
            switch born.removal {
            case .none:
                // Records of somebody else in the place of lost ones are taken for what was there.
                if state.wasTruncatedAtTarget, state.hadForeignWriter, state.reports.hasTargetTruncation { continue }
                violate(.lost, "\(partition): number \(birth), source offset \(born.record.offset)")
                return
            case .retention:
                if state.lostProducers, state.reports.hasTargetTruncation { continue }
                // The target's copies of records that were cut off are counted as those of records that were removed.
                if state.wasTruncatedAtSource, state.reports.hasForeign { continue }
                let offset = born.record.offset
                if let begun = state.begun[born.topicID], offset < begun { continue }
                if state.reports.gaps.contains(where: { $0.topic == born.topicID && $0.range.contains(offset) }) {
                    continue
                }
                if state.wasRecreatedAtTarget || state.wasRecreatedAtSource || state.reports.hasTargetLoss { continue }
                violate(
                    .silent,
                    "\(partition): number \(birth), offset \(offset), was deleted unseen and no gap is told"
                )
                return
            case .truncation, .recreation: continue
            }
        }
        // What was mirrored and is no longer in the source's history has to be said.
        let phantoms = copies.contains { $0.birth.map { state.born[$0].removal == .truncation } ?? false }
        // Without progress it is only seen that they are not the source's.
        if phantoms, !state.reports.hasSourceTruncation, !state.reports.hasForeign, !state.wasRecreatedAtSource {
            violate(.silent, "\(partition): records were mirrored and then cut off at the source, and nobody is told")
        }
    }

    /// Whether it is the copy of a record that the source has not lost.
    private func isStill(_ index: Int, _ copy: Copy) -> Bool {
        copy.birth.map { truth[index].born[$0].removal != .truncation } ?? false
    }

    /// Whether no fault has touched the data of the partition or of its mirror.
    private func isUndisturbed(_ index: Int, despiteOwners: Bool = false) -> Bool {
        let state = truth[index]
        if state.hadTwoOwners, !despiteOwners { return false }
        return !state.wasTruncatedAtSource && !state.wasRecreatedAtSource && !state.wasTruncatedAtTarget
            && !state.wasRecreatedAtTarget && !state.hadForeignWriter
            && !state.born.contains { $0.removal == .retention }
    }

    /// What consumer groups would be told: never past a record that they have not read, and never backwards.
    private func checkMap(_ index: Int, _ copies: [Copy]) {
        guard let process = processes.last(where: { $0.isAlive }), process.cell(of: pairs[index].source) != nil,
            let log = source[pairs[index].source], !truth[index].hadTwoOwners, !truth[index].lostProducers,
            !truth[index].hadStaleProgress,
            !(truth[index].wasTruncatedAtTarget && truth[index].hadForeignWriter)
        else { return }
        let partition = pairs[index].source
        var visible: [(offset: Int64, birth: Int)] = []
        for batch in log.batches {
            for (birth, offset) in zip(batch.births, batch.recordOffsets) where isVisible(truth[index].born[birth]) {
                visible.append((offset, birth))
            }
        }
        var places: [Int: Int64] = [:]
        for copy in copies { if let birth = copy.birth { places[birth] = copy.offset } }
        let end = target[pairs[index].target]?.end ?? 0
        var last: Int64 = -1
        var next = 0
        for offset in log.start...log.end {
            while next < visible.count, visible[next].offset < offset { next += 1 }
            let expected = next < visible.count ? places[visible[next].birth] ?? end : end
            var answer: Int64
            var isExact = false
            switch process.offsets.translate(source: partition, offset: offset) {
            case .exact(let place):
                answer = place
                isExact = true
            case .bounded(let place): answer = place
            // Nothing that the group has not read is before it.
            case .beforeHistory(let earliest):
                answer = earliest
                isExact = isUndisturbed(index)
            case .unknown: answer = -1
            }
            if !isExact, isUndisturbed(index), !truth[index].hadUnknownPlaces {
                violate(
                    .wrongTranslation,
                    "\(partition): where offset \(offset) is at the target is not known exactly: "
                        + "\(process.offsets.translate(source: partition, offset: offset))"
                )
                return
            }
            guard answer >= 0 else { continue }
            if mutation == .mapOffByOne { answer += 1 }
            statistics.offsetsChecked += 1
            if answer > expected {
                violate(.wrongMap, "\(partition): offset \(offset) becomes \(answer), past the record at \(expected)")
                return
            }
            if isExact, copies.contains(where: { $0.offset >= answer && $0.offset < expected && isStill(index, $0) }) {
                violate(.wrongMap, "\(partition): offset \(offset) becomes exactly \(answer), and it is \(expected)")
                return
            }
            if answer < last {
                violate(.wrongMap, "\(partition): offset \(offset) becomes \(answer), one before it \(last)")
                return
            }
            last = answer
        }
    }
}
