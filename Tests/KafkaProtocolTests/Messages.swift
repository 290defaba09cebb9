import KafkaProtocol

/// Every message, by its name in Kafka's schema.
enum Messages {
    static let all: [any KafkaMessage.Type] = {
        var types: [any KafkaMessage.Type] = [
            RequestHeader.self, ResponseHeader.self, ConsumerProtocolSubscription.self,
            ConsumerProtocolAssignment.self,
        ]
        for request in ApiKey.requests {
            types.append(request)
            types.append(response(of: request))
        }
        return types
    }()

    static func named(_ name: String) -> (any KafkaMessage.Type)? {
        all.first { "\($0)" == name }
    }

    private static func response<R: KafkaRequest>(of request: R.Type) -> any KafkaMessage.Type { R.Response.self }
}
