import KafkaProtocol
import LocalKafka

/// What a line of standard input tells the sandbox to do with one of its clusters.
struct SandboxOrder: Sendable, Equatable {
    enum Action: Sendable, Equatable {
        case createTopic(TopicName, partitions: Int32, configs: [String: String])
        case moveLeader(TopicName, Int32, to: Int32)
        case setBroker(Int32, isUp: Bool)
        case fault(ApiKey, count: Int, Fault, Conditions)
        case clearFaults
        case closeConnections
        case advertise([Int])
        case truncate(TopicName, Int32, to: Int64)
        case deleteRecords(TopicName, Int32, before: Int64)
        case compact(TopicName, Int32)
    }

    /// Which requests a fault meets.
    struct Conditions: Sendable, Equatable {
        var broker: Int32?
        var topic: TopicName?
        var skip = 0
    }

    /// Why a line is no order.
    struct Mistake: Error, CustomStringConvertible, Equatable {
        var description: String
    }

    var cluster: String
    var action: Action

    static let help = """
        create-topic A TOPIC PARTITIONS [CONFIG=VALUE ...]
        move-leader A TOPIC PARTITION BROKER     another leader, in a new epoch; broker -1: none
        stop-broker A BROKER, start-broker A BROKER
        fault A API COUNT WHAT [broker=N] [topic=T] [skip=N]
            WHAT: drop, drop-answer, close, close-after, truncate, garbage, delay=MS, error=NAME
        clear-faults A, close-connections A
        advertise A PORT,PORT,...                ports of the proxies, as clients of the second listener are told
        truncate A TOPIC PARTITION OFFSET        loses everything from there on, as an unclean election does
        delete-records A TOPIC PARTITION OFFSET  moves the log start, as retention does
        compact A TOPIC PARTITION
        """
}

extension SandboxOrder {
    init(_ line: String) throws(Mistake) {
        var words = Words(line)
        let verb = try words.text("an order")
        self.cluster = try words.text("a cluster")
        switch verb {
        case "create-topic":
            let name = TopicName(try words.text("a topic"))
            let partitions: Int32 = try words.number("the number of partitions")
            var configs: [String: String] = [:]
            while let (key, value) = try words.setting() { configs[key] = value }
            self.action = .createTopic(name, partitions: partitions, configs: configs)
        case "move-leader":
            let (topic, partition) = try words.place()
            self.action = .moveLeader(topic, partition, to: try words.number("a broker"))
        case "stop-broker": self.action = .setBroker(try words.number("a broker"), isUp: false)
        case "start-broker": self.action = .setBroker(try words.number("a broker"), isUp: true)
        case "fault": self.action = try Self.fault(&words)
        case "clear-faults": self.action = .clearFaults
        case "close-connections": self.action = .closeConnections
        case "advertise":
            let ports = try words.text("the ports").split(separator: ",").map { Int($0) }
            guard !ports.contains(nil) else { throw Mistake(description: "the ports are not numbers") }
            self.action = .advertise(ports.compactMap(\.self))
        case "truncate":
            let (topic, partition) = try words.place()
            self.action = .truncate(topic, partition, to: try words.number("an offset"))
        case "delete-records":
            let (topic, partition) = try words.place()
            self.action = .deleteRecords(topic, partition, before: try words.number("an offset"))
        case "compact":
            let (topic, partition) = try words.place()
            self.action = .compact(topic, partition)
        default: throw Mistake(description: "'\(verb)' is not an order")
        }
        try words.end()
    }

    private static func fault(_ words: inout Words) throws(Mistake) -> Action {
        let name = try words.text("an API")
        guard let api = (0...Int16(100)).lazy.map({ ApiKey($0) }).first(where: { $0.name == name }) else {
            throw Mistake(description: "'\(name)' is not an API")
        }
        let count: Int = try words.number("how many requests")
        let fault = try Self.fault(named: try words.text("a fault"))
        var conditions = Conditions()
        while let (key, value) = try words.setting() {
            switch key {
            case "topic": conditions.topic = TopicName(value)
            case "broker": conditions.broker = try Words.number(value, "a broker")
            case "skip": conditions.skip = try Words.number(value, "how many to let pass")
            default: throw Mistake(description: "'\(key)' is no condition of a fault")
            }
        }
        return .fault(api, count: count, fault, conditions)
    }

    private static func fault(named text: String) throws(Mistake) -> Fault {
        switch text {
        case "drop": return .drop
        case "drop-answer": return .dropAnswer
        case "close": return .close
        case "close-after": return .closeAfter
        case "truncate": return .truncate
        case "garbage": return .garbage
        default: break
        }
        if text.hasPrefix("delay=") { return .delay(try Words.number(String(text.dropFirst(6)), "milliseconds")) }
        if text.hasPrefix("error="), let code = ErrorCode.known.first(where: { $0.name == text.dropFirst(6) }) {
            return .error(code)
        }
        throw Mistake(description: "'\(text)' is not a fault")
    }
}

/// The words of a line, taken one after the other.
private struct Words {
    private var rest: ArraySlice<Substring>

    init(_ line: String) {
        self.rest = line.split(whereSeparator: \.isWhitespace)[...]
    }

    mutating func text(_ what: String) throws(SandboxOrder.Mistake) -> String {
        guard let word = self.rest.popFirst() else { throw SandboxOrder.Mistake(description: "\(what) is missing") }
        return String(word)
    }

    mutating func number<Number: FixedWidthInteger>(_ what: String) throws(SandboxOrder.Mistake) -> Number {
        try Self.number(try self.text(what), what)
    }

    mutating func place() throws(SandboxOrder.Mistake) -> (TopicName, Int32) {
        (TopicName(try self.text("a topic")), try self.number("a partition"))
    }

    /// The next word as `key=value`; `nil` at the end.
    mutating func setting() throws(SandboxOrder.Mistake) -> (key: String, value: String)? {
        guard let word = self.rest.popFirst() else { return nil }
        guard let equals = word.firstIndex(of: "=") else {
            throw SandboxOrder.Mistake(description: "'\(word)' is not KEY=VALUE")
        }
        return (String(word[..<equals]), String(word[word.index(after: equals)...]))
    }

    func end() throws(SandboxOrder.Mistake) {
        if let word = self.rest.first { throw SandboxOrder.Mistake(description: "'\(word)' is too much") }
    }

    static func number<Number: FixedWidthInteger>(
        _ text: String,
        _ what: String
    ) throws(SandboxOrder.Mistake) -> Number {
        guard let number = Number(text) else {
            throw SandboxOrder.Mistake(description: "\(what) has to be a number, not '\(text)'")
        }
        return number
    }
}
