/// What a properties file asks for: the flows to run and what each is told.
package struct MirrorConfiguration: Sendable {
    /// Name of the file in messages.
    package let file: String
    package let clusters: [String]
    /// All flows that are on or send heartbeats, in file order of their clusters.
    package let flows: [FlowConfiguration]
    /// Threads that move records; `nil` for one for two cores.
    package let threads: Int?
    package let warnings: [ConfigurationDiagnostic]
    /// Keys of the file that ask for something this version does not do, in file order.
    package let keysWithoutEffect: [String]
    private let lines: [String: Int]

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - file: its name in messages.
    ///   - targets: what `--clusters` lists: only flows into these; `nil` or empty for all.
    package init(
        file: String,
        bytes: some Sequence<UInt8>,
        targets: [String]? = nil,
        environment: ConfigProviders.Environment = ConfigProviders.Environment()
    ) throws(ConfigurationError) {
        let properties: PropertiesFile
        do throws(PropertiesFile.SyntaxError) {
            properties = try PropertiesFile(name: file, bytes: bytes)
        } catch {
            throw ConfigurationError(errors: [
                ConfigurationDiagnostic(
                    .error,
                    file: file,
                    line: error.line,
                    reason: error.reason,
                    nextStep: "write it as a Java properties file"
                )
            ])
        }
        var reader = ConfigurationReader(properties: properties)
        try reader.read(targets: targets.flatMap { $0.isEmpty ? nil : $0 }, environment: environment)
        self.file = file
        self.clusters = reader.clusters
        self.flows = reader.flows
        self.threads = reader.threads
        self.warnings = reader.warnings
        self.keysWithoutEffect = reader.keysWithoutEffect
        self.lines = Dictionary(properties.entries.map { ($0.key, $0.line) }, uniquingKeysWith: { _, last in last })
    }

    /// The line of a key of the file.
    package func line(of key: String) -> Int? { lines[key] }
}
