extension HandlerTable {
    /// Connections, metadata, records.
    mutating func registerDataHandlers() {
        self.register(ApiVersionsHandler.self)
    }
}
