/// Says which process owns a flow that writes in transactions: a record in the flow's offsets topic.
///
/// The last one committed counts. MirrorMaker 2 never asks for its key.
package struct OwnerRecord: Sendable, Hashable {
    /// A name that the process made up when it started.
    package var owner: String
    /// How many transactional ids it may write under, numbered from 0.
    package var ids: Int
    /// What stands before the number in its ids.
    package var idPrefix: String

    package init(owner: String, ids: Int, idPrefix: String) {
        self.owner = owner
        self.ids = ids
        self.idPrefix = idPrefix
    }

    /// Reads a value; nil for one that is malformed.
    package init?(bytes: some Sequence<UInt8>) {
        guard case .object(let members)? = JSONValue(Array(bytes)), case .string(let owner)? = members["owner"],
            case .integer(let ids)? = members["ids"], (0...Self.limit).contains(ids),
            case .string(let prefix)? = members["idPrefix"]
        else { return nil }
        self.init(owner: owner, ids: Int(ids), idPrefix: prefix)
    }

    /// More event loops than any machine has.
    private static let limit: Int64 = 4096

    package var bytes: [UInt8] {
        var json = JSONText()
        json.raw("{")
        json.member("owner", owner)
        json.raw(",")
        json.member("ids", Int64(ids))
        json.raw(",")
        json.member("idPrefix", idPrefix)
        json.raw("}")
        return json.bytes
    }

    /// The key of the record of one flow; topics may be shared by flows.
    package static func key(cluster: String, connector: String) -> [UInt8] {
        var json = JSONText()
        json.raw("[")
        json.string("kafka-mirror-owner")
        json.raw(",{")
        json.member("cluster", cluster)
        json.raw(",")
        json.member("connector", connector)
        json.raw("}]")
        return json.bytes
    }
}
