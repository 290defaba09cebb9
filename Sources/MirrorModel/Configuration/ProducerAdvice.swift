/// What a file asks of the producer that copies records and that is done otherwise, or better not asked for.
///
/// Nobody finds out by chance that a setting has no effect, so each is told once, with the reason.
struct ProducerAdvice {
    struct Finding: Equatable {
        var key: String
        var reason: String
        var nextStep: String
    }

    /// The properties of the producer that are set, with defaults of nobody.
    let properties: PropertyMap

    var findings: [Finding] { safety + shape }

    /// Settings that decide whether records can be lost or come twice.
    private var safety: [Finding] {
        var result: [Finding] = []
        switch value("acks") {
        case "1":
            result.append(
                Finding(
                    key: "acks",
                    reason: "lets the target confirm records that one broker holds; they are gone there when it fails",
                    nextStep: "remove it: the default is all"
                )
            )
        case "0":
            result.append(
                Finding(
                    key: "acks",
                    reason: "asks for no confirmation, without which nobody knows what arrived; all is used instead",
                    nextStep: "remove it"
                )
            )
        default: break
        }
        if value("enable.idempotence") == "false" {
            result.append(
                Finding(
                    key: "enable.idempotence",
                    reason: "keeps the target from recognising a record that is sent again",
                    nextStep: "remove it, unless the target does not allow IDEMPOTENT_WRITE"
                )
            )
        }
        if let count = value("max.in.flight.requests.per.connection").flatMap({ Int64($0) }), count > 5 {
            result.append(
                Finding(
                    key: "max.in.flight.requests.per.connection",
                    reason: "is more than the five batches that brokers keep in order; 5 is used instead",
                    nextStep: "remove it"
                )
            )
        }
        return result
    }

    /// Settings about the shape of batches, which are those of the source.
    private var shape: [Finding] {
        var result: [Finding] = []
        if let codec = value("compression.type"), codec != "none" {
            result.append(
                Finding(
                    key: "compression.type",
                    reason: "has no effect: batches keep the codec that they have at the source",
                    nextStep: "set compression.type of the topic at the target, which its brokers apply, or remove it"
                )
            )
        }
        for (key, means) in Self.withoutEffect where properties[key] != nil {
            result.append(Finding(key: key, reason: "has no effect: \(means)", nextStep: "remove it"))
        }
        return result
    }

    private static let withoutEffect = [
        ("batch.size", "batches keep the size that they have at the source, and small ones are joined"),
        ("buffer.memory", "kafka.mirror.memory.bytes bounds the memory of a flow"),
        ("compression.gzip.level", "batches are not compressed again"),
        ("compression.lz4.level", "batches are not compressed again"),
        ("compression.zstd.level", "batches are not compressed again"),
        ("interceptor.classes", "Java classes cannot run here"),
        ("partitioner.class", "records stay in their partition"),
    ]

    private func value(_ key: String) -> String? { properties[key]?.trimmedAsJava.lowercased() }
}
