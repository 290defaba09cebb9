import KafkaNetwork
import Testing

@testable import KafkaClient

@Suite("When metadata is refreshed")
struct MetadataRefreshMachineTests {
    private let start = ContinuousClock.now

    private func machine() -> MetadataRefreshMachine {
        MetadataRefreshMachine(
            maximumAge: .seconds(300),
            backoff: BackoffPolicy(initial: .milliseconds(100), maximum: .seconds(1), jitter: 0)
        )
    }

    @Test("At once, then at the maximum age")
    func periodic() {
        var machine = machine()
        #expect(machine.next(now: start) == .refresh)
        machine.succeeded(now: start)
        #expect(machine.next(now: start) == .wait(until: start + .seconds(300)))
        #expect(machine.next(now: start + .seconds(300)) == .refresh)
    }

    @Test("On request, but not right after an answer")
    func requested() {
        var machine = machine()
        #expect(machine.next(now: start) == .refresh)
        machine.succeeded(now: start)
        machine.request()
        machine.request()
        #expect(machine.next(now: start) == .wait(until: start + .milliseconds(100)))
        #expect(machine.next(now: start + .milliseconds(100)) == .refresh)
        machine.succeeded(now: start + .milliseconds(120))
        // Both requests were served by one refresh.
        #expect(machine.next(now: start + .seconds(1)) == .wait(until: start + .milliseconds(120) + .seconds(300)))
    }

    @Test("A request during a refresh causes another one")
    func requestInFlight() {
        var machine = machine()
        #expect(machine.next(now: start) == .refresh)
        machine.request()
        machine.succeeded(now: start)
        #expect(machine.next(now: start + .seconds(1)) == .refresh)
    }

    @Test("After failures the pauses grow, requests or not")
    func failures() {
        var machine = machine()
        var now = start
        for pause in [100, 200, 400, 800, 1_000, 1_000] {
            #expect(machine.next(now: now) == .refresh)
            machine.failed(now: now, random: 0.5)
            machine.request()
            #expect(machine.next(now: now) == .wait(until: now + .milliseconds(pause)))
            now += .milliseconds(pause)
        }
        #expect(machine.next(now: now) == .refresh)
        machine.succeeded(now: now)
        machine.request()
        now += .seconds(1)
        #expect(machine.next(now: now) == .refresh)
        machine.failed(now: now, random: 0.5)
        #expect(machine.next(now: now) == .wait(until: now + .milliseconds(100)))
    }
}
