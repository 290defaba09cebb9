extension HandlerTable {
    /// Connections, metadata, records.
    mutating func registerDataHandlers() {
        self.register(ApiVersionsHandler.self)
        self.register(ProduceHandler.self, versions: 3...11)
        self.register(FetchHandler.self, versions: 4...17)
        self.register(ListOffsetsHandler.self)
        self.register(MetadataHandler.self)
        self.register(OffsetForLeaderEpochHandler.self)
        self.register(SaslHandshakeHandler.self)
        self.register(SaslAuthenticateHandler.self)
    }
}
