import MirrorModel
import TestSupport
import Testing

@Suite struct PropertiesFileTests {
    @Test func goldenFiles() throws {
        let lines = try Vectors.lines("mirror/properties.jsonl")
        for line in lines {
            let bytes = try #require(hexBytes(line["hex"]))
            guard let members = line["map"]?.object else {
                #expect(throws: PropertiesFile.SyntaxError.self) { try PropertiesFile(name: "test", bytes: bytes) }
                continue
            }
            let values = try PropertiesFile(name: "test", bytes: bytes).values
            let expected = Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0.value.string) })
            #expect(values.mapValues(Optional.some) == expected)
        }
        print("properties: \(lines.count) cases")
    }

    @Test func entriesKnowTheLineTheyStartOn() throws {
        let text = "# one\n\na = 1\\\n  2\r\nb=3\r\r  ! x\n c:4\n"
        let file = try PropertiesFile(name: "test", bytes: text.utf8)
        #expect(file.entries.map(\.key) == ["a", "b", "c"])
        #expect(file.entries.map(\.line) == [3, 5, 8])
        let error = #expect(throws: PropertiesFile.SyntaxError.self) {
            try PropertiesFile(name: "test", bytes: "a=1\nb=\\u00g0".utf8)
        }
        #expect(error?.line == 2)
    }

    @Test func filesOfProvidersAreUTF8() throws {
        let file = try PropertiesFile(name: "test", bytes: "a=päß🚀".utf8, encoding: .utf8)
        #expect(file.values == ["a": "päß🚀"])
    }
}

/// Bytes of a string of hexadecimal digits; `nil` for a JSON null.
func hexBytes(_ value: JSONValue?) -> [UInt8]? {
    guard let text = value?.string, text.utf8.count.isMultiple(of: 2) else { return nil }
    var result: [UInt8] = []
    var digits = text[...]
    while !digits.isEmpty {
        guard let byte = UInt8(digits.prefix(2), radix: 16) else { return nil }
        result.append(byte)
        digits = digits.dropFirst(2)
    }
    return result
}
