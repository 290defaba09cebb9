extension HandlerTable {
    /// Access control, quotas, log directories and SCRAM credentials.
    mutating func registerAccessHandlers() {
        self.register(DescribeAclsHandler.self)
        self.register(CreateAclsHandler.self)
        self.register(DeleteAclsHandler.self)
        self.register(DescribeLogDirsHandler.self)
        self.register(DescribeClientQuotasHandler.self)
        self.register(AlterClientQuotasHandler.self)
        self.register(DescribeUserScramCredentialsHandler.self)
        self.register(AlterUserScramCredentialsHandler.self)
    }
}
