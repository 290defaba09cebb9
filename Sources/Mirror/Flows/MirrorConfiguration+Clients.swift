import KafkaClient
import KafkaNetwork
package import MirrorModel

extension MirrorConfiguration {
    /// What the clients of the flows cannot work with: wrong values, files that cannot be read.
    ///
    /// The files that `ssl.*` names are read here, so that a wrong one stops the start instead of the first connection.
    package func clientProblems() -> [ConfigurationDiagnostic] {
        var problems: [ConfigurationDiagnostic] = []
        for flow in flows where flow.isEnabled || flow.sendsHeartbeats {
            let clients: [FlowConfiguration.Client] =
                flow.isEnabled ? FlowConfiguration.Client.allCases : [.targetProducer, .targetAdmin]
            for client in clients {
                let found = wrongTypes(of: client, in: flow) + [problem(of: client, in: flow)].compactMap { $0 }
                for problem in found where !problems.contains(where: { $0.isAbout(problem) }) {
                    problems.append(problem)
                }
            }
        }
        return problems
    }

    /// Values of properties that Java's clients would refuse, whether or not they have an effect here.
    private func wrongTypes(
        of client: FlowConfiguration.Client,
        in flow: FlowConfiguration
    ) -> [ConfigurationDiagnostic] {
        flow.properties(of: client).sorted { $0.key < $1.key }.compactMap { name, value in
            guard let origin = flow.origin(of: name, in: client),
                let reason = KnownClientProperties.find(name, clients: client.kind)?.problem(with: value)
            else { return nil }
            return ConfigurationDiagnostic(
                .error,
                file: file,
                line: line(of: origin),
                key: origin,
                value: KnownClientProperties.isSecret(name) ? "[hidden]" : value,
                reason: Self.afterValue(reason),
                nextStep: "correct it"
            )
        }
    }

    /// The reason as it reads behind a value, without the word that stands for it.
    private static func afterValue(_ reason: String) -> String {
        reason.hasPrefix("it ") ? String(reason.dropFirst(3)) : "cannot be used: \(reason)"
    }

    private func problem(of client: FlowConfiguration.Client, in flow: FlowConfiguration) -> ConfigurationDiagnostic? {
        let properties = flow.properties(of: client)
        let alias = flow.alias(of: client)
        do throws(KafkaNetwork.ConfigurationError) {
            try ClientConfiguration(properties: properties, clusterName: alias).checkTLS()
        } catch {
            let origin = flow.origin(of: error.key, in: client)
            return ConfigurationDiagnostic(
                .error,
                file: file,
                line: origin.flatMap(line(of:)),
                key: origin ?? "\(alias).\(error.key)",
                value: error.value,
                reason: Self.afterValue(error.reason),
                nextStep: "correct it"
            )
        }
        do throws(KafkaClientError) {
            _ = try ClientSettings(properties: properties)
            _ = try ShardConfiguration(
                sourceAlias: flow.sourceAlias,
                targetAlias: flow.targetAlias,
                consumer: flow.sourceConsumer,
                producer: flow.targetProducer
            )
            return nil
        } catch {
            // A setting of records belongs to another client than the one that is looked at.
            let origin = error.property.flatMap { property in
                ([client] + FlowConfiguration.Client.allCases).lazy.compactMap { flow.origin(of: property, in: $0) }
                    .first
            }
            return ConfigurationDiagnostic(
                .error,
                file: file,
                line: origin.flatMap(line(of:)),
                key: origin ?? alias,
                reason: error.message,
                nextStep: error.nextStep ?? "correct it"
            )
        }
    }
}

extension FlowConfiguration.Client {
    /// The Java client whose properties it has.
    fileprivate var kind: KnownClientProperty.Clients {
        switch self {
        case .sourceConsumer: .consumer
        case .targetProducer, .offsetSyncsProducer: .producer
        case .sourceAdmin, .targetAdmin, .offsetSyncsAdmin: .admin
        }
    }
}

extension ConfigurationDiagnostic {
    /// Whether both are about the same place, which one message is enough for.
    fileprivate func isAbout(_ other: ConfigurationDiagnostic) -> Bool {
        line == other.line && key == other.key && (line != nil || self == other)
    }
}
