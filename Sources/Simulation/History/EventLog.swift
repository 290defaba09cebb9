import NIOCore

/// What happened in a history, in order: always as a hash, as text only when somebody wants to read it.
package struct EventLog {
    package private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    package private(set) var lines: [String] = []
    package private(set) var count = 0
    let isKept: Bool

    init(isKept: Bool) {
        self.isKept = isKept
    }

    mutating func add(
        _ now: NIODeadline,
        _ kind: StaticString,
        _ numbers: Int64...,
        text: @autoclosure () -> String = ""
    ) {
        count += 1
        mix(now.uptimeNanoseconds)
        kind.withUTF8Buffer { bytes in
            for index in bytes.indices { mix(UInt64(unsafe bytes[index])) }
        }
        for number in numbers { mix(UInt64(bitPattern: number)) }
        guard isKept else { return }
        let time = Double(now.uptimeNanoseconds) / 1e9
        let values = numbers.map { "\($0)" }.joined(separator: " ")
        let milliseconds = Int64(time * 1000)
        lines.append("\(milliseconds) ms  \(kind) \(values) \(text())")
    }

    private mutating func mix(_ value: UInt64) {
        hash = (hash ^ value) &* 0x0000_0100_0000_01b3
        hash ^= hash >> 29
    }
}
