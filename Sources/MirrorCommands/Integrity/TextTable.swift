import Foundation

/// Columns for a terminal.
struct TextTable {
    private var rows: [[String]]

    init(_ heads: String...) {
        rows = [heads]
    }

    mutating func add(_ cells: String...) {
        rows.append(cells)
    }

    var lines: [String] {
        let widths = rows.reduce(into: [Int]()) { widths, row in
            for (index, cell) in row.enumerated() {
                if index < widths.count {
                    widths[index] = max(widths[index], cell.count)
                } else {
                    widths.append(cell.count)
                }
            }
        }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }.joined(separator: "  ")
        }
    }

    /// Milliseconds since 1970 as `2026-11-24T02:15:00Z`.
    static func time(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    }
}
