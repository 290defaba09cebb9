import KafkaProtocol
import MirrorModel
import TestSupport
import Testing

@Suite struct MirrorConfigurationTests {
    private static let base = """
        clusters = A, B
        A.bootstrap.servers = a:9092
        B.bootstrap.servers = b:9092
        A->B.enabled = true

        """

    private func read(_ text: String, targets: [String]? = nil) throws -> MirrorConfiguration {
        try MirrorConfiguration(
            file: "m.properties",
            bytes: (Self.base + text).utf8,
            targets: targets,
            environment: .init(variables: ["X": "orders"])
        )
    }

    private func errors(_ text: String) -> [String] {
        do {
            _ = try read(text)
            return []
        } catch let error as ConfigurationError {
            return error.errors.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test func aSmallFileIsEnough() throws {
        let configuration = try read("")
        #expect(configuration.warnings.isEmpty)
        let flow = try #require(configuration.flows.first { $0.isEnabled })
        #expect(configuration.flows.count(where: \.isEnabled) == 1)
        #expect(flow.name == "A->B")
        #expect(flow.progressTopic.name == "mm2-offsets.A.internal")
        #expect(flow.progressTopic.partitions == 25)
        #expect(flow.progressIntervalMs == 1000)
        #expect(flow.discoveryIntervalMs <= 5000)
        #expect(flow.startOffset == .earliest)
        // What was aborted at the source is left out, unlike MirrorMaker's default.
        #expect(flow.isReadCommitted)
        #expect(flow.sourceConsumer["bootstrap.servers"] == "a:9092")
        #expect(flow.targetProducer["bootstrap.servers"] == "b:9092")
        #expect(flow.targetAdmin["bootstrap.servers"] == "b:9092")
        #expect(flow.topicReplicationFactor.effective(brokers: 1) == 1)
        #expect(flow.topicReplicationFactor.effective(brokers: 5) == 2)
        #expect(flow.selection.targetTopic(of: "t") == "A.t")
    }

    @Test func settingsReachTheFlow() throws {
        let configuration = try read(
            """
            A->B.topics = ${env:X}.*
            config.providers = env
            config.providers.env.class = org.apache.kafka.common.config.provider.EnvVarConfigProvider
            A.consumer.isolation.level = read_committed
            A->B.source.consumer.auto.offset.reset = latest
            B.offset.flush.interval.ms = 250
            offset.storage.replication.factor = 1
            B.offset.storage.segment.bytes = 1048576
            replication.factor = 1
            refresh.topics.interval.seconds = 1
            kafka.mirror.memory.bytes = 8388608
            kafka.mirror.threads = 3
            B.producer.max.request.size = 2000000
            A->B.producer.override.linger.ms = 5
            """
        )
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.threads == 3)
        let flow = try #require(configuration.flows.first)
        #expect(flow.selection.shouldReplicate("orders.v2"))
        #expect(!flow.selection.shouldReplicate("other"))
        #expect(flow.isReadCommitted)
        #expect(flow.startOffset == .latest)
        #expect(flow.progressIntervalMs == 250)
        #expect(flow.progressTopic.configs == ["segment.bytes": "1048576"])
        #expect(flow.progressTopic.replicationFactor.isExplicit)
        #expect(flow.topicReplicationFactor.effective(brokers: 5) == 1)
        #expect(flow.discoveryIntervalMs == 1000)
        #expect(flow.memoryBytes == 8_388_608)
        #expect(flow.targetProducer["max.request.size"] == "2000000")
        #expect(flow.targetProducer["linger.ms"] == "5")
        #expect(flow.targetProducer["acks"] == nil)
    }

    @Test func wrongValuesNameFileLineKeyAndReason() {
        #expect(
            errors("A->B.tasks.max = many") == [
                "m.properties:5: A->B.tasks.max: “many” is not a whole number between -2147483648 and 2147483647; "
                    + "write digits only"
            ]
        )
        #expect(
            errors("A->B.topics = (").first
                == "m.properties:5: A->B.topics: “(” is not a regular expression; correct the expression"
        )
        #expect(errors("topics = x{1,3}").first?.contains("split at every comma") == true)
        #expect(errors("tasks.max = 0").first?.contains("m.properties:5: tasks.max: “0” is less than 1") == true)
        #expect(errors("refresh.topics.interval.seconds = 0").first?.contains("without any pause") == true)
        #expect(errors("A->B.sync.topic.configs.enabled = maybe").first?.contains("neither true nor false") == true)
        #expect(errors("A.security.protocol = SLL").first?.contains("m.properties:5: A.security.protocol") == true)
        #expect(errors("A.consumer.isolation.level = committed").first?.contains("read_committed") == true)
        #expect(errors("replication.policy.class = com.example.Mine").first?.contains("cannot run here") == true)
        #expect(errors("transforms = a").first?.contains("copied unchanged") == true)
        #expect(
            errors("topic.filter.class = com.example.Filter").first?
                .contains("org.apache.kafka.connect.mirror.DefaultTopicFilter") == true
        )
        #expect(
            errors("B->A.enabled = yes")
                == ["m.properties:5: B->A.enabled: “yes” is neither true nor false; write true or false"]
        )
        #expect(errors("B.bootstrap.servers = b").first?.contains("“b” is not an address") == true)
        #expect(errors("a = \\u12").first?.contains("m.properties:5: \\u needs") == true)
        #expect(errors("kafka.mirror.memory.bytes = 1").first?.contains("less than 4194304") == true)
        #expect(errors("A->B.offset.lag.max = x\nA->B.replication.factor = 0").count == 2)
    }

    @Test func secretsAreNotShown() {
        let errors = errors("A->B.emit.offset-syncs.enabled = false\noffset-syncs.topic.replication.factor = 1")
        #expect(errors.count == 1)
        let value = ConfigurationDiagnostic(.error, file: "f", reason: "r", nextStep: "n")
        #expect(value.description == "f: r; n")
    }

    @Test(arguments: [
        ("A->B.topic = x", "did you mean A->B.topics?"),
        ("A->B.topcis = x", "did you mean A->B.topics?"),
        ("A->B.tpics.exclude = x", "did you mean A->B.topics.exclude?"),
        ("A.bootstrap.server = x:1", "did you mean A.bootstrap.servers?"),
        ("A.consumer.isolation.levle = read_committed", "did you mean A.consumer.isolation.level?"),
        ("a->B.enabled = true", "did you mean A->B.enabled?"),
        ("A->b.enabled = true", "did you mean A->B.enabled?"),
        ("b.bootstrap.servers = x:1", "did you mean B.bootstrap.servers?"),
        ("replicaton.factor = 1", "did you mean replication.factor?"),
        ("topics.blacklist = x", "write topics.exclude"),
        ("consumer.max.poll.records = 1", "write CLUSTER.consumer.max.poll.records"),
        ("offset.flush.interval.ms = 1", "write TARGET.offset.flush.interval.ms"),
        ("A->B.offset.flush.interval.ms = 1", "write B.offset.flush.interval.ms"),
        ("A.topics = x", "write SOURCE->TARGET.topics"),
        ("A->B.producer.linger.ms = 1", "write A->B.producer.override.linger.ms"),
        ("use.defaults.from = source", "write SOURCE->TARGET.use.defaults.from"),
        ("offset.storage.replicaton.factor = 1", "did you mean offset.storage.replication.factor?"),
        ("kafka.mirror.memory.byte = 1", "did you mean kafka.mirror.memory.bytes?"),
        ("A->B.enabled = true\\u0020", "remove the blanks"),
        ("quite.unlike.anything = 1", "remove it or correct it"),
        ("auto.offset.reset = latest", "write SOURCE.consumer.auto.offset.reset"),
        ("linger.ms = 5", "write TARGET.producer.linger.ms"),
        ("A -> B.topics = x", "write A->TARGET.KEY = VALUE without blanks"),
        ("A->B.topics = x # these", "a line of its own"),
        ("A->A.enabled = true", "correct one of the two names"),
    ])
    func aKeyThatNothingReadsIsWarnedAbout(line: String, nextStep: String) throws {
        var text = line
        if line.hasPrefix("A->B.enabled") { text += "\nB->A.enabled = true" }
        let warnings = try read(text).warnings.filter { !$0.reason.contains("is set again") }
        #expect(warnings.count == 1)
        #expect(warnings.first?.line == 5)
        #expect(warnings.first?.nextStep.contains(nextStep) == true, "\(warnings)")
    }

    @Test(arguments: [
        ("B.producer.acks = 1", "lets the target confirm", "remove it: the default is all"),
        ("B.producer.acks = 0", "all is used instead", "remove it"),
        ("A->B.producer.override.enable.idempotence = false", "sent again", "IDEMPOTENT_WRITE"),
        ("B.producer.max.in.flight.requests.per.connection = 20", "5 is used instead", "remove it"),
        ("B.producer.compression.type = zstd", "keep the codec", "compression.type of the topic at the target"),
        ("B.producer.batch.size = 500000", "small ones are joined", "remove it"),
        ("B.producer.buffer.memory = 500000", "kafka.mirror.memory.bytes", "remove it"),
    ])
    func whatTheProducerDoesOtherwiseIsToldOnce(line: String, reason: String, nextStep: String) throws {
        let warnings = try read(line).warnings
        #expect(warnings.count == 1)
        let warning = try #require(warnings.first)
        #expect(warning.line == 5 && warning.key.map { line.hasPrefix($0) } == true)
        #expect(warning.reason.contains(reason) && warning.nextStep.contains(nextStep), "\(warning)")
    }

    @Test func whatTheProducerDoesAnywayIsNotTold() throws {
        let text = """
            B.producer.acks = all
            B.producer.enable.idempotence = true
            B.producer.max.in.flight.requests.per.connection = 1
            B.producer.linger.ms = 20
            B.producer.compression.type = none
            B.producer.max.request.size = 2000000
            """
        #expect(try read(text).warnings.isEmpty)
        #expect(errors("B.producer.enable.idempotence = maybe").first?.contains("m.properties:5: B.producer") == true)
    }

    @Test func knownKeysAreNotWarnedAbout() throws {
        for name in ["01-active-standby", "02-active-active", "03-hub-and-spoke", "09-migration-identity"] {
            let path = "mirror/mm2-config/\(name).properties"
            let configuration = try MirrorConfiguration(file: name, bytes: try Vectors.data(path))
            // Batches are passed through, which is told to whoever wants them otherwise.
            let warnings = configuration.warnings.filter { !$0.reason.hasPrefix("has no effect: batches keep") }
            #expect(warnings.map(\.description) == [], "\(name)")
        }
    }

    @Test func whatCannotRunIsSaidAboutTheGoldenFiles() throws {
        let path = "mirror/mm2-config/11-exactly-once.properties"
        let error = #expect(throws: ConfigurationError.self) {
            try MirrorConfiguration(file: "11", bytes: try Vectors.data(path))
        }
        #expect(error?.errors.map(\.key) == ["value.converter"])
    }

    @Test func keysOfMissingPartsAreListed() throws {
        let configuration = try read(
            """
            sync.group.offsets.enabled = true
            A->B.groups = x
            A->B.topics = x
            B->A.emit.heartbeats.enabled = false
            sync.topic.acls.enabled = false
            consumer.poll.timeout.ms = 5
            sync.topic.configs.interval.seconds = 5
            A->B.topic.creation.default.partitions = 5
            """
        )
        #expect(
            configuration.keysWithoutEffect
                == ["sync.topic.configs.interval.seconds", "A->B.topic.creation.default.partitions"]
        )
        #expect(configuration.warnings.isEmpty)
        #expect(try read("").keysWithoutEffect.isEmpty)
    }

    @Test func heartbeatsAndCheckpointsAsInTheFile() throws {
        let flow = try #require(try read("").flows.first)
        #expect(flow.heartbeats.isEnabled && flow.heartbeats.intervalMs == 1000)
        #expect(flow.checkpoints.isEnabled && flow.checkpoints.intervalMs == 5000)
        #expect(flow.checkpoints.groups.accepts("g"))
        #expect(!flow.checkpoints.groups.accepts("console-consumer-1"))
        #expect(!flow.checkpoints.syncsGroupOffsets && !flow.checkpoints.translatesBack)
        let set = try #require(
            try read(
                """
                A->B.emit.checkpoints.interval.seconds = 60
                groups = a.*
                A->B.groups.exclude = ab
                sync.group.offsets.enabled = true
                A->B.sync.group.offsets.interval.seconds = 2
                checkpoints.topic.replication.factor = 1
                A->B.emit.heartbeats.interval.seconds = 7
                A->B.heartbeats.topic.replication.factor = 2
                A->B.kafka.mirror.reverse.checkpoints.enabled = true
                """
            ).flows.first
        )
        #expect(set.checkpoints.intervalMs == 60000 && set.checkpoints.syncIntervalMs == 2000)
        #expect(set.checkpoints.syncsGroupOffsets && set.checkpoints.translatesBack)
        #expect(set.checkpoints.groups.accepts("ax") && !set.checkpoints.groups.accepts("ab"))
        #expect(set.checkpoints.topicReplicationFactor.isExplicit)
        #expect(set.heartbeats.intervalMs == 7000 && set.heartbeats.topicReplicationFactor.value == 2)
        let off = try #require(
            try read("A->B.emit.checkpoints.enabled = false\nemit.heartbeats.enabled = false").flows.first
        )
        #expect(!off.checkpoints.isEnabled && !off.heartbeats.isEnabled)
        #expect(errors("emit.checkpoints.enabled = false\nsync.group.offsets.enabled = true").count == 1)
    }

    @Test func heartbeatsAloneAreAFlowWhenTheFileAsksForThem() throws {
        let text = """
            clusters = A, B, C
            A.bootstrap.servers = a:9092
            B.bootstrap.servers = b:9092
            A->B.emit.heartbeats.enabled = true

            """
        let configuration = try MirrorConfiguration(file: "m", bytes: text.utf8)
        #expect(configuration.flows.allSatisfy { !$0.isEnabled })
        // Cluster C has no address, and no flow needs it.
        let senders = configuration.flows.filter(\.sendsHeartbeats).map(\.name)
        #expect(senders == ["A->B", "B->A", "C->A", "C->B"])
    }

    @Test func targetsLimitTheFlows() throws {
        let both = "B->A.enabled = true\n"
        #expect(try read(both).flows.map(\.name) == ["A->B", "B->A"])
        #expect(try read(both, targets: ["B"]).flows.map(\.name) == ["A->B"])
        #expect(throws: ConfigurationError.self) { try read("", targets: ["A"]) }
        let error = #expect(throws: ConfigurationError.self) { try read(both, targets: ["b"]) }
        #expect(error?.errors.first?.nextStep == "did you mean B?")
    }

    @Test func aFileWithoutFlowsIsRefused() {
        func first(_ text: String) -> String {
            do {
                _ = try MirrorConfiguration(file: "m", bytes: text.utf8)
                return ""
            } catch { return error.errors.first?.description ?? "" }
        }
        #expect(first("").contains("no clusters are named"))
        #expect(first("cluster = A, B").contains("did you mean clusters where you write cluster?"))
        #expect(first("clusters = A").contains("names one cluster only"))
        #expect(first("clusters = A, B").contains("write A->B.enabled = true"))
        #expect(first("clusters = A, B\nA->B.enabled=true").contains("cluster A has no address"))
        #expect(first("clusters = A,,B").contains("empty name"))
        #expect(
            first("clusters = A, B # two\nA->B.enabled=true")
                == "m:1: clusters: “B # two” is a name with a comment in it; give the comment a line of its own"
        )
    }

    @Test(arguments: [
        ("A->B.exactly.once.support = requird", "requested, required"),
        ("A->B.transaction.boundary = batch", "poll, interval"),
        ("B.transaction.boundary.interval.ms = soon", "whole number"),
        ("A->B.transaction.boundary.interval.ms = -1", "less than 0"),
        ("A->B.heartbeats.replication.enabled = flase", "neither true nor false"),
        ("A->B.offsets.storage.topic = progress", "write TARGET.offset.storage.topic"),
        ("A->B.source.cluster.alias = east", "another name than `clusters` does"),
        ("target.cluster.alias = west", "another name than `clusters` does"),
        ("dedicated.mode.enable.internal.rest = maybe", "neither true nor false"),
        ("ssl.client.auth = perhaps", "required, requested, none"),
    ])
    func wrongValuesOfRareKeysAreFound(line: String, words: String) {
        let errors = errors(line)
        #expect(errors.count == 1, "\(errors)")
        #expect(errors.first?.hasPrefix("m.properties:5: ") == true && errors.first?.contains(words) == true)
    }

    @Test func transactionsAreForAllFlowsIntoATarget() throws {
        let configuration = try read("A->B.exactly.once.source.support = enabled")
        #expect(configuration.flows.allSatisfy { $0.exactlyOnce == nil })
        #expect(configuration.warnings.map(\.nextStep) == ["write B.exactly.once.source.support"])
        #expect(try read("B.exactly.once.source.support = enabled").flows.first?.exactlyOnce != nil)
    }

    @Test(arguments: [
        ("B.client.id = ${env:MISSING}", "${env:MISSING} names a variable that is not set"),
        (
            "B.client.id = x-${env:X}-${env:SECRET_X}",
            "${env:SECRET_X} names a variable that allowlist.pattern does not"
        ),
        ("B.client.id = ${vault:a:b}", "${vault:a:b} names a provider “vault” that config.providers does not list"),
        ("B.client.id = ${X}", "${X} is not ${PROVIDER:KEY}"),
        ("B.client.id = ${dir:/:no-such-file}", "${dir:/:no-such-file} names a file that the folder does not have"),
        ("B.client.id = ${file:/etc/passwd:x}", "${file:/etc/passwd:x} names a file outside of allowed.paths"),
        ("B.sasl.jaas.config = ${env:MISSING}", "${env:MISSING} names a variable that is not set"),
        ("B.sasl.jaas.config = pass${se:cr}et", "to no provider that config.providers lists"),
    ])
    func aReferenceThatLeadsNowhereIsWarnedAbout(line: String, reason: String) throws {
        let package = "org.apache.kafka.common.config.provider"
        let text = """
            \(line)
            config.providers = env, dir, file
            config.providers.env.class = \(package).EnvVarConfigProvider
            config.providers.env.param.allowlist.pattern = [A-RT-Z].*
            config.providers.dir.class = \(package).DirectoryConfigProvider
            config.providers.file.class = \(package).FileConfigProvider
            config.providers.file.param.allowed.paths = /srv/secrets
            """
        let warnings = try read(text).warnings
        #expect(warnings.count == 1, "\(warnings)")
        #expect(warnings.first?.line == 5)
        #expect(warnings.first?.reason.contains(reason) == true, "\(warnings)")
        #expect(!"\(warnings)".contains("se:cr"))
    }

    @Test func providersThatFailAreErrors() {
        let head = "config.providers = file\nconfig.providers.file.class = "
        let file = "org.apache.kafka.common.config.provider.FileConfigProvider\n"
        #expect(
            errors(head + file + "A.client.id = ${file:/no/such/file:x}").first?
                .contains("m.properties:7: A.client.id: cannot read the file “/no/such/file”") == true
        )
        #expect(errors(head + "com.example.Vault").first?.contains("is not a provider that can run here") == true)
        #expect(errors("config.providers = vault").first?.contains("which has no class") == true)
    }
}
