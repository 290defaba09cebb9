import KafkaProtocol
import MirrorModel
import Synchronization

/// Comparisons that take longer than others may wait for them, to be gone on with.
final class UnfinishedPlans: Sendable {
    private struct Unfinished {
        var plan: ResumePlan
        var resumption: ProgressLedger.Resumption
        /// What progress says once what it has proven is written down.
        var proven: ProgressLedger.Resumption?
    }

    private let plans = Mutex<[TopicPartition: Unfinished]>([:])

    /// The plan of a partition, unless topics or progress are others by now.
    func take(_ mirrored: TopicPlan.Mirrored, _ resumption: ProgressLedger.Resumption) -> ResumePlan? {
        let found = plans.withLock { $0.removeValue(forKey: mirrored.source) }
        guard let found, found.plan.mirrored == mirrored,
            found.resumption == resumption || found.proven == resumption
        else { return nil }
        return found.plan
    }

    /// - Parameter proven: What the plan has proven, if that is taken over into progress.
    func keep(_ plan: ResumePlan, _ resumption: ProgressLedger.Resumption, proven: ResumePlan.Proven? = nil) {
        plans.withLock {
            $0[plan.mirrored.source] = Unfinished(
                plan: plan,
                resumption: resumption,
                proven: proven.map { .after($0.progress) }
            )
        }
    }
}
