package import KafkaProtocol

/// DescribeUserScramCredentials (50), version 0.
///
/// - Mechanisms and iterations of the named users, or of all; RESOURCE_NOT_FOUND for a user without any,
///   DUPLICATE_RESOURCE for one named twice.
/// - Needs DESCRIBE on the cluster.
package enum DescribeUserScramCredentialsHandler: RequestHandler {
    private typealias Result = DescribeUserScramCredentialsResponse.DescribeUserScramCredentialsResult

    package static func handle(
        _ request: DescribeUserScramCredentialsRequest,
        _ context: RequestContext,
        _ reply: Reply<DescribeUserScramCredentialsResponse>
    ) {
        guard context.allows(.describe, AccessResource.cluster) else {
            return reply(Self.failure(request, .clusterAuthorizationFailed, context))
        }
        let store = context.cluster.credentials
        var users = (request.users ?? []).map(\.name)
        if users.isEmpty { users = Set(store.scram.values.flatMap(\.keys)).sorted().map { KafkaString($0) } }
        var seen: [KafkaString: Int] = [:]
        for user in users { seen[user, default: 0] += 1 }
        var response = DescribeUserScramCredentialsResponse()
        response.errorMessage = nil
        for user in users {
            guard let count = seen.removeValue(forKey: user) else { continue }
            response.results.append(count > 1 ? Self.duplicate(user) : Self.describe(user, store))
        }
        reply(response)
    }

    private static func describe(_ user: KafkaString, _ store: CredentialStore) -> Result {
        var result = Result()
        result.user = user
        result.errorMessage = nil
        for mechanism in [LocalCluster.SASLMechanism.scramSHA256, .scramSHA512] {
            guard let secret = store.scram[mechanism]?[user.string] else { continue }
            result.credentialInfos.append(
                .with {
                    $0.mechanism = mechanism.scramNumber
                    $0.iterations = Int32(secret.iterations)
                }
            )
        }
        if result.credentialInfos.isEmpty {
            result.errorCode = .resourceNotFound
            result.errorMessage = "Attempt to describe a user credential that does not exist: \(user)"
        }
        return result
    }

    private static func duplicate(_ user: KafkaString) -> Result {
        .with {
            $0.user = user
            $0.errorCode = .duplicateResource
            $0.errorMessage = "Cannot describe SCRAM credentials for the same user twice in a single request: \(user)"
        }
    }

    package static func failure(
        _ request: DescribeUserScramCredentialsRequest,
        _ error: ErrorCode,
        _ context: RequestContext
    ) -> DescribeUserScramCredentialsResponse {
        .with {
            $0.errorCode = error
            $0.errorMessage = KafkaString(error.name)
        }
    }
}

extension LocalCluster.SASLMechanism {
    /// The mechanism's number in the SCRAM APIs; 0 for one that is not SCRAM.
    var scramNumber: Int8 {
        switch self {
        case .plain: 0
        case .scramSHA256: 1
        case .scramSHA512: 2
        }
    }

    init?(scramNumber: Int8) {
        switch scramNumber {
        case 1: self = .scramSHA256
        case 2: self = .scramSHA512
        default: return nil
        }
    }
}
