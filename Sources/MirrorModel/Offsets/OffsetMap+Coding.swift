extension OffsetMap {
    /// Why bytes are not an offset map.
    package struct CodingError: Error, Equatable, CustomStringConvertible {
        package var description: String
    }

    private static let version: UInt8 = 1

    /// The map as bytes, for keeping it over a restart.
    package func encoded() -> [UInt8] {
        let flags = (isOrigin ? 0x10 : 0) | (isContinuation ? 0x20 : 0) | (isEmpty ? 0x80 : 0) as UInt8
        var bytes: [UInt8] = [Self.version, tailGap.rawValue | pendingGap.rawValue << 2 | flags]
        guard !isEmpty else { return bytes }
        for value in [
            sealed.baseSource, sealed.baseTarget, tail.count, tail.source,
            tail.target, scannedEnd, targetEnd, Int64(lostRuns), lostRecords,
            Int64(targetResets), Int64(sealed.count),
        ] {
            PackedRuns.write(UInt64(bitPattern: value), to: &bytes)
        }
        bytes += sealed.bytes
        return bytes
    }

    /// - Parameter byteLimit: how many bytes the runs may take from now on.
    package init(encoded bytes: [UInt8], byteLimit: Int = OffsetMap.defaultByteLimit) throws(CodingError) {
        self.init(byteLimit: byteLimit)
        guard bytes.count >= 2, bytes[0] == Self.version else {
            throw CodingError(description: "not an offset map of version \(Self.version)")
        }
        isOrigin = bytes[1] & 0x10 != 0
        guard bytes[1] & 0x80 == 0 else { return }
        isContinuation = bytes[1] & 0x20 != 0
        guard let tailGap = Gap(rawValue: bytes[1] & 3), let pendingGap = Gap(rawValue: bytes[1] >> 2 & 3) else {
            throw CodingError(description: "an offset map with a kind of gap that does not exist")
        }
        var index = 2
        func number() throws(CodingError) -> Int64 {
            guard let value = PackedRuns.read(bytes, &index), let number = Int64(exactly: value) else {
                throw CodingError(description: "an offset map that ends too early or has a number out of range")
            }
            return number
        }
        sealed = PackedRuns(baseSource: try number(), baseTarget: try number())
        let tailCount = try number()
        tail = Run(source: try number(), target: try number(), count: tailCount)
        self.tailGap = tailGap
        self.pendingGap = pendingGap
        scannedEnd = try number()
        targetEnd = try number()
        lostRuns = UInt32(clamping: try number())
        lostRecords = try number()
        targetResets = UInt32(clamping: try number())
        let count = try number()
        sealed.bytes = Array(bytes[index...])
        var iterator = sealed.makeIterator()
        while iterator.next() != nil {}
        guard iterator.index == sealed.bytes.count, Int64(iterator.passed) == count else {
            throw CodingError(description: "an offset map whose runs cannot be read")
        }
        sealed.count = iterator.passed
        sealed.sourceEnd = iterator.sourceEnd
        sealed.targetEnd = iterator.targetEnd
        let isTailInOrder =
            tail.count == 0
            || (tail.source >= sealed.sourceEnd && tail.target >= sealed.targetEnd
                && !tail.source.addingReportingOverflow(tail.count).overflow
                && !tail.target.addingReportingOverflow(tail.count).overflow
                && scannedEnd >= tail.sourceEnd && targetEnd >= tail.targetEnd)
        guard isTailInOrder, scannedEnd >= sealed.sourceEnd, targetEnd >= sealed.targetEnd else {
            throw CodingError(description: "an offset map whose runs are out of order")
        }
        if sealed.bytes.count > Int(self.byteLimit) { coarsen() }
    }
}
