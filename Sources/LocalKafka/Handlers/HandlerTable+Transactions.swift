extension HandlerTable {
    /// Producer ids and transactions.
    mutating func registerTransactionHandlers() {
    }
}
