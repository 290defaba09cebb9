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
                guard let problem = problem(of: client, in: flow), !problems.contains(problem) else { continue }
                problems.append(problem)
            }
        }
        return problems
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
                reason: error.reason,
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
