extension HandlerTable {
    /// Topics, configs, the cluster itself.
    mutating func registerAdministrationHandlers() {
        self.register(CreateTopicsHandler.self)
        self.register(DeleteTopicsHandler.self)
        self.register(CreatePartitionsHandler.self)
        self.register(DeleteRecordsHandler.self)
    }
}
