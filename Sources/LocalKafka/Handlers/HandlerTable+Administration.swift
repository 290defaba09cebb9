extension HandlerTable {
    /// Topics, configs, the cluster itself.
    mutating func registerAdministrationHandlers() {
    }
}
