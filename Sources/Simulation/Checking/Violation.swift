/// A promise that was not kept.
package struct Violation: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, CaseIterable {
        case lost, duplicated, reordered, altered, moved
        /// Something that consumers of the source do not see.
        case invisible
        case wrongMap, wrongTranslation
        case silent
        /// Faults are over and mirroring does not come to an end.
        case stuck
        case budget
    }

    package var kind: Kind
    package var text: String

    package var description: String { "\(kind.rawValue): \(text)" }
}
