extension HandlerTable {
    /// Groups and their offsets.
    mutating func registerGroupHandlers() {
    }
}
