import Foundation
import KafkaProtocol
import Mirror
import MirrorModel

/// Translated offsets for people and for programs.
enum OffsetAnswerText {
    /// One table per direction.
    static func table(_ answers: [OffsetAnswer]) -> String {
        var text = ""
        for answer in answers {
            var rows = [
                [
                    "GROUP", "AT \(answer.from)", "OFFSET", "AT \(answer.to)", "OFFSET", "HOW", "COMMITTED THERE",
                    "REMARK",
                ]
            ]
            for group in answer.groups {
                for line in group.lines {
                    rows.append([
                        group.id.string, "\(line.source)", "\(line.offset)",
                        line.target.map { "\($0)" } ?? "-", line.position.map { "\($0)" } ?? "-",
                        line.precision.rawValue, line.committed.map { "\($0)" } ?? "-",
                        [line.remark, state(group)].compactMap(\.self).joined(separator: "; "),
                    ])
                }
            }
            if rows.count == 1 {
                text += "No group of \(answer.from) has committed offsets.\n"
            } else {
                text += aligned(rows)
            }
        }
        return text
    }

    private static func state(_ group: OffsetAnswer.Group) -> String? {
        switch group.stateAtTarget {
        case .absent, .empty: nil
        case .active: "the group is active there"
        case .otherKind(let kind): "the group there is of kind “\(kind)”"
        case .unknown(let reason): reason
        }
    }

    /// Columns as wide as their widest cell; numbers stand to the right.
    private static func aligned(_ rows: [[String]]) -> String {
        let columns = rows.first?.count ?? 0
        let widths = (0..<columns).map { column in rows.map { $0[column].unicodeScalars.count }.max() ?? 0 }
        let numbers: Set<Int> = [2, 4, 6]
        return rows.map { row in
            let cells = row.indices.map { column in
                let blanks = String(repeating: " ", count: widths[column] - row[column].unicodeScalars.count)
                return numbers.contains(column) ? blanks + row[column] : row[column] + blanks
            }
            var line = Substring(cells.joined(separator: "  "))
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    // MARK: JSON

    private struct Answer: Encodable {
        let from: String
        let to: String
        let groups: [Group]
    }

    private struct Group: Encodable {
        let group: String
        let stateAtTarget: String
        let partitions: [Line]
    }

    private struct Line: Encodable {
        let topic: String
        let partition: Int32
        let offset: Int64
        let metadata: String
        let targetTopic: String?
        let targetPartition: Int32?
        let targetOffset: Int64?
        let precision: String
        let remark: String?
        let committedAtTarget: Int64?

        // Absent values are null, so that every object has every member.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(topic, forKey: .topic)
            try container.encode(partition, forKey: .partition)
            try container.encode(offset, forKey: .offset)
            try container.encode(metadata, forKey: .metadata)
            try container.encode(targetTopic, forKey: .targetTopic)
            try container.encode(targetPartition, forKey: .targetPartition)
            try container.encode(targetOffset, forKey: .targetOffset)
            try container.encode(precision, forKey: .precision)
            try container.encode(remark, forKey: .remark)
            try container.encode(committedAtTarget, forKey: .committedAtTarget)
        }

        enum CodingKeys: String, CodingKey {
            case topic, partition, offset, metadata, targetTopic, targetPartition, targetOffset, precision, remark
            case committedAtTarget
        }
    }

    /// An array with one object per direction.
    static func json(_ answers: [OffsetAnswer]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(
            answers.map { answer in
                Answer(
                    from: answer.from,
                    to: answer.to,
                    groups: answer.groups.map { group in
                        Group(
                            group: group.id.string,
                            stateAtTarget: stateName(group.stateAtTarget),
                            partitions: group.lines.map(Self.line)
                        )
                    }
                )
            }
        )
        return String(decoding: data, as: UTF8.self)
    }

    private static func line(_ line: OffsetAnswer.Line) -> Line {
        Line(
            topic: line.source.topic.string,
            partition: line.source.partition,
            offset: line.offset,
            metadata: line.metadata,
            targetTopic: line.target?.topic.string,
            targetPartition: line.target?.partition,
            targetOffset: line.position,
            precision: line.precision.rawValue,
            remark: line.remark,
            committedAtTarget: line.committed
        )
    }

    private static func stateName(_ state: TargetGroup.State) -> String {
        switch state {
        case .absent: "absent"
        case .empty: "empty"
        case .active: "active"
        case .otherKind: "other"
        case .unknown: "unknown"
        }
    }
}
