import NIOCore

/// A Fetch that waits for data until its time is up.
final class ParkedFetch {
    private let cluster: Cluster
    private let partitions: [Partition]
    /// Tries to answer and returns whether the fetch is done; the argument tells that waiting is over.
    private var attempt: ((Bool) -> Bool)?
    private var deadline: Scheduled<Void>?
    /// Bytes that must still be appended before another attempt makes sense.
    private var missingBytes: Int
    private var isAttemptScheduled = false

    /// Parks a fetch at the partitions it reads.
    init(
        _ cluster: Cluster,
        partitions: [Partition],
        missingBytes: Int,
        wait: TimeAmount,
        attempt: @escaping (Bool) -> Bool
    ) {
        self.cluster = cluster
        self.partitions = partitions
        self.missingBytes = missingBytes
        self.attempt = attempt
        for partition in partitions { partition.waiters.append(self) }
        self.deadline = cluster.schedule(after: wait) { self.finish() }
    }

    /// Something has changed; the attempt follows once the current request is through, as it may change more.
    func wake(appended bytes: Int?) {
        if let bytes {
            self.missingBytes -= bytes
            guard self.missingBytes <= 0 else { return }
        }
        guard !self.isAttemptScheduled else { return }
        self.isAttemptScheduled = true
        self.cluster.execute {
            self.isAttemptScheduled = false
            guard let attempt = self.attempt, attempt(false) else { return }
            self.leave()
        }
    }

    private func finish() {
        guard let attempt = self.attempt else { return }
        self.leave()
        _ = attempt(true)
    }

    private func leave() {
        self.attempt = nil
        self.deadline?.cancel()
        for partition in self.partitions {
            partition.waiters.removeAll { $0 === self }
        }
    }
}
