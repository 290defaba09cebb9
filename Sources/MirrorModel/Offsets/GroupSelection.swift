package import KafkaProtocol

/// Which groups of the source have their offsets translated, and why the others have not.
package struct GroupSelection: Sendable, Equatable {
    package private(set) var selected: [GroupID] = []
    package private(set) var skipped: [GroupID: GroupReport.SkipReason] = [:]

    /// - Parameter groups: name, protocol and type of each group, as the list of groups shows them: groups of
    ///   consumers under either protocol, and those that only commit offsets, which have no protocol.
    package init(groups: [(id: GroupID, protocolType: String, type: String)], filter: NameFilter) {
        for group in groups {
            let isOfConsumers = group.protocolType.isEmpty || group.protocolType == "consumer"
            let isOtherType = !["", "classic", "consumer"].contains(group.type.lowercased())
            if !filter.accepts(group.id.string) {
                skipped[group.id] = .notSelected
            } else if !isOfConsumers || isOtherType {
                skipped[group.id] = .otherKind(isOtherType ? group.type : group.protocolType)
            } else {
                selected.append(group.id)
            }
        }
    }
}
