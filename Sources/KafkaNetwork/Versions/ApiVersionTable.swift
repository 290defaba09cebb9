public import KafkaProtocol

/// The versions of each API that a broker speaks, as it said when the connection was made.
public struct ApiVersionTable: Hashable, Sendable {
    /// Version ranges by the API's number.
    public let ranges: [Int16: ClosedRange<Int16>]
    /// Features that are finalized in the cluster, with their levels (for example `metadata.version`).
    public let finalizedFeatures: [String: Int16]
    /// `ranges` by position, for the look-up on every request; an empty range is (0, -1).
    private let byPosition: [(Int16, Int16)]

    public init(ranges: [Int16: ClosedRange<Int16>], finalizedFeatures: [String: Int16] = [:]) {
        self.ranges = ranges
        self.finalizedFeatures = finalizedFeatures
        var byPosition: [(Int16, Int16)] = []
        for (key, range) in ranges where (0..<1_024).contains(key) {
            while byPosition.count <= Int(key) { byPosition.append((0, -1)) }
            byPosition[Int(key)] = (range.lowerBound, range.upperBound)
        }
        self.byPosition = byPosition
    }

    /// Takes an answer apart; ranges that make no sense are left out.
    public init(_ response: ApiVersionsResponse) {
        var ranges: [Int16: ClosedRange<Int16>] = [:]
        for api in response.apiKeys where api.minVersion <= api.maxVersion && api.maxVersion >= 0 {
            ranges[api.apiKey] = max(0, api.minVersion)...api.maxVersion
        }
        var features: [String: Int16] = [:]
        for feature in response.finalizedFeatures { features[feature.name.string] = feature.maxVersionLevel }
        self.init(ranges: ranges, finalizedFeatures: features)
    }

    /// The versions of an API that the broker speaks.
    public func range(for apiKey: ApiKey) -> ClosedRange<Int16>? {
        self.ranges[apiKey.rawValue]
    }

    /// The newest version of a request that both sides speak.
    public func negotiate<R: KafkaRequest>(_ request: R.Type) -> Int16? {
        negotiate(R.apiKey, ours: R.supportedVersions)
    }

    /// The same for an API and versions that are known at run time.
    public func negotiate(_ apiKey: ApiKey, ours: ClosedRange<Int16>) -> Int16? {
        let position = Int(apiKey.rawValue)
        guard position >= 0, position < self.byPosition.count else { return nil }
        let (lowest, highest) = self.byPosition[position]
        let version = min(highest, ours.upperBound)
        return version >= max(lowest, ours.lowerBound) ? version : nil
    }

    public static func == (left: ApiVersionTable, right: ApiVersionTable) -> Bool {
        left.ranges == right.ranges && left.finalizedFeatures == right.finalizedFeatures
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.ranges)
        hasher.combine(self.finalizedFeatures)
    }
}
