/// What happens to which topic when its copy turns out to differ: `continue; orders\..* = pause; audit = fail`.
///
/// A rule is the policy for all topics and, behind semicolons, others for source topics whose whole name matches a
/// regular expression. The first that matches counts.
package struct IntegrityRule: Sendable {
    package struct SyntaxError: Error, Equatable {
        package let reason: String
        package let nextStep: String
    }

    private let general: GapPolicy
    private let exceptions: [(pattern: NamePattern, policy: GapPolicy)]

    /// - Parameter general: the policy where the text has none for all topics.
    package init(_ text: String, general: GapPolicy) throws(SyntaxError) {
        var all: GapPolicy?
        var exceptions: [(pattern: NamePattern, policy: GapPolicy)] = []
        for part in text.split(separator: ";", omittingEmptySubsequences: false) {
            let item = String(part).trimmedAsJava
            if item.isEmpty { continue }
            guard let equals = item.lastIndex(of: "=") else {
                guard all == nil else {
                    throw SyntaxError(
                        reason: "has two policies for all topics",
                        nextStep: "write one, and TOPIC-EXPRESSION = POLICY for others"
                    )
                }
                all = try Self.policy(item)
                continue
            }
            let expression = String(item[..<equals]).trimmedAsJava
            let policy = try Self.policy(String(item[item.index(after: equals)...]).trimmedAsJava)
            guard !expression.isEmpty else {
                throw SyntaxError(reason: "has a policy for no topic", nextStep: "write TOPIC-EXPRESSION = POLICY")
            }
            do throws(NamePattern.SyntaxError) {
                exceptions.append((try NamePattern([expression]), policy))
            } catch {
                throw SyntaxError(reason: "has “\(expression)”, which \(error.reason)", nextStep: error.nextStep)
            }
        }
        self.general = all ?? general
        self.exceptions = exceptions
    }

    package init(general: GapPolicy) {
        self.general = general
        self.exceptions = []
    }

    private static func policy(_ text: String) throws(SyntaxError) -> GapPolicy {
        guard let policy = GapPolicy(rawValue: text.lowercased()) else {
            let known = GapPolicy.allCases.map(\.rawValue)
            let closest = ClosestName.closest(to: text, among: known)
            throw SyntaxError(
                reason: "has “\(text)”, which is no policy",
                nextStep: closest.map { "did you mean \($0)?" } ?? "write one of \(known.joined(separator: ", "))"
            )
        }
        return policy
    }

    package func policy(for topic: String) -> GapPolicy {
        exceptions.first { $0.pattern.matches(topic) }?.policy ?? general
    }
}

/// The rules of a flow for every kind of gap.
package struct IntegrityPolicies: Sendable {
    private var rules: [GapKind: IntegrityRule] = [:]

    /// Every kind has its default.
    package init() {}

    package subscript(kind: GapKind) -> IntegrityRule {
        get { rules[kind] ?? IntegrityRule(general: kind.defaultPolicy) }
        set { rules[kind] = newValue }
    }

    /// - Parameter topic: name of the source topic.
    package func policy(for kind: GapKind, topic: String) -> GapPolicy { self[kind].policy(for: topic) }

    /// Values that are wrong have been reported and count as defaults here.
    init(own: OwnSettings) {
        for kind in GapKind.allCases {
            guard let key = kind.key, let text = own.text(key) else { continue }
            rules[kind] = try? IntegrityRule(text, general: kind.defaultPolicy)
        }
    }
}
