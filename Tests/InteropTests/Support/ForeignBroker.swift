import Foundation
import NIOCore
import NIOPosix
import TestSupport

/// A broker that is not ours, in a process of its own.
struct ForeignBroker: Sendable {
    let process: PeerProcess
    let bootstrapServers: String
    private let folder: TemporaryFolder?

    /// Tansu keeps everything in memory and has a cluster id of its own.
    static func tansu(_ clusterID: String = "tansu") async throws -> ForeignBroker {
        let port = try await freePort()
        let process = try Peers.tansu(clusterID: clusterID, port: port)
        return try await ForeignBroker(process: process, port: port, folder: nil)
    }

    /// noida-db writes to a folder; its cluster id is the same everywhere.
    static func noida() async throws -> ForeignBroker {
        let port = try await freePort()
        let folder = try TemporaryFolder()
        let process = try Peers.noida(folder: folder.url, port: port)
        return try await ForeignBroker(process: process, port: port, folder: folder)
    }

    private init(process: PeerProcess, port: Int, folder: TemporaryFolder?) async throws {
        self.process = process
        self.bootstrapServers = "127.0.0.1:\(port)"
        self.folder = folder
        try await poll(within: .seconds(20), "The broker does not listen:\n\(process.output)") {
            if process.hasEnded { throw PeerProcess.Failure(description: "The broker ended:\n\(process.output)") }
            return await accepts(port: port)
        }
    }

    /// Ends the process; it would be killed anyway when nothing refers to it any more.
    func stop() { self.process.signal(SIGKILL) }
}

/// Whether something listens on a port of this machine.
private func accepts(port: Int) async -> Bool {
    let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "127.0.0.1", port: port).get()
    try? await channel?.close()
    return channel != nil
}
