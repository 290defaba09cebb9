extension HandlerTable {
    /// Producer ids and transactions.
    mutating func registerTransactionHandlers() {
        self.register(InitProducerIdHandler.self)
        self.register(AddPartitionsToTxnHandler.self)
        self.register(AddOffsetsToTxnHandler.self)
        self.register(TxnOffsetCommitHandler.self)
        self.register(EndTxnHandler.self)
        self.register(DescribeTransactionsHandler.self)
        self.register(ListTransactionsHandler.self)
        self.register(DescribeProducersHandler.self)
    }
}
