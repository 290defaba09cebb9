import Foundation
import KafkaClient
import KafkaProtocol
import Logging
import MirrorModel

/// The process that wrote a flow in transactions before this one, which does not.
enum EarlierOwner {
    /// Keeps an earlier owner from committing anything more, and decides what it has left open.
    ///
    /// - Returns: Whether there was one, so that progress has to be read again.
    static func displace(
        _ owner: OwnerRecord?,
        client: KafkaClient,
        store: ProgressStore,
        logger: Logger,
        deadline: Deadline
    ) async throws -> Bool {
        guard let owner, owner.ids > 0 else { return false }
        let mine = OwnerRecord(owner: UUID().uuidString.lowercased(), ids: 0, idPrefix: owner.idPrefix)
        try await store.write(mine, in: nil, deadline: deadline)
        for number in 0..<owner.ids {
            do throws(KafkaClientError) {
                _ = try await client.initProducerID(
                    transactionalID: KafkaString("\(owner.idPrefix)\(number)"),
                    deadline: deadline
                )
            } catch {
                guard error.kafkaError == .transactionalIDAuthorizationFailed else { throw error }
                logger.warning(
                    "an earlier owner that wrote in transactions cannot be shut out",
                    metadata: [
                        "id": "\(owner.idPrefix)\(number)",
                        "next": "see that it has stopped, or allow the target principal WRITE on the transactional id",
                    ]
                )
                return true
            }
        }
        return true
    }
}
