package import KafkaProtocol
import NIOCore

/// AlterUserScramCredentials (51), version 0.
///
/// - Sets and deletes the secrets that SASL/SCRAM logins are checked against, at once.
/// - Refused: an empty user or iterations outside 4096...16384 (UNACCEPTABLE_CREDENTIAL), unknown mechanisms
///   (UNSUPPORTED_SASL_MECHANISM), the same user and mechanism twice (DUPLICATE_RESOURCE), deleting what is not there
///   (RESOURCE_NOT_FOUND). One refusal fails everything that is asked for this user.
/// - Needs ALTER on the cluster.
package enum AlterUserScramCredentialsHandler: RequestHandler {
    private struct Target: Hashable {
        var user: KafkaString
        var mechanism: Int8
    }

    private struct Refusal {
        var code: ErrorCode
        var message: String
    }

    package static func handle(
        _ request: AlterUserScramCredentialsRequest,
        _ context: RequestContext,
        _ reply: Reply<AlterUserScramCredentialsResponse>
    ) {
        guard context.allows(.alter, AccessResource.cluster) else {
            return reply(Self.failure(request, .clusterAuthorizationFailed, context))
        }
        let refusals = Self.refusals(request, context.cluster.credentials)
        for deletion in request.deletions where refusals[deletion.name] == nil {
            guard let mechanism = LocalCluster.SASLMechanism(scramNumber: deletion.mechanism) else { continue }
            context.cluster.credentials.scram[mechanism]?[deletion.name.string] = nil
        }
        for upsertion in request.upsertions where refusals[upsertion.name] == nil {
            guard let mechanism = LocalCluster.SASLMechanism(scramNumber: upsertion.mechanism) else { continue }
            context.cluster.credentials.scram[mechanism, default: [:]][upsertion.name.string] = mechanism.scramSecret(
                salted: Array(upsertion.saltedPassword.readableBytesView),
                salt: Array(upsertion.salt.readableBytesView),
                iterations: Int(upsertion.iterations)
            )
        }
        reply(Self.answer(request) { refusals[$0] })
    }

    private static func refusals(
        _ request: AlterUserScramCredentialsRequest,
        _ store: CredentialStore
    ) -> [KafkaString: Refusal] {
        var refusals: [KafkaString: Refusal] = [:]
        var seen: Set<Target> = []
        func refuse(_ user: KafkaString, _ code: ErrorCode, _ message: String) {
            if refusals[user] == nil { refusals[user] = Refusal(code: code, message: message) }
        }
        func check(_ user: KafkaString, _ mechanism: Int8) -> LocalCluster.SASLMechanism? {
            if user.isEmpty { refuse(user, .unacceptableCredential, "Username must not be empty") }
            if !seen.insert(Target(user: user, mechanism: mechanism)).inserted {
                refuse(
                    user,
                    .duplicateResource,
                    "A user credential cannot be altered twice in the same request"
                )
            }
            let known = LocalCluster.SASLMechanism(scramNumber: mechanism)
            if known == nil { refuse(user, .unsupportedSaslMechanism, "Unknown SCRAM mechanism") }
            return known
        }
        for deletion in request.deletions {
            guard let mechanism = check(deletion.name, deletion.mechanism) else { continue }
            if store.scram[mechanism]?[deletion.name.string] == nil {
                refuse(
                    deletion.name,
                    .resourceNotFound,
                    "Attempt to delete a user credential that does not exist"
                )
            }
        }
        for upsertion in request.upsertions {
            guard check(upsertion.name, upsertion.mechanism) != nil else { continue }
            if upsertion.iterations < 4096 {
                refuse(upsertion.name, .unacceptableCredential, "Too few iterations")
            } else if upsertion.iterations > 16_384 {
                refuse(upsertion.name, .unacceptableCredential, "Too many iterations")
            }
        }
        return refusals
    }

    private static func answer(
        _ request: AlterUserScramCredentialsRequest,
        _ refusal: (KafkaString) -> Refusal?
    ) -> AlterUserScramCredentialsResponse {
        var users: [KafkaString] = []
        for user in request.deletions.map(\.name) + request.upsertions.map(\.name) where !users.contains(user) {
            users.append(user)
        }
        return .with {
            $0.results = users.map { user in
                let refusal = refusal(user)
                return .with {
                    $0.user = user
                    $0.errorCode = refusal?.code ?? .none
                    $0.errorMessage = refusal.map { KafkaString($0.message) }
                }
            }
        }
    }

    package static func failure(
        _ request: AlterUserScramCredentialsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> AlterUserScramCredentialsResponse {
        Self.answer(request) { _ in Refusal(code: error, message: error.name) }
    }
}
