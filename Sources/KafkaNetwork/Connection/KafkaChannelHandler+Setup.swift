import DequeModule
import KafkaProtocol
import Logging
import NIOCore

/// The messages that make a connection usable, and keep its session.
extension KafkaChannelHandler {
    func sendApiVersions(_ version: Int16) {
        var request = ApiVersionsRequest()
        request.clientSoftwareName = KafkaString(self.configuration.softwareName)
        request.clientSoftwareVersion = KafkaString(self.configuration.softwareVersion)
        // The broker has no work with this one. A peer that takes the connection and stays silent must not use up the
        // time in which another address would have answered.
        let limit = min(self.configuration.requestTimeout, self.configuration.connectionSetupTimeout)
        sendSetup(request, version: version, limit: limit) { body in
            let answer = VersionNegotiation.read(body, version: version)
            self.run(self.machine.versionsAnswered(answer, nonce: Self.makeNonce()))
        }
    }

    func sendHandshake(_ mechanism: SASLMechanism, _ version: Int16) {
        var request = SaslHandshakeRequest()
        request.mechanism = KafkaString(mechanism.rawValue)
        sendSetup(request, version: version) { body in
            guard let response = self.decode(SaslHandshakeRequest.self, body, version) else { return }
            self.run(self.machine.handshakeAnswered(response))
        }
    }

    func sendToken(_ bytes: [UInt8], _ version: Int16) {
        var request = SaslAuthenticateRequest()
        request.authBytes = ByteBuffer(bytes: bytes)
        sendSetup(request, version: version) { body in
            guard let response = self.decode(SaslAuthenticateRequest.self, body, version) else { return }
            self.run(self.machine.exchangeAnswered(response, random: Double.random(in: 0..<1)))
        }
    }

    private func sendSetup<R: KafkaRequest>(
        _ request: R,
        version: Int16,
        limit: Duration? = nil,
        then: @escaping (ByteBuffer) -> Void
    ) {
        let deadline = self.eventLoop.now + TimeAmount(limit ?? self.configuration.requestTimeout)
        write(request, version: version, deadline: deadline, expectsAnswer: true) { result in
            switch result {
            case .success(let body): then(body)
            case .failure(let error): self.run(self.machine.failed(error))
            }
        }
    }

    func decode<R: KafkaRequest>(_: R.Type, _ body: ByteBuffer, _ version: Int16) -> R.Response? {
        do throws(KafkaConnectionError) {
            return try Self.decodeAnswer(R.self, body, version: version, context: self.errorContext)
        } catch {
            run(self.machine.failed(error))
            return nil
        }
    }

    func becomeReady(renewAfter: Duration?) {
        self.logger.debug("Connection is ready", metadata: metadata)
        self.assembler.maximumLength = self.configuration.maximumFrameBytes
        if let renewAfter {
            self.renewalTimer = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(renewAfter)) {
                self.logger.debug("Session is renewed", metadata: self.metadata)
                self.run(self.machine.sessionNeedsRenewal(nonce: Self.makeNonce()))
            }
        }
        if let onReady = self.onReady {
            self.onReady = nil
            onReady(.success(self.machine.versions))
            watchIdleness()
        }
        let waiting = self.waiting
        self.waiting.removeAll()
        for request in waiting { request() }
    }

    private static func makeNonce() -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<26).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
