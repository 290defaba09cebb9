extension HandlerTable {
    /// Access control, quotas, log directories, producers and SCRAM credentials.
    mutating func registerAccessHandlers() {
        self.register(DescribeAclsHandler.self)
        self.register(CreateAclsHandler.self)
        self.register(DeleteAclsHandler.self)
    }
}
