import NIOPosix
import Testing

@testable import KafkaClient

@Suite("Waiting with deadlines", .timeLimit(.minutes(1)))
struct WaitingTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.any()

    private func timeout() -> KafkaClientError { KafkaClientError(.timedOut, "late") }

    @Test("A value that is there is returned at once")
    func ready() async throws {
        let promise = Promise<Int>()
        promise.complete(.success(3))
        promise.complete(.success(4))
        let value = try await promise.value(deadline: .after(.seconds(30)), on: loop) { timeout() }
        #expect(value == 3)
    }

    @Test("Each waiter has its own deadline")
    func deadlines() async throws {
        let promise = Promise<Int>()
        async let patient = promise.value(deadline: .after(.seconds(30)), on: loop) { timeout() }
        await #expect(throws: KafkaClientError.self) {
            try await promise.value(deadline: .after(.milliseconds(5)), on: loop) { timeout() }
        }
        promise.complete(.success(5))
        #expect(try await patient == 5)
    }

    @Test("A deadline in the past fails, but a value wins over it")
    func past() async throws {
        let promise = Promise<Int>()
        await #expect(throws: KafkaClientError.self) {
            try await promise.value(deadline: .after(.seconds(-1)), on: loop) { timeout() }
        }
    }

    @Test("Cancelling a waiter ends only its own wait")
    func cancellation() async throws {
        let promise = Promise<Int>()
        let loop = loop
        let task = Task {
            try await promise.value(deadline: .after(.seconds(30)), on: loop) {
                KafkaClientError(.timedOut, "late")
            }
        }
        task.cancel()
        let result = await task.result
        guard case .failure(let error as KafkaClientError) = result else {
            Issue.record("the wait was cancelled")
            return
        }
        #expect(error.code == .cancelled)
        promise.complete(.success(1))
        #expect(try await promise.value(deadline: .after(.seconds(30)), on: loop) { timeout() } == 1)
    }

    @Test("A wake-up before the wait is not lost")
    func wakeup() async {
        let wakeup = Wakeup(on: loop)
        wakeup.notify()
        await wakeup.wait(until: .after(.seconds(3_600)))
        async let waiting: Void = wakeup.wait(until: .after(.seconds(3_600)))
        wakeup.notify()
        await waiting
        await wakeup.wait(until: .after(.milliseconds(1)))
    }

    @Test("A lock lets one after the other in")
    func lock() async throws {
        let lock = AsyncLock()
        let inside = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await lock.withLock { () throws(KafkaClientError) in
                        let count = await inside.enter()
                        #expect(count == 1)
                        await Task.yield()
                        await inside.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(await inside.entries == 20)
    }

    private actor Counter {
        private var count = 0
        private(set) var entries = 0

        func enter() -> Int {
            count += 1
            entries += 1
            return count
        }

        func leave() { count -= 1 }
    }
}
