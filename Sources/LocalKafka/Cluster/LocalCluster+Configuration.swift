package import KafkaProtocol
package import Logging
package import NIOCore

extension LocalCluster {
    /// Everything that is fixed when a cluster starts.
    package struct Configuration: Sendable {
        /// Kafka's base64url form of a random UUID when not given.
        package var clusterID: String
        package var brokers = 1
        /// Brokers are numbered upwards from here.
        package var firstBrokerID: Int32 = 1
        /// Racks in broker order; brokers beyond the end have none.
        package var racks: [String] = []
        /// The address the listeners bind to and advertise.
        package var host = "127.0.0.1"
        /// Every broker opens each of these; the first serves ``LocalCluster/bootstrapServers``.
        package var listeners: [Listener] = [.plaintext()]
        /// Whether Metadata may create topics that do not exist (`auto.create.topics.enable`).
        package var autoCreateTopics = true
        package var defaultPartitions: Int32 = 1
        /// Capped by the number of brokers.
        package var defaultReplicationFactor: Int16 = 1
        /// Static broker configs, as in `server.properties`.
        package var brokerConfigs: [String: String] = [:]
        /// Overrides of the versions a broker offers; `nil` for an API that it does not know.
        package var apiVersions: [ApiKey: ClosedRange<Int16>?] = [:]
        /// SASL/PLAIN users with their passwords.
        package var plainUsers: [String: String] = [:]
        /// SASL/SCRAM users with their passwords, for both digests.
        package var scramUsers: [String: String] = [:]
        /// Iterations for ``scramUsers``.
        package var scramIterations = 4096
        /// Principals (`User:admin`) that every access check lets through.
        package var superUsers: Set<String> = []
        /// Whether access control lists are enforced.
        package var authorization = false
        /// Whether a resource without any access control list is open to everyone (`allow.everyone.if.no.acl.found`).
        package var allowEveryoneIfNoACL = false
        /// Limit of an authenticated session (`connections.max.reauth.ms`); 0 = none.
        package var maxReauthenticationMs: Int64 = 0
        /// How often retention and expiry run.
        package var housekeepingInterval: TimeAmount = .seconds(300)
        /// Milliseconds that JoinGroup waits for more members when a group is new.
        package var groupInitialRebalanceDelayMs: Int32 = 0
        package var logger: Logger
        /// The loop that everything runs on; the cluster makes its own when not given.
        package var eventLoop: (any EventLoop)?

        package init(clusterID: String? = nil, brokers: Int = 1) {
            self.clusterID = clusterID ?? Self.randomID().description
            self.brokers = brokers
            self.logger = Logger(label: "local-kafka", factory: { _ in SwiftLogNoOpLogHandler() })
        }

        static func randomID() -> KafkaUUID { .random() }
    }

    /// One kind of listener that each broker opens.
    package struct Listener: Sendable {
        package enum Security: Sendable, Hashable {
            case plaintext
            case tls
            case saslPlaintext
            case saslTLS

            package var usesTLS: Bool { self == .tls || self == .saslTLS }
            package var usesSASL: Bool { self == .saslPlaintext || self == .saslTLS }
        }

        /// The listener's name, unique within the cluster.
        package var name: String
        package var security: Security
        /// Ports in broker order; brokers beyond the end get a free port.
        package var ports: [Int] = []
        package var tls: ServerTLS?
        package var saslMechanisms: [SASLMechanism] = []

        package static func plaintext(ports: [Int] = []) -> Listener {
            Listener(name: "PLAINTEXT", security: .plaintext, ports: ports)
        }

        package static func tls(_ tls: ServerTLS, ports: [Int] = []) -> Listener {
            Listener(name: "SSL", security: .tls, ports: ports, tls: tls)
        }

        package static func sasl(
            _ mechanisms: [SASLMechanism] = SASLMechanism.allCases,
            tls: ServerTLS? = nil,
            ports: [Int] = []
        ) -> Listener {
            Listener(
                name: tls == nil ? "SASL_PLAINTEXT" : "SASL_SSL",
                security: tls == nil ? .saslPlaintext : .saslTLS,
                ports: ports,
                tls: tls,
                saslMechanisms: mechanisms
            )
        }
    }

    /// A server's certificate and whom it trusts, as PEM text.
    package struct ServerTLS: Sendable {
        package enum ClientAuthentication: Sendable {
            case none
            case required
        }

        package var certificateChain: String
        package var privateKey: String
        /// Authorities that may have signed client certificates.
        package var clientAuthorities: String?
        package var clientAuthentication: ClientAuthentication

        package init(
            certificateChain: String,
            privateKey: String,
            clientAuthorities: String? = nil,
            clientAuthentication: ClientAuthentication = .none
        ) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
            self.clientAuthorities = clientAuthorities
            self.clientAuthentication = clientAuthentication
        }
    }

    package enum SASLMechanism: String, Sendable, CaseIterable {
        case plain = "PLAIN"
        case scramSHA256 = "SCRAM-SHA-256"
        case scramSHA512 = "SCRAM-SHA-512"
    }
}
