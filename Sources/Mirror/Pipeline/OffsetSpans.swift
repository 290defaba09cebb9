/// Neighbouring source records that are neighbours at the target too.
package struct OffsetSpan: Sendable, Hashable {
    package var source: Int64
    package var target: Int64
    package var count: Int64

    package init(source: Int64, target: Int64, count: Int64) {
        self.source = source
        self.target = target
        self.count = count
    }
}

/// Where the records of one partition went: spans of constant difference, oldest first.
///
/// A partition without holes is one span. The number of spans is bounded; the oldest are given up first.
package struct OffsetSpans: Sendable, Equatable {
    package private(set) var spans: [OffsetSpan] = []
    private let limit: Int

    package init(limit: Int = 1_024) {
        self.limit = max(2, limit)
    }

    /// Adds records that were written.
    package mutating func append(_ span: OffsetSpan) {
        guard span.count > 0 else { return }
        if let last = self.spans.last, last.source + last.count == span.source, last.target + last.count == span.target
        {
            self.spans[self.spans.count - 1].count += span.count
            return
        }
        // Half at a time, so that giving up does not cost a move of everything for each new span.
        if self.spans.count >= self.limit { self.spans.removeFirst(self.limit / 2) }
        self.spans.append(span)
    }

    /// The source offset of the record at a target offset.
    package func source(ofTarget target: Int64) -> Int64? {
        for span in self.spans.reversed() where (span.target..<span.target + span.count).contains(target) {
            return span.source + (target - span.target)
        }
        return nil
    }

    /// The target offset of the record at a source offset.
    package func target(ofSource source: Int64) -> Int64? {
        for span in self.spans.reversed() where (span.source..<span.source + span.count).contains(source) {
            return span.target + (source - span.source)
        }
        return nil
    }

    /// Forgets everything from a target offset on: the target lost it.
    package mutating func truncate(fromTarget target: Int64) {
        while let last = self.spans.last, last.target + last.count > target {
            if last.target >= target {
                self.spans.removeLast()
            } else {
                self.spans[self.spans.count - 1].count = target - last.target
            }
        }
    }
}
