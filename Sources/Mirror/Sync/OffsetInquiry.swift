package import KafkaClient
package import KafkaProtocol
package import Logging
package import MirrorModel
package import NIOCore

/// Asks both clusters where groups of one go on at the other, from what Kafka holds of the flows between them.
///
/// Topics that the flow `from->to` mirrors are translated with its maps. Topics that the flow `to->from` has brought here
/// are translated back with its maps: that is failback.
package struct OffsetInquiry: Sendable {
    /// Why there is no answer.
    package struct Problem: Error, Equatable, CustomStringConvertible {
        package let message: String
        package let nextStep: String

        package var description: String { "\(message); \(nextStep)" }
    }

    package let from: String
    package let to: String
    private let forward: FlowConfiguration?
    private let backward: FlowConfiguration?

    /// - Parameter configuration: at least one of the two flows between the clusters has to be on.
    package init(_ configuration: MirrorConfiguration, from: String, to: String) throws(Problem) {
        for alias in [from, to] where !configuration.clusters.contains(alias) {
            throw Problem(
                message: "\(configuration.file) names no cluster \(alias)",
                nextStep: "name one of \(configuration.clusters.joined(separator: ", "))"
            )
        }
        guard from != to else {
            throw Problem(message: "\(from) is both ends", nextStep: "name two different clusters")
        }
        func flow(_ source: String, _ target: String) -> FlowConfiguration? {
            configuration.flows.first { $0.isEnabled && $0.sourceAlias == source && $0.targetAlias == target }
        }
        self.from = from
        self.to = to
        self.forward = flow(from, to)
        self.backward = flow(to, from)
        guard forward != nil || backward != nil else {
            throw Problem(
                message: "no flow between \(from) and \(to) is switched on in \(configuration.file)",
                nextStep: "write \(from)->\(to).enabled = true"
            )
        }
    }

    /// One inquiry for each flow that is on, in its direction.
    package static func all(_ configuration: MirrorConfiguration) -> [OffsetInquiry] {
        configuration.flows.filter(\.isEnabled).compactMap {
            try? OffsetInquiry(configuration, from: $0.sourceAlias, to: $0.targetAlias)
        }
    }

    /// - Parameters:
    ///   - groups: these; nil for all that the flow's configuration selects.
    ///   - patience: how long to wait for a running mirror to write down what the groups have read last.
    package func answer(
        groups: [GroupID]?,
        patience: Duration,
        eventLoopGroup: any EventLoopGroup,
        logger: Logger,
        deadline: Deadline
    ) async throws -> OffsetAnswer {
        let clients = try [forward, backward].map { flow in
            try flow.map { try FlowClients($0, eventLoopGroup: eventLoopGroup, logger: logger) }
        }
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            for client in clients.flatMap({ $0?.all ?? [] }) { tasks.addTask { await client.run() } }
            defer { for client in clients.flatMap({ $0?.all ?? [] }) { client.close() } }
            let run = InquiryRun(
                inquiry: self,
                forward: forward.flatMap { flow in clients[0].map { (flow, $0) } },
                backward: backward.flatMap { flow in clients[1].map { (flow, $0) } },
                logger: logger,
                deadline: deadline
            )
            return try await run.answer(groups: groups, patience: patience)
        }
    }
}

/// The work of one inquiry, with its clients connected.
private struct InquiryRun {
    typealias Side = (flow: FlowConfiguration, clients: FlowClients)

    let inquiry: OffsetInquiry
    let forward: Side?
    let backward: Side?
    let logger: Logger
    let deadline: Deadline

    private func client(_ atSource: KeyPath<FlowClients, KafkaClient>, _ atTarget: KeyPath<FlowClients, KafkaClient>)
        throws -> KafkaClient
    {
        guard let client = forward?.clients[keyPath: atSource] ?? backward?.clients[keyPath: atTarget] else {
            throw OffsetInquiry.Problem(message: "no flow is switched on", nextStep: "correct the file")
        }
        return client
    }

    func answer(groups names: [GroupID]?, patience: Duration) async throws -> OffsetAnswer {
        let here = try client(\.sourceAdmin, \.targetAdmin)
        let there = try client(\.targetAdmin, \.sourceAdmin)
        var groups = names ?? []
        if names == nil { groups = try await selectedGroups(at: here) }
        let committed = try await committedOffsets(of: groups, areNamed: names != nil, at: here)

        let end = ContinuousClock.now + patience
        var plan = try await plan(committed)
        // A mirror that runs writes down every second how far it is.
        while plan.isBehind, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(300))
            plan = try await self.plan(committed)
        }
        return try await answer(plan.plan, committed: committed, at: there)
    }

    private func selectedGroups(at client: KafkaClient) async throws -> [GroupID] {
        guard let filter = (forward ?? backward)?.flow.checkpoints.groups else { return [] }
        let groups = try await client.listGroups(deadline: deadline)
        return GroupSelection(
            groups: groups.map { ($0.id, $0.protocolType.string, $0.type.string) },
            filter: filter
        ).selected
    }

    private func committedOffsets(
        of groups: [GroupID],
        areNamed: Bool,
        at client: KafkaClient
    ) async throws -> [GroupID: [TopicPartition: GroupPosition?]] {
        var committed: [GroupID: [TopicPartition: GroupPosition?]] = [:]
        for (group, result) in await client.groupOffsets(ofAll: groups, deadline: deadline) {
            switch result {
            case .success(let offsets):
                for (partition, offset) in offsets {
                    let offset = try offset.get()
                    committed[group, default: [:]][partition] = GroupPosition(
                        offset: offset.offset,
                        metadata: offset.metadata?.string ?? ""
                    )
                }
            case .failure(let error) where error.kafkaError == .groupIDNotFound: break
            case .failure(let error): throw error
            }
        }
        if areNamed {
            for group in groups where committed[group] == nil {
                throw OffsetInquiry.Problem(
                    message: "group \(group) has no committed offsets at cluster \(inquiry.from)",
                    nextStep: "check the name, or leave --group out to see all groups"
                )
            }
        }
        return committed
    }

    // MARK: Translation

    private func plan(
        _ committed: [GroupID: [TopicPartition: GroupPosition?]]
    ) async throws -> (plan: CheckpointPlan, isBehind: Bool) {
        let there = try await kept(forward)
        let back = try await kept(backward)
        if there?.isKnown != true, back?.isKnown != true {
            let side = forward ?? backward
            throw OffsetInquiry.Problem(
                message: "nothing has been mirrored yet between \(inquiry.from) and \(inquiry.to): topic "
                    + "\(side?.flow.progressTopic.name ?? "") does not exist at \(side?.flow.targetAlias ?? "")",
                nextStep: "start the mirror"
            )
        }
        var isBehind = false
        let plan = CheckpointPlan(
            committed: committed,
            last: [:],
            place: { self.place(of: $0) },
            translate: { source, offset in
                if let original = self.original(of: source) {
                    guard let map = back?.maps[original] else { return .unknown(.nothingMirrored) }
                    if offset > map.targetOffsets.upperBound { isBehind = true }
                    return map.translate(target: offset)
                }
                guard let map = there?.maps[source] else { return .unknown(.nothingMirrored) }
                if offset > map.sourceOffsets.upperBound { isBehind = true }
                return map.translate(source: offset)
            }
        )
        return (plan, isBehind)
    }

    private func kept(_ side: Side?) async throws -> KeptOffsets? {
        guard let side else { return nil }
        return try await KeptOffsets.read(side.flow, clients: side.clients, logger: logger, deadline: deadline)
    }

    private func place(of source: TopicPartition) -> CheckpointPlan.Place {
        if let original = original(of: source) { return .partition(original) }
        guard let selection = forward?.flow.selection, selection.shouldReplicate(source.topic) else {
            return .none(.topicNotSelected)
        }
        return .partition(TopicPartition(topic: selection.targetTopic(of: source.topic), partition: source.partition))
    }

    /// Where a partition comes from, if the flow the other way has brought it here.
    private func original(of partition: TopicPartition) -> TopicPartition? {
        guard let selection = backward?.flow.selection,
            selection.policy.source(of: partition.topic)?.utf8.elementsEqual(selection.sourceAlias.utf8) == true,
            let topic = selection.policy.upstreamTopic(of: partition.topic), selection.shouldReplicate(topic),
            selection.targetTopic(of: topic) == partition.topic
        else { return nil }
        return TopicPartition(topic: topic, partition: partition.partition)
    }

    // MARK: Answer

    private func answer(
        _ plan: CheckpointPlan,
        committed: [GroupID: [TopicPartition: GroupPosition?]],
        at client: KafkaClient
    ) async throws -> OffsetAnswer {
        let groups = TargetGroups(client: client)
        let ids = committed.keys.sorted()
        let target = await groups.look(at: ids, deadline: deadline)
        let ranges = await groups.ranges(of: Set(plan.report.compactMap(\.target)), deadline: deadline)
        var lines: [GroupID: [OffsetAnswer.Line]] = [:]
        for line in plan.report {
            guard let position = committed[line.group]?[line.source] ?? nil else { continue }
            lines[line.group, default: []].append(
                Self.line(line, position, ranges: ranges, target: target[line.group])
            )
        }
        return OffsetAnswer(
            from: inquiry.from,
            to: inquiry.to,
            groups: ids.map { id in
                OffsetAnswer.Group(
                    id: id,
                    stateAtTarget: target[id]?.state ?? .absent,
                    lines: lines[id] ?? []
                )
            }
        )
    }

    private static func line(
        _ line: CheckpointPlan.Line,
        _ committed: GroupPosition,
        ranges: [TopicPartition: ClosedRange<Int64>],
        target: TargetGroup?
    ) -> OffsetAnswer.Line {
        var precision: OffsetAnswer.Precision
        var position = line.outcome.position
        var remark: String?
        switch line.outcome {
        case .exact: precision = .exact
        case .bounded: (precision, remark) = (.bounded, "some records may come again")
        case .earliest: (precision, remark) = (.earliest, "the group stands before all mirrored records")
        case .skipped(let reason): (precision, remark) = (.none, reason.text)
        }
        if case .skipped(.nothingMirrored) = line.outcome, let range = line.target.flatMap({ ranges[$0] }),
            range.lowerBound == range.upperBound
        {
            // What is mirrored from now on will be there.
            (position, precision, remark) = (range.upperBound, .exact, "nothing is there yet")
        }
        if let offset = position, let partition = line.target {
            if let range = ranges[partition] {
                if offset < range.lowerBound {
                    (position, remark) = (range.lowerBound, "the records before it are no longer there")
                } else if offset > range.upperBound {
                    (position, precision) = (nil, .none)
                    remark = "offset \(offset) lies beyond the end of the partition, \(range.upperBound)"
                }
            } else {
                (position, precision, remark) = (nil, .none, "the partition is not there, or cannot be asked")
            }
        }
        return OffsetAnswer.Line(
            source: line.source,
            offset: committed.offset,
            metadata: committed.metadata,
            target: line.target,
            position: position,
            precision: precision,
            remark: remark,
            committed: line.target.flatMap { target?.committed[$0] ?? nil }?.offset
        )
    }
}
