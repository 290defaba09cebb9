/// The client side of SCRAM (RFC 5802) as Kafka speaks it: no channel binding and no SASLprep.
///
/// The broker has to prove that it knows the password too: its signature is checked, so a forged broker is noticed.
struct ScramExchange {
    private enum State {
        case initial
        /// Our nonce went out; waits for salt and iterations.
        case waitsForServerFirst(bare: [UInt8])
        /// The proof went out; waits for the broker's signature.
        case waitsForServerFinal(signature: [UInt8])
        case complete
        case failed
    }

    /// Fewer would make a stolen exchange cheap to attack; Kafka's own client has the same limit.
    static let minimumIterations = 4_096
    /// More would let a hostile peer keep the thread busy for seconds.
    static let maximumIterations = 1_000_000

    let hash: ScramHash
    let username: String
    let password: String
    let nonce: String
    let extensions: [(String, String)]
    private var state = State.initial

    init(hash: ScramHash, username: String, password: String, nonce: String, extensions: [(String, String)] = []) {
        self.hash = hash
        self.username = username
        self.password = password
        self.nonce = nonce
        self.extensions = extensions
    }

    mutating func clientFirst() -> [UInt8] {
        var bare = Array("n=".utf8) + ScramMessages.saslName(self.username) + Array(",r=\(self.nonce)".utf8)
        for (name, value) in self.extensions { bare += Array(",\(name)=\(value)".utf8) }
        self.state = .waitsForServerFirst(bare: bare)
        return Array("n,,".utf8) + bare
    }

    /// Takes a message of the broker; nil means that it has proved itself and the exchange is complete.
    mutating func respond(to challenge: [UInt8]) throws(SASLError) -> [UInt8]? {
        let state = self.state
        self.state = .failed
        switch state {
        case .waitsForServerFirst(let bare):
            let (message, signature) = try clientFinal(bare: bare, serverFirst: challenge)
            self.state = .waitsForServerFinal(signature: signature)
            return message
        case .waitsForServerFinal(let expected):
            try check(serverFinal: challenge, expected: expected)
            self.state = .complete
            return nil
        case .initial, .complete, .failed:
            throw SASLError(reason: "the broker sent a SCRAM message that nobody asked for")
        }
    }

    private func clientFinal(bare: [UInt8], serverFirst: [UInt8]) throws(SASLError) -> ([UInt8], signature: [UInt8]) {
        guard let first = ScramMessages.ServerFirst(serverFirst) else {
            if case .error(let text) = ScramMessages.ServerFinal(serverFirst) {
                throw SASLError(reason: "the broker answered '\(text)'")
            }
            throw SASLError(reason: "the broker's first SCRAM message is malformed")
        }
        guard first.nonce.starts(with: self.nonce.utf8), first.nonce.count > self.nonce.utf8.count else {
            throw SASLError(reason: "the broker's nonce does not continue ours, so its answer belongs to someone else")
        }
        guard first.iterations >= Self.minimumIterations else {
            throw SASLError(
                reason:
                    "the broker asks for \(first.iterations) iterations; fewer than \(Self.minimumIterations) are not safe"
            )
        }
        guard first.iterations <= Self.maximumIterations else {
            throw SASLError(
                reason:
                    "the broker asks for \(first.iterations) iterations; more than \(Self.maximumIterations) are refused"
            )
        }
        let salted = try self.hash.saltedPassword(
            Array(self.password.utf8),
            salt: first.salt,
            iterations: first.iterations
        )
        let withoutProof = Array("c=biws,r=".utf8) + first.nonce
        let comma = [UInt8(ascii: ",")]
        let authMessage = bare + comma + serverFirst + comma + withoutProof
        let clientKey = self.hash.hmac(key: salted, Array("Client Key".utf8))
        let storedKey = self.hash.hash(clientKey)
        let clientSignature = self.hash.hmac(key: storedKey, authMessage)
        let proof = zip(clientKey, clientSignature).map { $0 ^ $1 }
        let serverKey = self.hash.hmac(key: salted, Array("Server Key".utf8))
        let signature = self.hash.hmac(key: serverKey, authMessage)
        return (withoutProof + Array(",p=".utf8) + Base64.encode(proof), signature)
    }

    private func check(serverFinal: [UInt8], expected: [UInt8]) throws(SASLError) {
        switch ScramMessages.ServerFinal(serverFinal) {
        case .signature(let signature):
            // Compared in constant time out of habit; the value is of no use to an attacker afterwards.
            var difference = UInt8(signature.count == expected.count ? 0 : 1)
            for (left, right) in zip(signature, expected) { difference |= left ^ right }
            guard difference == 0 else {
                throw SASLError(reason: "the broker could not prove that it knows the password")
            }
        case .error(let text): throw SASLError(reason: "the broker answered '\(text)'")
        case nil: throw SASLError(reason: "the broker's last SCRAM message is malformed")
        }
    }
}
