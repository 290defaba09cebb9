import Foundation

extension ContinuousClock {
    /// The wall clock, as Kafka's timestamps count.
    static var millisecondsSince1970: Int64 {
        Int64(Date().timeIntervalSince1970 * 1000)
    }
}
