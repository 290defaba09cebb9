import KafkaNetwork
import KafkaProtocol
import Logging

/// What a broker says about one item of a request that holds several.
struct ItemFailure: Error, Sendable {
    var code: ErrorCode
    var message: KafkaString?

    init(_ code: ErrorCode, _ message: KafkaString? = nil) {
        self.code = code
        self.message = message
    }

    /// The broker named an offset that no log can have.
    init(nonsense offset: Int64) {
        self.init(.unknownServerError, "it names the offset \(offset)")
    }
}

/// Where an item of a request has to go.
enum ItemLocation: Sendable {
    case broker(Int32)
    /// Nowhere yet; the error counts when time runs out.
    case unknown(KafkaClientError)
    /// Nowhere.
    case failed(KafkaClientError)
}

extension KafkaClient {
    /// Sends a request for many items, each of which has an outcome of its own.
    ///
    /// Items are split by broker, sent in parallel, and repeated while their error passes, until the deadline. One
    /// item's failure never touches another.
    ///
    /// - Parameters:
    ///   - locate: Which broker each item goes to.
    ///   - recover: Told about every error that is followed by a repetition.
    ///   - isFinal: Errors not to repeat although they may pass.
    ///   - parse: The items of an answer.
    ///   - describe: The error for an item that failed for good.
    func fanOut<Key: Hashable & Sendable, R: KafkaRequest, Value: Sendable>(
        _ type: R.Type,
        keys: [Key],
        purpose: ConnectionPurpose = .control,
        lane: Int = 0,
        maximumVersion: Int16? = nil,
        timeout: Duration? = nil,
        deadline: Deadline,
        locate: (Set<Key>) async -> [Key: ItemLocation],
        recover: (Key, ErrorCode) -> Void = { _, _ in },
        isFinal: (ErrorCode) -> Bool = { _ in false },
        build: @escaping @Sendable ([Key], Int16) throws(KafkaClientError) -> R,
        parse: (R.Response, [Key]) -> [(Key, Result<Value, ItemFailure>)],
        describe: (Key, ItemFailure) -> KafkaClientError
    ) async -> [Key: Result<Value, KafkaClientError>] {
        var results: [Key: Result<Value, KafkaClientError>] = [:]
        var pending = Set(keys)
        var last: [Key: KafkaClientError] = [:]
        var attempt = 0
        while !pending.isEmpty {
            attempt += 1
            var batches: [Int32: [Key]] = [:]
            let located = await locate(pending)
            // In the order of the caller, so that requests are the same every time.
            for key in keys where pending.contains(key) {
                switch located[key] {
                case .broker(let node): batches[node, default: []].append(key)
                case .unknown(let error): last[key] = error.orCause(last[key])
                case .failed(let error):
                    results[key] = .failure(error.code == .timedOut ? last[key] ?? error : error)
                    pending.remove(key)
                case nil: break
                }
            }
            let answers = await answers(
                R.self,
                batches: batches,
                purpose: purpose,
                lane: lane,
                maximumVersion: maximumVersion,
                timeout: timeout,
                deadline: deadline,
                build: build
            )
            for (node, batch, answer) in answers {
                switch answer {
                case .failure(let error):
                    let again = mayRetry(error, deadline: deadline)
                    if again { requestMetadataRefresh(.disconnected(node)) }
                    for key in batch where pending.contains(key) {
                        if again {
                            last[key] = error.orCause(last[key])
                            recover(key, .networkException)
                        } else {
                            results[key] = .failure(error.code == .timedOut ? last[key] ?? error : error)
                            pending.remove(key)
                        }
                    }
                case .success(let response):
                    var missing = Set(batch)
                    for (key, outcome) in parse(response, batch) where pending.contains(key) {
                        missing.remove(key)
                        switch outcome {
                        case .success(let value):
                            results[key] = .success(value)
                            pending.remove(key)
                        case .failure(let failure):
                            if failure.code.recovery.isRetriable, !isFinal(failure.code) {
                                last[key] = describe(key, failure)
                                recover(key, failure.code)
                            } else {
                                results[key] = .failure(describe(key, failure))
                                pending.remove(key)
                            }
                        }
                    }
                    for key in missing where pending.contains(key) {
                        pending.remove(key)
                        results[key] = .failure(
                            KafkaClientError(
                                .invalidAnswer,
                                "The broker's answer to \(R.apiKey) leaves out \(key)",
                                cluster: name
                            )
                        )
                    }
                }
            }
            guard !pending.isEmpty else { break }
            logger.debug(
                "some items failed, trying again",
                metadata: ["api": "\(R.apiKey)", "items": "\(pending.count)", "attempt": "\(attempt)"]
            )
            guard await pause(attempt: attempt, deadline: deadline) else { break }
        }
        for key in pending {
            results[key] = .failure(
                last[key] ?? KafkaClientError(.timedOut, "\(R.apiKey) did not succeed in time", cluster: name)
            )
        }
        return results
    }

    private func answers<Key: Hashable & Sendable, R: KafkaRequest>(
        _ type: R.Type,
        batches: [Int32: [Key]],
        purpose: ConnectionPurpose,
        lane: Int,
        maximumVersion: Int16?,
        timeout: Duration?,
        deadline: Deadline,
        build: @escaping @Sendable ([Key], Int16) throws(KafkaClientError) -> R
    ) async -> [(Int32, [Key], Result<R.Response, KafkaClientError>)] {
        typealias Answer = (Int32, [Key], Result<R.Response, KafkaClientError>)
        return await withTaskGroup(of: Answer.self) { group in
            for (node, batch) in batches {
                group.addTask {
                    do throws(KafkaClientError) {
                        let connection = try await self.connection(
                            to: node,
                            purpose: purpose,
                            lane: lane,
                            deadline: deadline
                        )
                        let response = try await self.send(
                            R.self,
                            on: connection,
                            maximumVersion: maximumVersion,
                            timeout: timeout,
                            deadline: deadline
                        ) { version throws(KafkaClientError) in
                            try build(batch, version)
                        }
                        return (node, batch, .success(response))
                    } catch {
                        return (node, batch, .failure(error))
                    }
                }
            }
            var all: [Answer] = []
            for await answer in group { all.append(answer) }
            return all
        }
    }

    // MARK: Ways to locate items

    /// All items go to one broker: the controller or any.
    func locateAll<Key: Hashable & Sendable>(
        _ keys: Set<Key>,
        _ route: Route,
        deadline: Deadline
    ) async -> [Key: ItemLocation] {
        let location: ItemLocation
        do throws(KafkaClientError) {
            location = .broker(try await resolve(route, deadline: deadline))
        } catch {
            location = mayRetry(error, deadline: deadline) ? .unknown(error) : .failed(error)
        }
        return Dictionary(uniqueKeysWithValues: keys.map { ($0, location) })
    }

    /// Each partition goes to its leader.
    func locateLeaders(
        _ partitions: Set<TopicPartition>,
        deadline: Deadline,
        unknownUntil: Deadline
    ) async -> [TopicPartition: ItemLocation] {
        var snapshot = metadata
        let missing = Set(partitions.filter { snapshot.leader(of: $0) == nil }.map(\.topic))
        if !missing.isEmpty {
            do throws(KafkaClientError) {
                snapshot = try await refreshMetadata(.topics(missing), deadline: deadline)
            } catch {
                let location: ItemLocation = mayRetry(error, deadline: deadline) ? .unknown(error) : .failed(error)
                return Dictionary(uniqueKeysWithValues: partitions.map { ($0, location) })
            }
        }
        var result: [TopicPartition: ItemLocation] = [:]
        for partition in partitions {
            if let leader = snapshot.leader(of: partition) {
                result[partition] = .broker(leader.nodeID)
            } else if let error = missingLeader(
                of: partition,
                in: snapshot,
                deadline: deadline,
                unknownUntil: unknownUntil
            ) {
                result[partition] = .failed(error)
            } else {
                result[partition] = .unknown(
                    KafkaClientError(
                        .noLeader,
                        "The partition has no leader",
                        cluster: name,
                        topic: partition.topic,
                        partition: partition.partition,
                        kafkaError: .leaderNotAvailable,
                        nextStep: "Check that the brokers holding its replicas are up."
                    )
                )
            }
        }
        return result
    }

    /// Each group goes to its coordinator.
    func locateCoordinators(
        _ keys: Set<KafkaString>,
        _ kind: CoordinatorKey.Kind,
        deadline: Deadline
    ) async -> [KafkaString: ItemLocation] {
        await withTaskGroup(of: (KafkaString, ItemLocation).self) { group in
            for key in keys {
                group.addTask {
                    do throws(KafkaClientError) {
                        let node = try await self.coordinator(for: CoordinatorKey(kind, key), deadline: deadline)
                        return (key, .broker(node))
                    } catch {
                        return (key, self.mayRetry(error, deadline: deadline) ? .unknown(error) : .failed(error))
                    }
                }
            }
            var result: [KafkaString: ItemLocation] = [:]
            for await (key, location) in group { result[key] = location }
            return result
        }
    }

    /// A request for many partitions, each sent to its leader; see `fanOut`.
    func perLeader<R: KafkaRequest, Value: Sendable>(
        _ type: R.Type,
        partitions: [TopicPartition],
        purpose: ConnectionPurpose = .control,
        lane: Int = 0,
        maximumVersion: Int16? = nil,
        deadline: Deadline,
        what: String,
        build: @escaping @Sendable ([TopicPartition], Int16) throws(KafkaClientError) -> R,
        parse: (R.Response, [TopicPartition]) -> [(TopicPartition, Result<Value, ItemFailure>)]
    ) async -> [TopicPartition: Result<Value, KafkaClientError>] {
        let unknownUntil = min(deadline, .after(settings.unknownTopicGrace))
        let results = await fanOut(
            R.self,
            keys: partitions,
            purpose: purpose,
            lane: lane,
            maximumVersion: maximumVersion,
            deadline: deadline,
            locate: { await locateLeaders($0, deadline: deadline, unknownUntil: unknownUntil) },
            recover: { key, code in
                if code.recovery == .refreshMetadata {
                    requestMetadataRefresh(.error(code), topics: [key.topic])
                }
            },
            isFinal: { $0 == .unknownTopicOrPartition && unknownUntil.hasPassed },
            build: build,
            parse: parse,
            describe: { key, failure in
                refused(
                    failure.code,
                    what,
                    detail: failure.message,
                    topic: key.topic,
                    partition: key.partition
                )
            }
        )
        return Dictionary(
            uniqueKeysWithValues: results.map { partition, result in
                (partition, result.mapError { $0.about(partition) })
            }
        )
    }
}

extension Sequence<TopicPartition> {
    /// The partitions by topic, both in order, as requests want them.
    func groupedByTopic() -> [(topic: TopicName, partitions: [Int32])] {
        var groups: [TopicName: [Int32]] = [:]
        for item in self { groups[item.topic, default: []].append(item.partition) }
        return groups.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted()) }
    }
}
