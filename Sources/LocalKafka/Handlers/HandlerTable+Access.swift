extension HandlerTable {
    /// Access control, quotas, log directories, producers and SCRAM credentials.
    mutating func registerAccessHandlers() {
    }
}
