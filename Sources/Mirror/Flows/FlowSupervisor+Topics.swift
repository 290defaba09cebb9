import KafkaClient
import KafkaProtocol
import MirrorModel

/// Compares what should be mirrored with what is.
extension FlowSupervisor {
    func keepLooking() async {
        var pause = Duration.milliseconds(100)
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            guard !Task.isCancelled else { return }
            pause = .milliseconds(configuration.discoveryIntervalMs)
            do {
                let deadline = Deadline.after(.seconds(10))
                async let source = clients.source.refreshMetadata(.all, deadline: deadline)
                async let target = clients.target.refreshMetadata(.all, deadline: deadline)
                let (sourceMetadata, targetMetadata) = try await (source, target)
                if try await pass(source: sourceMetadata, target: targetMetadata) { pause = .milliseconds(50) }
                clear(.clusters)
            } catch {
                guard !Task.isCancelled else { return }
                impede(.clusters, text(of: error), likeness: Self.likeness(of: error))
            }
        }
    }

    /// One look at both clusters, and everything it asks for; returns whether the next is not to wait: the target was
    /// changed, or there is more to be compared.
    @discardableResult
    func pass(source: ClusterMetadata, target: ClusterMetadata) async throws -> Bool {
        let outcome = discovery.look(source: source, target: target, now: .now)
        isComparing = false
        tellOfMissingTopics(source)
        await end(outcome.removed)
        await begin(outcome.added)
        guard !outcome.creations.isEmpty || !outcome.increases.isEmpty else { return isComparing }
        let deadline = Deadline.after(.seconds(10))
        async let created = creator.create(outcome.creations, deadline: deadline)
        async let increased = creator.increase(outcome.increases, deadline: deadline)
        var changed = false
        for (topic, result) in await Array(created) + Array(increased) {
            switch result {
            case .success:
                changed = true
                release(topic)
            case .failure(let error):
                hold(topic, reason: error.description, nextStep: nil)
            }
        }
        return changed || isComparing
    }
}
