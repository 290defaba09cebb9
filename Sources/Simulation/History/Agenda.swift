import NIOCore

/// What is to happen when: a heap ordered by time, then by the order of its entries.
struct Agenda {
    struct Entry {
        var at: NIODeadline
        var order: UInt64
        var body: () -> Void
    }

    private var heap: [Entry] = []
    private var order: UInt64 = 0

    var next: NIODeadline? { heap.first?.at }
    var count: Int { heap.count }

    mutating func add(at time: NIODeadline, _ body: @escaping () -> Void) {
        order += 1
        heap.append(Entry(at: time, order: order, body: body))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(child, parent) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Entry? {
        guard !heap.isEmpty else { return nil }
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && precedes(child, least) {
                least = child
            }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        (heap[a].at, heap[a].order) < (heap[b].at, heap[b].order)
    }
}
