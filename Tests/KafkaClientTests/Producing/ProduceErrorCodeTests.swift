import KafkaClient
import KafkaProtocol
import NIOCore
import TestSupport
import Testing

/// Whatever a broker answers to a batch, something follows: it counts as written, is sent again, or is refused.
@Suite("Every error code of a Produce answer")
struct ProduceErrorCodeTests {
    private enum Outcome: Equatable {
        case written
        /// The same bytes again, and nothing lost once the error passes.
        case again
        case refused(ProduceRefusal.Kind)
    }

    /// What is not told by Kafka's own table of retriable codes.
    private static let special: [ErrorCode: Outcome] = [
        .duplicateSequenceNumber: .written,
        // May have been written, so they are asked about by repetition, whatever Java's table says.
        .unknownServerError: .again, .brokerNotAvailable: .again,
        .messageTooLarge: .refused(.tooLarge), .recordListTooLarge: .refused(.tooLarge),
        .invalidRecord: .refused(.invalid), .invalidTimestamp: .refused(.invalid),
        .unsupportedForMessageFormat: .refused(.invalid), .unsupportedCompressionType: .refused(.invalid),
        .policyViolation: .refused(.invalid),
        .topicAuthorizationFailed: .refused(.denied), .clusterAuthorizationFailed: .refused(.denied),
        .transactionalIDAuthorizationFailed: .refused(.denied),
        .outOfOrderSequenceNumber: .refused(.sequenceLost), .unknownProducerID: .refused(.sequenceLost),
        .invalidProducerEpoch: .refused(.sequenceLost), .invalidProducerIDMapping: .refused(.sequenceLost),
        .producerFenced: .refused(.sequenceLost),
    ]

    @Test("leads to a repetition, a refusal or a success, as Kafka's table and ours say")
    func everyCode() throws {
        let rows = try #require(try Vectors.json("errors.json").array)
        var counts = (written: 0, again: 0, refused: 0)
        for row in rows {
            let code = ErrorCode(try #require(row["code"]?.int16))
            guard code != .none else { continue }
            let wanted = Self.special[code] ?? (row["retriable"]?.bool == true ? .again : .refused(.other))
            #expect(outcome(of: code) == wanted, "\(code)")
            switch wanted {
            case .written: counts.written += 1
            case .again: counts.again += 1
            case .refused: counts.refused += 1
            }
        }
        print("error codes of Produce: \(counts.written) written, \(counts.again) again, \(counts.refused) refused")
        #expect(counts.written + counts.again + counts.refused == ErrorCode.known.count - 1)
        #expect(outcome(of: ErrorCode(9_999)) == .refused(.other), "a code from the future")
    }

    /// Answers one batch with the code and then, when it comes again, with success.
    private func outcome(of code: ErrorCode) -> Outcome? {
        let script = ProducerMachineTests.Script()
        let slot = script.add(0)
        script.offer(slot, 1...1)
        script.connect()
        script.answer(0)
        script.offer(slot, 2...2)
        let request = script.sent[1].request
        script.answer(1, code)
        if script.acknowledged == [1, 2] { return .written }
        if let refusal = script.refusals.first { return .refused(refusal.kind) }
        script.wait(.seconds(1))
        script.answerQuestions()
        script.connect()
        guard script.sent.count == 3, script.sent[2].request == request else { return nil }
        script.answer(2)
        return script.acknowledged == [1, 2] ? .again : nil
    }
}
