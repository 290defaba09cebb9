public import NIOCore

extension RecordBatchBuilder {
    /// The batch that ends a transaction.
    ///
    /// - Parameter type: `.commit` or `.abort`.
    public static func endTransaction(
        _ type: ControlRecordType,
        baseOffset: Int64,
        timestamp: Int64,
        producerID: Int64,
        producerEpoch: Int16,
        coordinatorEpoch: Int32,
        partitionLeaderEpoch: Int32 = -1
    ) throws(RecordError) -> ByteBuffer {
        var builder = RecordBatchBuilder(baseOffset: baseOffset)
        builder.isControl = true
        builder.isTransactional = true
        builder.producerID = producerID
        builder.producerEpoch = producerEpoch
        builder.partitionLeaderEpoch = partitionLeaderEpoch
        var key = ByteBuffer()
        key.writeMultipleIntegers(0 as Int16, type.rawValue)
        var value = ByteBuffer()
        value.writeMultipleIntegers(0 as Int16, coordinatorEpoch)
        builder.append(timestamp: timestamp, key: key, value: value)
        return try builder.build()
    }
}
