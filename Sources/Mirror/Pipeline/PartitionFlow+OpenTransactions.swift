import KafkaClient
import NIOCore

/// Transactions at the source that nobody ends: everything behind them stays invisible to a committed reader.
extension PartitionFlow {
    /// The first offset of an open transaction that is all that is left to read.
    struct OpenTransaction: Sendable {
        var offset: Int64
        var since: NIODeadline
        var isTold = false
    }

    /// Notes how long the same transaction is in the way, and tells it once; called after each event.
    mutating func watchOpenTransaction(now: NIODeadline) {
        let stable = self.watermarks.lastStableOffset
        let isHeld =
            self.settings.isReadCommitted && self.phase == .running && stable >= 0
            && stable < self.watermarks.highWatermark && self.scanOffset >= stable && self.queue.isEmpty
        guard isHeld else {
            if self.openTransaction?.isTold == true { self.clearImpediment() }
            self.openTransaction = nil
            return
        }
        guard var held = self.openTransaction, held.offset == stable else {
            if self.openTransaction?.isTold == true { self.clearImpediment() }
            self.openTransaction = OpenTransaction(offset: stable, since: now)
            return
        }
        guard !held.isTold, now >= held.since + self.settings.openTransactionPatience else { return }
        held.isTold = true
        self.openTransaction = held
        let behind = self.watermarks.highWatermark - stable
        self.impede(
            """
            an open transaction of cluster \(self.settings.sourceAlias) that begins at offset \(stable) has held up \
            \(behind) offsets for \(self.settings.openTransactionPatience.nanoseconds / 1_000_000) ms. It goes on when \
            the producer ends it or its transaction.timeout.ms is over; one that hangs for longer is found and aborted with \
            kafka-transactions.sh
            """
        )
    }

    /// When an open transaction is to be told.
    var openTransactionDue: NIODeadline? {
        guard let held = self.openTransaction, !held.isTold else { return nil }
        return held.since + self.settings.openTransactionPatience
    }
}
