/// Client quotas and the throttle times that follow from them.
package final class QuotaService {
    init() {}

    /// Counts `bytes` produced and returns for how many milliseconds the client shall be held back.
    package func produced(_ bytes: Int, principal: String, clientID: String?, now: Int64) -> Int32 { 0 }

    /// Counts `bytes` fetched and returns for how many milliseconds the client shall be held back.
    package func fetched(_ bytes: Int, principal: String, clientID: String?, now: Int64) -> Int32 { 0 }
}
