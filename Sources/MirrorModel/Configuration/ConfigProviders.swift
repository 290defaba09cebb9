import Foundation

/// Replaces `${provider:path:key}` in values by what files, folders and the environment hold.
package struct ConfigProviders: Sendable {
    /// What the providers may look at.
    package struct Environment: Sendable {
        package var variables: [String: String]
        /// Folder that relative paths start from; empty for the process's own.
        package var folder: String

        package init(variables: [String: String] = ProcessInfo.processInfo.environment, folder: String = "") {
            self.variables = variables
            self.folder = folder
        }
    }

    /// Why a reference cannot be resolved.
    package struct LookupError: Error, Equatable {
        package let reason: String
        /// The key of the file that refers to it.
        package var key: String?
    }

    enum Provider: Sendable {
        case file(allowed: [String])
        case directory(allowed: [String])
        case variables(allowed: String)
    }

    private static let package = "org.apache.kafka.common.config.provider."
    static let classes = ["FileConfigProvider", "DirectoryConfigProvider", "EnvVarConfigProvider"].map { package + $0 }

    let providers: [String: Provider]
    private let environment: Environment

    init(properties: [String: String], environment: Environment) {
        self.environment = environment
        var providers: [String: Provider] = [:]
        for name in (properties["config.providers"] ?? "").configurationList {
            let prefix = "config.providers.\(name)."
            let allowed = (properties[prefix + "param.allowed.paths"] ?? "").configurationList
            switch properties[prefix + "class"]?.trimmedAsJava {
            case Self.classes[0]: providers[name] = .file(allowed: allowed)
            case Self.classes[1]: providers[name] = .directory(allowed: allowed)
            case Self.classes[2]:
                providers[name] = .variables(allowed: properties[prefix + "param.allowlist.pattern"] ?? ".*")
            default: break
            }
        }
        self.providers = providers
    }

    /// A reference that stays in a value as it is written, and why.
    struct Unresolved: Equatable {
        let reference: String
        let reason: String
        /// Whether it names a provider that there is.
        let namesProvider: Bool
    }

    /// What a reference stands for.
    private enum Answer {
        case value(String)
        case nothing(reason: String)
    }

    /// `text` with every reference replaced that names a known provider and a key that is there.
    package func resolve(_ text: String) throws(LookupError) -> String {
        guard !providers.isEmpty else { return text }
        return try replace(text).text
    }

    /// The references in `text` that `resolve` leaves as they are.
    func unresolved(in text: String) throws(LookupError) -> [Unresolved] {
        try replace(text).unresolved
    }

    private func replace(_ text: String) throws(LookupError) -> (text: String, unresolved: [Unresolved]) {
        guard text.contains("${") else { return (text, []) }
        var result = ""
        var unresolved: [Unresolved] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            let next = rest.index(after: end)
            switch try lookUp(rest[start.upperBound..<end]) {
            case .value(let value): result += rest[..<start.lowerBound] + value
            case .nothing(let reason):
                let name = String(rest[start.upperBound..<end].prefix { $0 != ":" })
                unresolved.append(
                    Unresolved(
                        reference: String(rest[start.lowerBound..<next]),
                        reason: reason,
                        namesProvider: providers[name] != nil
                    )
                )
                result += rest[..<next]
            }
            rest = rest[next...]
        }
        return (result + rest, unresolved)
    }

    /// The value of `provider:path:key` or `provider:key`; a key may contain further colons, a path may not.
    private func lookUp(_ reference: Substring) throws(LookupError) -> Answer {
        let parts = reference.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2 else { return .nothing(reason: "is not ${PROVIDER:KEY} or ${PROVIDER:PATH:KEY}") }
        guard let provider = providers[parts[0]] else {
            return .nothing(reason: "names a provider “\(parts[0])” that config.providers does not list")
        }
        let path = parts.count == 3 ? parts[1] : ""
        let key = parts[parts.count - 1]
        switch provider {
        case .file(let allowed):
            guard !path.isEmpty else { return .nothing(reason: "names no file") }
            guard isAllowed(path, allowed) else { return .nothing(reason: "names a file outside of allowed.paths") }
            return try properties(at: path)[key].map { .value($0) }
                ?? .nothing(reason: "names a key that the file does not have")
        case .directory(let allowed):
            guard !path.isEmpty else { return .nothing(reason: "names no folder") }
            guard isAllowed(path, allowed) else { return .nothing(reason: "names a folder outside of allowed.paths") }
            guard !key.contains("/"), let content = try content(ofFile: key, in: path) else {
                return .nothing(reason: "names a file that the folder does not have")
            }
            return .value(content)
        case .variables(let pattern):
            guard path.isEmpty else {
                throw LookupError(reason: "the environment has no paths, but a reference to it names “\(path)”")
            }
            do throws(NamePattern.SyntaxError) {
                guard try NamePattern([pattern]).matches(key) else {
                    return .nothing(reason: "names a variable that allowlist.pattern does not allow")
                }
            } catch {
                throw LookupError(reason: "allowlist.pattern “\(pattern)” \(error.reason)")
            }
            return environment.variables[key].map { .value($0) } ?? .nothing(reason: "names a variable that is not set")
        }
    }

    private func properties(at path: String) throws(LookupError) -> [String: String] {
        guard let data = FileManager.default.contents(atPath: absolute(path)) else {
            throw LookupError(reason: "cannot read the file “\(path)” it refers to")
        }
        do throws(PropertiesFile.SyntaxError) {
            return try PropertiesFile(name: path, bytes: data, encoding: .utf8).values
        } catch {
            throw LookupError(reason: "the file “\(path)” it refers to is malformed at \(error)")
        }
    }

    private func content(ofFile name: String, in folder: String) throws(LookupError) -> String? {
        let path = absolute(folder) + "/" + name
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let type = attributes?[.type] as? FileAttributeType, type != .typeDirectory else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw LookupError(reason: "cannot read the file “\(folder)/\(name)” it refers to")
        }
        return String(decoding: data, as: UTF8.self)
    }

    private func isAllowed(_ path: String, _ allowed: [String]) -> Bool {
        guard !allowed.isEmpty else { return true }
        let path = normalized(path)
        return allowed.contains { folder in
            let folder = normalized(folder)
            return path == folder || path.starts(with: folder)
        }
    }

    /// The components of an absolute path, with `.` and `..` taken out.
    private func normalized(_ path: String) -> [Substring] {
        var components: [Substring] = []
        for component in absolute(path).split(separator: "/") where component != "." {
            if component == ".." { _ = components.popLast() } else { components.append(component) }
        }
        return components
    }

    private func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        let folder = environment.folder.isEmpty ? FileManager.default.currentDirectoryPath : environment.folder
        return folder + "/" + path
    }
}
