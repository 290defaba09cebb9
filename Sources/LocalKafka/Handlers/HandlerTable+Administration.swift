extension HandlerTable {
    /// Topics, configs, the cluster itself.
    mutating func registerAdministrationHandlers() {
        self.register(CreateTopicsHandler.self)
        self.register(DeleteTopicsHandler.self)
        self.register(CreatePartitionsHandler.self)
        self.register(DeleteRecordsHandler.self)
        self.register(DescribeConfigsHandler.self)
        self.register(AlterConfigsHandler.self)
        self.register(IncrementalAlterConfigsHandler.self)
        self.register(DescribeClusterHandler.self)
        self.register(ElectLeadersHandler.self)
        self.register(DescribeTopicPartitionsHandler.self)
    }
}
