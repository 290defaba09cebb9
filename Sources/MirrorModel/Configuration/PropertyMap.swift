/// Properties of one consumer of the file, each with the key of the file it came from.
package struct PropertyMap: Sendable, Equatable {
    package struct Property: Sendable, Equatable {
        package var value: String
        /// The key in the file, `nil` for what the program sets.
        package var origin: String?
    }

    package private(set) var properties: [String: Property] = [:]

    package init() {}

    package subscript(_ key: String) -> String? { properties[key]?.value }

    package var values: [String: String] { properties.mapValues(\.value) }
    package var keys: some Collection<String> { properties.keys }

    /// The key of the file for each property that has one.
    package var origins: [String: String] { properties.compactMapValues(\.origin) }

    package func origin(of key: String) -> String? { properties[key]?.origin }

    package mutating func set(_ key: String, _ value: String, origin: String? = nil) {
        properties[key] = Property(value: value, origin: origin)
    }

    package mutating func setIfAbsent(_ key: String, _ value: String, origin: String? = nil) {
        if properties[key] == nil { set(key, value, origin: origin) }
    }

    package mutating func remove(_ key: String) { properties[key] = nil }

    package mutating func overwrite(with other: PropertyMap) {
        properties.merge(other.properties) { _, new in new }
    }

    /// The properties whose key begins with `prefix`, without it.
    package func stripped(of prefix: String) -> PropertyMap {
        var result = PropertyMap()
        for (key, property) in properties {
            if let rest = key.remainder(afterPrefix: prefix) { result.properties[rest] = property }
        }
        return result
    }

    package func filtered(_ isIncluded: (String) -> Bool) -> PropertyMap {
        var result = PropertyMap()
        result.properties = properties.filter { isIncluded($0.key) }
        return result
    }

    package func mapValues<E: Error>(_ transform: (String) throws(E) -> String) throws(E) -> PropertyMap {
        var result = self
        for (key, property) in properties {
            result.properties[key]?.value = try transform(property.value)
        }
        return result
    }
}
