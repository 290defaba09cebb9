import KafkaProtocol

/// Decides which troubles are told, so that one cause gives one line and not thousands.
///
/// 1. A trouble is told when it begins, when it changes, and once a minute as long as it lasts; its end is told once.
/// 2. Texts that differ in numbers only count as the same.
/// 3. When many topics or partitions are concerned at once, the first ten are told and the others counted.
///
/// A value without a clock: time comes in as a parameter.
struct TroubleNews: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What is in trouble.
    enum Subject: Hashable, Sendable {
        case start
        case clusters
        case progress
        /// No topic is selected.
        case selection
        /// A topic that the configuration names and the source does not show.
        case name(String)
        /// A job beside the data path, with what it cannot do.
        case job(String)
        case topic(TopicName)
        case partition(TopicPartition)
        case group(GroupID)

        fileprivate var kind: Kind? {
            switch self {
            case .start, .clusters, .progress, .selection, .job: nil
            case .topic, .name: .topics
            case .partition: .partitions
            case .group: .groups
            }
        }
    }

    /// Of what there may be very many.
    enum Kind: String, Hashable, Sendable, CaseIterable {
        case topics, partitions, groups
    }

    private struct Trouble: Sendable {
        var texts: Set<String> = []
        var toldAt: Instant
    }

    private struct Crowd: Sendable {
        var windowStart: Instant
        var told = 0
        var withheld = 0
        var withheldSince: Instant?
        var example = ""
    }

    private static let reminder = Duration.seconds(60)
    private static let patience = Duration.seconds(5)
    private static let toldAtOnce = 10
    private static let textLimit = 8

    private var troubles: [Subject: Trouble] = [:]
    private var crowds: [Kind: Crowd] = [:]

    /// Whether the trouble is to be told now.
    mutating func tells(_ subject: Subject, _ text: String, now: Instant) -> Bool {
        let text = Self.withoutNumbers(text)
        if var trouble = troubles[subject] {
            let isKnown = trouble.texts.contains(text) || trouble.texts.count >= Self.textLimit
            guard !isKnown || now - trouble.toldAt >= Self.reminder else { return false }
            trouble.texts.insert(text)
            trouble.toldAt = now
            troubles[subject] = trouble
        } else {
            troubles[subject] = Trouble(texts: [text], toldAt: now)
        }
        return subject.kind.map { admits($0, text, now: now) } ?? true
    }

    /// Whether the end of a trouble is to be told; false when there was none.
    mutating func tellsEnd(of subject: Subject, now: Instant) -> Bool {
        guard troubles.removeValue(forKey: subject) != nil else { return false }
        return subject.kind.map { admits($0, "over", now: now) } ?? true
    }

    /// Whether something that happened to one of many is to be told.
    mutating func tells(_ kind: Kind, _ text: String, now: Instant) -> Bool {
        admits(kind, text, now: now)
    }

    /// How many things were not told since the last call, with the last of them; after a few seconds, so that they
    /// come together.
    mutating func withheld(now: Instant) -> [(kind: Kind, count: Int, example: String)] {
        var result: [(kind: Kind, count: Int, example: String)] = []
        for kind in Kind.allCases {
            guard let crowd = crowds[kind], let since = crowd.withheldSince, now - since >= Self.patience else {
                continue
            }
            result.append((kind, crowd.withheld, crowd.example))
            crowds[kind]?.withheld = 0
            crowds[kind]?.withheldSince = nil
        }
        return result
    }

    /// The text with a mark for every number, so that durations, offsets and sizes make no other text of it.
    private static func withoutNumbers(_ text: String) -> String {
        var result = ""
        for character in text {
            if !character.isNumber {
                result.append(character)
            } else if result.last != "#" {
                if result.last == "-" { result.removeLast() }
                result.append("#")
            }
        }
        return result.replacing("# ms", with: "# s")
    }

    private mutating func admits(_ kind: Kind, _ text: String, now: Instant) -> Bool {
        var crowd = crowds[kind] ?? Crowd(windowStart: now)
        defer { crowds[kind] = crowd }
        if now - crowd.windowStart >= Self.reminder {
            crowd.windowStart = now
            crowd.told = 0
        }
        crowd.told += 1
        guard crowd.told > Self.toldAtOnce else { return true }
        crowd.withheld += 1
        crowd.withheldSince = crowd.withheldSince ?? now
        crowd.example = text
        return false
    }
}
