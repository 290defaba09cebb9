import DequeModule
import KafkaCompression
import KafkaRecords
import NIOCore
import NIOPosix

/// Encodes batches again: small uncompressed ones at once, the others on a thread pool, few at a time.
///
/// Bounded: what does not run waits here with its source bytes, which still count against the fetch budget, so a slow
/// pool slows fetching down instead of filling memory.
final class RebuildWorker {
    typealias Completion = (Result<[AssembledBatch], RecordError>) -> Void

    private struct Job {
        var elements: [ScannedBatch]
        var rebuilder: BatchRebuilder
        var completion: Completion
    }

    /// Lends the codecs to the thread of one job.
    ///
    /// Unchecked: a loan is made to one job at a time, and taken back before the next.
    private struct Loan: @unchecked Sendable {
        let codecs: StandardCodecs
    }

    private static let inlineBytes = 32 << 10

    private let eventLoop: any EventLoop
    private let pool: NIOThreadPool
    private var idle: [Loan]
    private var waiting: Deque<Job> = []
    private let inlineCodecs = StandardCodecs()

    init(eventLoop: any EventLoop, pool: NIOThreadPool, width: Int = 2) {
        self.eventLoop = eventLoop
        self.pool = pool
        self.idle = (0..<max(1, width)).map { _ in Loan(codecs: StandardCodecs()) }
    }

    /// Encodes batches again; the completion runs on the event loop, possibly before this returns.
    func rebuild(_ elements: [ScannedBatch], _ rebuilder: BatchRebuilder, completion: @escaping Completion) {
        if elements.count == 1, elements[0].codec == CompressionCodec.none, elements[0].sizeInBytes <= Self.inlineBytes
        {
            completion(Self.run(elements, rebuilder, self.inlineCodecs))
            return
        }
        self.waiting.append(Job(elements: elements, rebuilder: rebuilder, completion: completion))
        self.startNext()
    }

    private func startNext() {
        while !self.idle.isEmpty, let job = self.waiting.popFirst() {
            let loan = self.idle.removeLast()
            let elements = job.elements
            let rebuilder = job.rebuilder
            let completion = NIOLoopBound((self, job.completion), eventLoop: self.eventLoop)
            self.pool.runIfActive(eventLoop: self.eventLoop) {
                Self.run(elements, rebuilder, loan.codecs)
            }.whenComplete { outcome in
                let (worker, completion) = completion.value
                worker.idle.append(loan)
                switch outcome {
                case .success(let result): completion(result)
                case .failure:
                    // The pool is shut down, and so is the shard: nobody waits for the batch.
                    break
                }
                worker.startNext()
            }
        }
    }

    private static func run(
        _ elements: [ScannedBatch],
        _ rebuilder: BatchRebuilder,
        _ codecs: StandardCodecs
    ) -> Result<[AssembledBatch], RecordError> {
        do throws(RecordError) {
            return .success(try rebuilder.rebuild(elements, codecs: codecs))
        } catch {
            return .failure(error)
        }
    }
}
