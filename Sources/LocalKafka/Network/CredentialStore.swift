/// The users that SASL knows, with their secrets.
package struct CredentialStore {
    /// What a server keeps of a SCRAM password.
    package struct Scram: Sendable, Hashable {
        package var salt: [UInt8]
        package var iterations: Int
        package var storedKey: [UInt8]
        package var serverKey: [UInt8]

        package init(salt: [UInt8], iterations: Int, storedKey: [UInt8], serverKey: [UInt8]) {
            self.salt = salt
            self.iterations = iterations
            self.storedKey = storedKey
            self.serverKey = serverKey
        }
    }

    /// SASL/PLAIN passwords by user.
    package var plain: [String: String]
    /// SCRAM secrets by mechanism and user, as AlterUserScramCredentials changes them.
    package var scram: [LocalCluster.SASLMechanism: [String: Scram]] = [:]

    init(configuration: LocalCluster.Configuration) {
        self.plain = configuration.plainUsers
        for (user, password) in configuration.scramUsers {
            for mechanism in [LocalCluster.SASLMechanism.scramSHA256, .scramSHA512] {
                let salt = (0..<24).map { _ in UInt8.random(in: .min ... .max) }
                self.scram[mechanism, default: [:]][user] = mechanism.scramSecret(
                    password: password,
                    salt: salt,
                    iterations: configuration.scramIterations
                )
            }
        }
    }
}
