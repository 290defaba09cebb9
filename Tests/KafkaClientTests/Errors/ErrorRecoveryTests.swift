import Foundation
import KafkaClient
import KafkaNetwork
import KafkaProtocol
import TestSupport
import Testing

@Suite("What the client does about error codes")
struct ErrorRecoveryTests {
    private struct Row: Decodable {
        var code: Int16
        var name: String
        var retriable: Bool
        var invalidatesMetadata: Bool
    }

    @Test("Every error Java clients repeat is repeated, every other one is not, with named exceptions")
    func table() throws {
        let rows = try JSONDecoder().decode([Row].self, from: Data(Vectors.data("errors.json")))
        #expect(rows.count > 100)
        // Repeated by starting a new session.
        let sessions: Set<ErrorCode> = [.fetchSessionIDNotFound, .invalidFetchSessionEpoch, .fetchSessionTopicIDError]
        // The answer to an election that was not needed does not change.
        let never: Set<ErrorCode> = [.electionNotNeeded]
        // We were told by a broker that we or it are behind.
        let behind: Set<ErrorCode> = [.staleControllerEpoch, .brokerNotAvailable]
        for row in rows {
            let code = ErrorCode(row.code)
            let recovery = code.recovery
            if sessions.contains(code) {
                #expect(recovery == .resetFetchSession, "\(row.name)")
            } else if never.contains(code) {
                #expect(recovery == .fatal, "\(row.name)")
            } else if behind.contains(code) {
                #expect(recovery == .refreshMetadata, "\(row.name)")
            } else {
                #expect(recovery.isRetriable == row.retriable, "\(row.name)")
                if row.invalidatesMetadata { #expect(recovery == .refreshMetadata, "\(row.name)") }
            }
        }
    }

    @Test(
        "Errors that need more than a repetition",
        arguments: [
            (ErrorCode.none, ErrorRecovery.none),
            (.notCoordinator, .findCoordinator),
            (.coordinatorNotAvailable, .findCoordinator),
            (.coordinatorLoadInProgress, .retry),
            (.notController, .refreshMetadata),
            (.fencedLeaderEpoch, .refreshMetadata),
            (.unknownMemberID, .rejoinGroup),
            (.illegalGeneration, .rejoinGroup),
            (.outOfOrderSequenceNumber, .reinitializeProducer),
            (.unknownProducerID, .reinitializeProducer),
            (.duplicateSequenceNumber, .alreadyDone),
            (.offsetOutOfRange, .resetPosition),
            (.transactionAbortable, .abortTransaction),
            (.producerFenced, .fatal),
            (.topicAuthorizationFailed, .fatal),
            (.messageTooLarge, .fatal),
        ]
    )
    func special(code: ErrorCode, recovery: ErrorRecovery) {
        #expect(code.recovery == recovery)
    }

    @Test("Retries end at the deadline")
    func decisions() {
        let policy = RetryPolicy(
            backoff: BackoffPolicy(initial: .milliseconds(100), maximum: .seconds(1), jitter: 0)
        )
        let now = ContinuousClock.now
        let deadline = now + .milliseconds(300)
        #expect(
            policy.decide(.notLeaderOrFollower, attempt: 1, now: now, deadline: deadline, random: 0)
                == .retry(after: .milliseconds(100), recovery: .refreshMetadata)
        )
        #expect(
            policy.decide(.requestTimedOut, attempt: 2, now: now, deadline: deadline, random: 0)
                == .retry(after: .milliseconds(200), recovery: .retry)
        )
        #expect(policy.decide(.requestTimedOut, attempt: 3, now: now, deadline: deadline, random: 0) == .outOfTime)
        #expect(
            policy.decide(.invalidTopicException, attempt: 1, now: now, deadline: deadline, random: 0)
                == .giveUp(.fatal)
        )
        #expect(
            policy.decide(.illegalGeneration, attempt: 1, now: now, deadline: deadline, random: 0)
                == .giveUp(.rejoinGroup)
        )
    }
}
