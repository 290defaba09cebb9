/// Which names are taken: those that an include pattern matches and no exclude pattern does.
package struct NameFilter: Sendable {
    package let include: NamePattern
    package let exclude: NamePattern

    package init(include: NamePattern, exclude: NamePattern) {
        self.include = include
        self.exclude = exclude
    }

    /// Reads both lists of regular expressions.
    package init(include: [String], exclude: [String]) throws(NamePattern.SyntaxError) {
        self.init(include: try NamePattern(include), exclude: try NamePattern(exclude))
    }

    package func accepts(_ name: String) -> Bool {
        include.matches(name) && !exclude.matches(name)
    }
}

/// Which topic configuration properties are copied, and whether the source's defaults are.
package struct ConfigPropertyFilter: Sendable {
    package static let defaultExclude = [
        "follower\\.replication\\.throttled\\.replicas", "leader\\.replication\\.throttled\\.replicas",
        "message\\.timestamp\\.difference\\.max\\.ms", "message\\.timestamp\\.type",
        "unclean\\.leader\\.election\\.enable", "min\\.insync\\.replicas",
    ]

    package let exclude: NamePattern
    /// Whether values that are defaults at the source are written at the target.
    package let copiesSourceDefaults: Bool

    package init(exclude: NamePattern, defaultsFrom: String = "target") {
        self.exclude = exclude
        self.copiesSourceDefaults = defaultsFrom == "source"
    }

    package func accepts(_ property: String) -> Bool { !exclude.matches(property) }
}
