import KafkaProtocol
import Testing

@testable import LocalKafka

@Suite struct AccessListTests {
    private func list(_ entries: AccessEntry...) -> AccessList {
        var list = AccessList()
        for entry in entries { list.add(entry) }
        return list
    }

    private func allows(
        _ list: AccessList,
        _ operation: AccessOperation,
        _ topic: KafkaString = "orders",
        by principal: KafkaString = "User:bob",
        from host: KafkaString = "10.0.0.1"
    ) -> Bool {
        list.allows(principal: principal, host: host, operation: operation, resource: AccessResource(.topic, topic))
    }

    @Test func nothingIsAllowedUnlessSaid() {
        #expect(!allows(AccessList(), .read))
        var open = AccessList()
        open.allowsEveryoneWithoutEntry = true
        #expect(allows(open, .read))
        open.add(AccessEntry(.allow, "User:eve", .read, on: .topic, "orders"))
        // One entry closes the resource for everybody else.
        #expect(!allows(open, .read))
        #expect(allows(open, .read, "other"))
    }

    @Test func superUsersMayDoEverything() {
        var list = list(AccessEntry(.deny, "User:*", .all, on: .topic, "*"))
        list.superUsers = ["User:bob"]
        #expect(allows(list, .alter))
        #expect(!allows(list, .alter, by: "User:eve"))
    }

    @Test func denialsWin() {
        let list = list(
            AccessEntry(.allow, "User:bob", .all, on: .topic, "*"),
            AccessEntry(.deny, "User:bob", .write, on: .topic, "ord", pattern: .prefixed)
        )
        #expect(allows(list, .read))
        #expect(!allows(list, .write))
        #expect(allows(list, .write, "payments"))
        // Denying to write does not deny what writing implies.
        #expect(allows(list, .describe))
    }

    @Test func patternsCoverWhatTheySay() {
        let list = list(
            AccessEntry(.allow, "User:bob", .read, on: .topic, "orders"),
            AccessEntry(.allow, "User:bob", .read, on: .topic, "pay", pattern: .prefixed),
            AccessEntry(.allow, "User:*", .read, on: .topic, "public"),
            AccessEntry(.allow, "User:eve", .read, on: .topic, "*", host: "10.0.0.9")
        )
        #expect(allows(list, .read))
        #expect(!allows(list, .read, "orders2"))
        #expect(allows(list, .read, "payments"))
        #expect(allows(list, .read, "public", by: "User:x"))
        #expect(!allows(list, .read, "any", by: "User:eve"))
        #expect(allows(list, .read, "any", by: "User:eve", from: "10.0.0.9"))
        // Names go by bytes: these two accents look alike and are not.
        let accent = self.list(AccessEntry(.allow, "User:bob", .read, on: .topic, "caf\u{e9}"))
        #expect(!allows(accent, .read, "cafe\u{301}"))
    }

    @Test(arguments: [AccessOperation.read, .write, .delete, .alter])
    func manyOperationsIncludeDescribe(_ operation: AccessOperation) {
        let list = list(AccessEntry(.allow, "User:bob", operation, on: .topic, "orders"))
        #expect(allows(list, .describe))
        #expect(!allows(list, .describeConfigs))
    }

    @Test func alterConfigsIncludesDescribeConfigs() {
        let list = list(AccessEntry(.allow, "User:bob", .alterConfigs, on: .topic, "orders"))
        #expect(allows(list, .describeConfigs))
        #expect(!allows(list, .describe))
    }

    @Test func someTopicIsEnoughForAnywhere() {
        func anywhere(_ list: AccessList) -> Bool {
            list.allowsAnywhere(principal: "User:bob", host: "h", operation: .write, type: .topic)
        }
        #expect(!anywhere(AccessList()))
        let allowed = AccessEntry(.allow, "User:bob", .write, on: .topic, "orders")
        #expect(anywhere(list(allowed)))
        #expect(!anywhere(list(allowed, AccessEntry(.deny, "User:bob", .write, on: .topic, "orders"))))
        #expect(!anywhere(list(allowed, AccessEntry(.deny, "User:*", .all, on: .topic, "*"))))
        #expect(!anywhere(list(allowed, AccessEntry(.deny, "User:bob", .write, on: .topic, "or", pattern: .prefixed))))
    }

    @Test func filtersChoose() throws {
        let literal = AccessEntry(.allow, "User:bob", .read, on: .topic, "orders")
        let prefixed = AccessEntry(.allow, "User:eve", .write, on: .topic, "ord", pattern: .prefixed)
        let wildcard = AccessEntry(.deny, "User:eve", .all, on: .topic, "*")
        let group = AccessEntry(.allow, "User:bob", .read, on: .group, "orders")
        let list = list(literal, prefixed, wildcard, group)
        func find(
            _ name: KafkaString?,
            _ pattern: AccessPattern,
            type: AccessResourceType = .topic,
            principal: KafkaString? = nil,
            operation: AccessOperation = .any
        ) throws -> Set<AccessEntry> {
            let filter = AccessFilter(
                type: type.rawValue,
                name: name,
                pattern: pattern.rawValue,
                principal: principal,
                host: nil,
                operation: operation.rawValue,
                permission: AccessPermission.any.rawValue
            )
            return Set(list.entries(matching: try #require(filter)))
        }
        #expect(try find(nil, .any, type: .any).count == 4)
        #expect(try find("orders", .any) == [literal])
        #expect(try find("orders", .literal) == [literal])
        #expect(try find("orders", .match) == [literal, prefixed, wildcard])
        #expect(try find("orders", .match, type: .any) == [literal, prefixed, wildcard, group])
        #expect(try find("ord", .prefixed) == [prefixed])
        #expect(try find(nil, .any, principal: "User:eve") == [prefixed, wildcard])
        #expect(try find(nil, .any, operation: .all) == [wildcard])
        let unknown = AccessFilter(
            type: 77,
            name: nil,
            pattern: 1,
            principal: nil,
            host: nil,
            operation: 1,
            permission: 1
        )
        #expect(unknown == nil)
    }

    @Test func badEntriesAreNamed() {
        func complaint(_ change: (inout AccessEntry) -> Void) -> String? {
            var entry = AccessEntry(.allow, "User:bob", .read, on: .topic, "t")
            change(&entry)
            return entry.complaint
        }
        #expect(complaint { _ in } == nil)
        #expect(complaint { $0.type = .any } == "Invalid resource type")
        #expect(complaint { $0.pattern = .match } == "Invalid pattern type")
        #expect(complaint { $0.operation = .any } == "Invalid operation type")
        #expect(complaint { $0.permission = .unknown } == "Invalid permission type")
        #expect(complaint { $0.name = "" } != nil)
        #expect(complaint { $0.principal = "bob" } != nil)
        #expect(complaint { $0.type = .cluster } != nil)
        #expect(complaint { ($0.type, $0.operation) = (.group, .write) } != nil)
    }
}
