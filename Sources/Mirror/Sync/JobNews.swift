import KafkaClient
import Logging
import Synchronization

/// Tells the troubles of a job that runs beside the data path: once when they begin or change, once when they end.
final class JobNews: Sendable {
    private struct State: Sendable {
        var news = TroubleNews()
        var current: [String: String] = [:]
    }

    private let logger: Logger
    private let isAlone: Bool
    private let expectsNonsense: Bool
    private let state = Mutex(State())

    /// - Parameters:
    ///   - isAlone: nobody else tells when a cluster does not answer.
    ///   - expectsNonsense: what is no answer of Kafka at all is told by others, too.
    init(logger: Logger, isAlone: Bool = false, expectsNonsense: Bool = false) {
        self.logger = logger
        self.isAlone = isAlone
        self.expectsNonsense = expectsNonsense
    }

    /// What is in the way at present, in words.
    var troubles: [String] {
        state.withLock { $0.current.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" } }
    }

    /// - Parameter what: the job and what it cannot do, `checkpoints cannot be written:`.
    func failed(_ what: String, _ error: any Error, nextStep: String? = nil) {
        let isToldByFlow = !isAlone && isAboutWholeCluster(error)
        let isTold = state.withLock { state in
            state.current[what] = "\(error)"
            guard !isToldByFlow else { return false }
            return state.news.tells(.job(what), "\(error)", now: .now)
        }
        guard isTold else { return }
        var metadata: Logger.Metadata = ["reason": "\(error)"]
        if let nextStep { metadata["next"] = "\(nextStep)" }
        logger.warning("\(what)", metadata: metadata)
    }

    func succeeded(_ what: String) {
        let isTold = state.withLock { state in
            guard state.current.removeValue(forKey: what) != nil else { return false }
            return state.news.tellsEnd(of: .job(what), now: .now)
        }
        if isTold { logger.info("no longer: \(what)") }
    }

    /// Whether nothing of the cluster can be used, which a flow that needs it tells.
    private func isAboutWholeCluster(_ error: any Error) -> Bool {
        guard let error = error as? KafkaClientError else { return false }
        return switch error.code {
        case .unreachable, .authenticationFailed, .tlsFailed: true
        case .timedOut: error.kafkaError == nil
        case .invalidAnswer: expectsNonsense && error.kafkaError == nil
        default: false
        }
    }
}
