import BenchBroker
import Foundation
import KafkaCompression
import KafkaProtocol
import KafkaRecords
import NIOCore

// bench-micro [NAME [SECONDS]]: what single steps of the data path cost: at best, or on average over SECONDS.

func plan(
    records: Int,
    bytes: Int,
    codec: CompressionCodec = .none,
    variant: LoadPlan.Variant = .plain
) -> LoadPlan {
    var plan = LoadPlan()
    plan.recordsPerBatch = records
    plan.recordBytes = bytes
    plan.codec = codec
    plan.variant = variant
    plan.partitionBytes = 4 << 20
    return plan
}

func batches(_ block: ByteBuffer) throws -> [RecordBatchView] {
    var scanner = RecordBatchScanner(block, checkCRCs: false)
    var result: [RecordBatchView] = []
    while let next = try scanner.next() {
        if case .batch(let view) = next { result.append(view) }
    }
    return result
}

func fetchResponse(partitions: Int, records: ByteBuffer?) -> FetchResponse {
    .with {
        $0.responses = [
            .with {
                $0.topicID = KafkaUUID(high: 1, low: 2)
                $0.partitions = (0..<partitions).map { index in
                    .with {
                        $0.partitionIndex = Int32(index)
                        $0.highWatermark = 1000
                        $0.lastStableOffset = 1000
                        $0.logStartOffset = 0
                        $0.records = RecordData(records ?? ByteBuffer())
                    }
                }
            }
        ]
    }
}

func codecBenchmarks(_ harness: Harness) throws {
    let version: Int16 = 13
    for partitions in [1, 500] {
        var encoded = ByteBuffer()
        try fetchResponse(partitions: partitions, records: nil).encode(into: &encoded, version: version)
        try harness.measure("decode Fetch response, \(partitions) partitions", operations: 1) {
            use(try FetchResponse.decode(exactly: encoded, version: version))
        }
        let request = FetchRequest.with {
            $0.topics = [
                .with {
                    $0.topicID = KafkaUUID(high: 1, low: 2)
                    $0.partitions = (0..<partitions).map { index in .with { $0.partition = Int32(index) } }
                }
            ]
        }
        let header = RequestHeader.with { $0.clientID = "bench" }
        try harness.measure("encode Fetch request, \(partitions) partitions") {
            use(try request.encodeFrame(header: header, headerVersion: 2, version: version))
        }
    }
    let block = try plan(records: 250, bytes: 1024).makeBlock()
    let views = try batches(block)
    let header = RequestHeader.with { $0.clientID = "bench" }
    let patch = BatchHeaderPatch.forwarding(producer: .init(id: 1, epoch: 0, baseSequence: 5))
    for partitions in [1, 4, 100] {
        let bytes = views[0].sizeInBytes * partitions
        try harness.measure("patch and encode Produce request, \(partitions) x 256 KB", bytes: bytes) {
            let request = ProduceRequest.with {
                $0.acks = -1
                $0.topicData = [
                    .with {
                        $0.name = "bench"
                        $0.partitionData = (0..<partitions).map { index in
                            .with {
                                $0.index = Int32(index)
                                $0.records = RecordData(parts: patch.apply(to: views[index % views.count]).parts)
                            }
                        }
                    }
                ]
            }
            use(try request.encodeFrame(header: header, headerVersion: 2, version: 9))
        }
    }
    var answer = ByteBuffer()
    try ProduceResponse.with {
        $0.responses = [.with { $0.partitionResponses = (0..<100).map { index in .with { $0.index = Int32(index) } } }]
    }.encode(into: &answer, version: 9)
    try harness.measure("decode Produce response, 100 partitions") {
        use(try ProduceResponse.decode(exactly: answer, version: 9))
    }
}

func batchBenchmarks(_ harness: Harness) throws {
    let patch = BatchHeaderPatch.forwarding(producer: .init(id: 1, epoch: 0, baseSequence: 5))
    let shapes = [("256 KB", 250, 1024), ("16 KB", 15, 1024), ("5 x 100 B", 5, 100), ("1 x 100 B", 1, 100)]
    for (name, records, bytes) in shapes {
        let block = try plan(records: records, bytes: bytes).makeBlock()
        let views = try batches(block)
        let size = block.readableBytes
        for checks in [false, true] {
            let what = "scan \(name) batches\(checks ? ", CRC" : "")"
            try harness.measure(what, bytes: size, operations: views.count) {
                var scanner = RecordBatchScanner(block, checkCRCs: checks)
                while let next = try scanner.next() { use(next) }
            }
        }
        try harness.measure("scan and patch \(name) batches", bytes: size, operations: views.count) {
            var scanner = RecordBatchScanner(block, checkCRCs: false)
            while let next = try scanner.next() {
                if case .batch(let view) = next { use(patch.apply(to: view)) }
            }
        }
        guard records <= 15 else { continue }
        try harness.measure("splice \(name) batches", bytes: size, operations: views.count) {
            var splicer = BatchSplicer(maxBytes: 1_000_000)
            for view in views where try !splicer.append(view) {
                use(try splicer.finish())
                _ = try splicer.append(view)
            }
            use(try splicer.finish())
        }
    }
}

func compressionBenchmarks(_ harness: Harness) throws {
    let codecs = StandardCodecs()
    let text = makeText(bytes: 256 << 10)
    for codec in [CompressionCodec.gzip, .snappy, .lz4, .zstd] {
        var compressed = ByteBuffer()
        try codecs.compress(text, with: codec, level: nil, into: &compressed)
        try harness.measure("compress 256 KB, \(codec)", bytes: text.readableBytes) {
            var output = ByteBufferAllocator().buffer(capacity: text.readableBytes)
            try codecs.compress(text, with: codec, level: nil, into: &output)
            use(output)
        }
        try harness.measure("decompress 256 KB, \(codec)", bytes: text.readableBytes) {
            use(try codecs.decompress(compressed, with: codec, limit: 1 << 20))
        }
    }
    for codec in [CompressionCodec.lz4, .zstd] {
        let block = try plan(records: 500, bytes: 1024, codec: codec, variant: .compacted).makeBlock()
        let views = try batches(block)
        let plain = try views.map { try codecs.decompress($0.recordsSection, with: codec, limit: 1 << 24) }
        let size = plain.reduce(0) { $0 + $1.readableBytes }
        let stored = block.readableBytes
        try harness.measure("compacted batches, \(codec): rebuild", bytes: size, stored: stored, operations: views.count)
        {
            for view in views {
                use(try BatchRebuilder(maxBatchBytes: 1_000_000).rebuild(.batch(view), codecs: codecs))
            }
        }
        try harness.measure(
            "compacted batches, \(codec): decompress and compress alone",
            bytes: size,
            stored: stored,
            operations: views.count
        ) {
            for (view, plain) in zip(views, plain) {
                use(try codecs.decompress(view.recordsSection, with: codec, limit: 1 << 24))
                var output = ByteBufferAllocator().buffer(capacity: plain.readableBytes)
                try codecs.compress(plain, with: codec, level: nil, into: &output)
                use(output)
            }
        }
    }
}

let options = CommandLine.arguments.dropFirst()
var harness = Harness(filter: options.first)
if let seconds = options.dropFirst().first.flatMap(Double.init) {
    harness.secondsPerRound = seconds
    harness.rounds = 1
}
do {
    try codecBenchmarks(harness)
    try batchBenchmarks(harness)
    try compressionBenchmarks(harness)
    try connectionBenchmarks(harness)
} catch {
    FileHandle.standardError.write(Data("bench-micro: \(error)\n".utf8))
    exit(1)
}
