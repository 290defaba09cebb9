public import KafkaProtocol

/// One rule of access; the numbers of its kinds are Kafka's.
public struct AccessRule: Sendable, Hashable {
    public struct ResourceKind: RawRepresentable, Sendable, Hashable {
        public var rawValue: Int8
        public init(rawValue: Int8) { self.rawValue = rawValue }

        public static let any = ResourceKind(rawValue: 1)
        public static let topic = ResourceKind(rawValue: 2)
        public static let group = ResourceKind(rawValue: 3)
        public static let cluster = ResourceKind(rawValue: 4)
        public static let transactionalID = ResourceKind(rawValue: 5)
        public static let delegationToken = ResourceKind(rawValue: 6)
        public static let user = ResourceKind(rawValue: 7)
    }

    public struct Pattern: RawRepresentable, Sendable, Hashable {
        public var rawValue: Int8
        public init(rawValue: Int8) { self.rawValue = rawValue }

        public static let any = Pattern(rawValue: 1)
        /// Every pattern that applies to a name.
        public static let match = Pattern(rawValue: 2)
        public static let literal = Pattern(rawValue: 3)
        public static let prefixed = Pattern(rawValue: 4)
    }

    public struct Operation: RawRepresentable, Sendable, Hashable {
        public var rawValue: Int8
        public init(rawValue: Int8) { self.rawValue = rawValue }

        public static let any = Operation(rawValue: 1)
        public static let all = Operation(rawValue: 2)
        public static let read = Operation(rawValue: 3)
        public static let write = Operation(rawValue: 4)
        public static let create = Operation(rawValue: 5)
        public static let delete = Operation(rawValue: 6)
        public static let alter = Operation(rawValue: 7)
        public static let describe = Operation(rawValue: 8)
        public static let clusterAction = Operation(rawValue: 9)
        public static let describeConfigs = Operation(rawValue: 10)
        public static let alterConfigs = Operation(rawValue: 11)
        public static let idempotentWrite = Operation(rawValue: 12)
    }

    public struct Permission: RawRepresentable, Sendable, Hashable {
        public var rawValue: Int8
        public init(rawValue: Int8) { self.rawValue = rawValue }

        public static let any = Permission(rawValue: 1)
        public static let deny = Permission(rawValue: 2)
        public static let allow = Permission(rawValue: 3)
    }

    public var resource: ResourceKind
    public var name: KafkaString
    public var pattern: Pattern
    public var principal: KafkaString
    public var host: KafkaString
    public var operation: Operation
    public var permission: Permission

    public init(
        resource: ResourceKind,
        name: KafkaString,
        pattern: Pattern = .literal,
        principal: KafkaString,
        host: KafkaString = "*",
        operation: Operation,
        permission: Permission = .allow
    ) {
        self.resource = resource
        self.name = name
        self.pattern = pattern
        self.principal = principal
        self.host = host
        self.operation = operation
        self.permission = permission
    }
}

/// Chooses rules; nil and `any` leave a part open.
public struct AccessRuleFilter: Sendable, Hashable {
    public var resource: AccessRule.ResourceKind
    public var name: KafkaString?
    public var pattern: AccessRule.Pattern
    public var principal: KafkaString?
    public var host: KafkaString?
    public var operation: AccessRule.Operation
    public var permission: AccessRule.Permission

    public init(
        resource: AccessRule.ResourceKind = .any,
        name: KafkaString? = nil,
        pattern: AccessRule.Pattern = .any,
        principal: KafkaString? = nil,
        host: KafkaString? = nil,
        operation: AccessRule.Operation = .any,
        permission: AccessRule.Permission = .any
    ) {
        self.resource = resource
        self.name = name
        self.pattern = pattern
        self.principal = principal
        self.host = host
        self.operation = operation
        self.permission = permission
    }
}

extension KafkaClient {
    /// Finds rules of access.
    public func describeAccess(
        _ filter: AccessRuleFilter = AccessRuleFilter(),
        deadline: Deadline? = nil
    ) async throws(KafkaClientError) -> [AccessRule] {
        let response = try await call(
            DescribeAclsRequest.self,
            .anyBroker,
            deadline: self.deadline(deadline),
            errorCode: { $0.errorCode },
            build: { version in
                var request = DescribeAclsRequest()
                request.resourceTypeFilter = filter.resource.rawValue
                request.resourceNameFilter = filter.name
                request.patternTypeFilter = Self.pattern(filter.pattern, version)
                request.principalFilter = filter.principal
                request.hostFilter = filter.host
                request.operation = filter.operation.rawValue
                request.permissionType = filter.permission.rawValue
                return request
            }
        )
        guard response.errorCode == .none else {
            throw refused(response.errorCode, "The rules of access cannot be read", detail: response.errorMessage)
        }
        return response.resources.flatMap { resource in
            resource.acls.map { acl in
                AccessRule(
                    resource: .init(rawValue: resource.resourceType),
                    name: resource.resourceName,
                    pattern: .init(rawValue: resource.patternType),
                    principal: acl.principal,
                    host: acl.host,
                    operation: .init(rawValue: acl.operation),
                    permission: .init(rawValue: acl.permissionType)
                )
            }
        }
    }

    /// Adds rules of access; one that exists is no error.
    public func createAccess(
        _ rules: [AccessRule],
        deadline: Deadline? = nil
    ) async -> [AccessRule: Result<Void, KafkaClientError>] {
        let deadline = self.deadline(deadline)
        return await fanOut(
            CreateAclsRequest.self,
            keys: rules,
            deadline: deadline,
            locate: { await locateAll($0, .controller, deadline: deadline) },
            recover: { _, code in act(on: code.recovery, code: code, route: .controller) },
            build: { rules, version throws(KafkaClientError) in
                var request = CreateAclsRequest()
                request.creations = rules.map { rule in
                    var creation = CreateAclsRequest.AclCreation()
                    creation.resourceType = rule.resource.rawValue
                    creation.resourceName = rule.name
                    creation.resourcePatternType = rule.pattern.rawValue
                    creation.principal = rule.principal
                    creation.host = rule.host
                    creation.operation = rule.operation.rawValue
                    creation.permissionType = rule.permission.rawValue
                    return creation
                }
                return request
            },
            parse: { response, rules in
                zip(rules, response.results).map { rule, result in
                    guard result.errorCode == .none else {
                        return (rule, .failure(ItemFailure(result.errorCode, result.errorMessage)))
                    }
                    return (rule, .success(()))
                }
            },
            describe: { _, failure in
                refused(failure.code, "The rule of access cannot be created", detail: failure.message)
            }
        )
    }

    /// Deletes the rules each filter finds and returns them.
    public func deleteAccess(
        _ filters: [AccessRuleFilter],
        deadline: Deadline? = nil
    ) async -> [AccessRuleFilter: Result<[AccessRule], KafkaClientError>] {
        let deadline = self.deadline(deadline)
        return await fanOut(
            DeleteAclsRequest.self,
            keys: filters,
            deadline: deadline,
            locate: { await locateAll($0, .controller, deadline: deadline) },
            recover: { _, code in act(on: code.recovery, code: code, route: .controller) },
            build: { filters, version throws(KafkaClientError) in
                var request = DeleteAclsRequest()
                request.filters = filters.map { filter in
                    var entry = DeleteAclsRequest.DeleteAclsFilter()
                    entry.resourceTypeFilter = filter.resource.rawValue
                    entry.resourceNameFilter = filter.name
                    entry.patternTypeFilter = Self.pattern(filter.pattern, version)
                    entry.principalFilter = filter.principal
                    entry.hostFilter = filter.host
                    entry.operation = filter.operation.rawValue
                    entry.permissionType = filter.permission.rawValue
                    return entry
                }
                return request
            },
            parse: { response, filters in
                zip(filters, response.filterResults).map { filter, result in
                    guard result.errorCode == .none else {
                        return (filter, .failure(ItemFailure(result.errorCode, result.errorMessage)))
                    }
                    let deleted = result.matchingAcls.filter { $0.errorCode == .none }.map { acl in
                        AccessRule(
                            resource: .init(rawValue: acl.resourceType),
                            name: acl.resourceName,
                            pattern: .init(rawValue: acl.patternType),
                            principal: acl.principal,
                            host: acl.host,
                            operation: .init(rawValue: acl.operation),
                            permission: .init(rawValue: acl.permissionType)
                        )
                    }
                    return (filter, .success(deleted))
                }
            },
            describe: { _, failure in
                refused(failure.code, "The rules of access cannot be deleted", detail: failure.message)
            }
        )
    }

    /// Version 0 knows literal names only, so everything else that would find them is narrowed to that.
    private static func pattern(_ pattern: AccessRule.Pattern, _ version: Int16) -> Int8 {
        version == 0 ? AccessRule.Pattern.literal.rawValue : pattern.rawValue
    }
}
