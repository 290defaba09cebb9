/// What can make a copy differ from its source.
package enum GapKind: String, Sendable, Hashable, CaseIterable {
    /// Source records were removed before they were mirrored: by retention or DeleteRecords.
    case retention
    /// The source lost records that are mirrored; its log took another course.
    case truncation
    /// The source topic was deleted and created again.
    case recreated
    /// The target lost mirrored records: truncated, or deleted and created again.
    case targetChanged = "target-changed"
    /// The target holds records that this mirror has not written.
    case foreignWriter = "foreign-writer"
    /// A source batch cannot be decoded, or its checksum is wrong.
    case undecodable
    /// The source ends before the position, and it does not say where its log took another course.
    case outOfRange = "out-of-range"
    /// Records were left out because somebody said so when releasing a partition.
    case skipped

    /// The key of the file that decides what happens then; nil where nothing is left to decide.
    package var key: String? { self == .skipped ? nil : "kafka.mirror.on.\(rawValue)" }

    /// What happens when the file says nothing.
    ///
    /// Going on is the default where waiting brings nothing back and going on loses nothing more. Where going on would
    /// leave records out that may still be had, the partition stops and waits for somebody to decide.
    package var defaultPolicy: GapPolicy {
        switch self {
        case .retention, .truncation, .recreated, .targetChanged, .foreignWriter, .skipped: .continue
        case .undecodable, .outOfRange: .pause
        }
    }
}

/// What happens when a copy turns out to differ from its source.
package enum GapPolicy: String, Sendable, Hashable, CaseIterable {
    /// Record the gap and go on.
    case `continue`
    /// Stop the partition until it is released.
    case pause
    /// Stop the whole flow.
    case fail
}
