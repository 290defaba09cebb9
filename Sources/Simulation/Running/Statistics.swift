/// Figures of one or many histories.
package struct Statistics: Sendable {
    package var histories = 0
    package var virtualNanoseconds: Int64 = 0
    package var steps = 0
    package var incarnations = 0
    package var recordsProduced = 0
    package var recordsChecked = 0
    package var offsetsChecked = 0
    package var produceRequests = 0
    package var fetchRequests = 0
    package var faults: [Fault: Int] = [:]

    package static func += (a: inout Statistics, b: Statistics) {
        a.histories += b.histories
        a.virtualNanoseconds += b.virtualNanoseconds
        a.steps += b.steps
        a.incarnations += b.incarnations
        a.recordsProduced += b.recordsProduced
        a.recordsChecked += b.recordsChecked
        a.offsetsChecked += b.offsetsChecked
        a.produceRequests += b.produceRequests
        a.fetchRequests += b.fetchRequests
        a.faults.merge(b.faults, uniquingKeysWith: +)
    }
}
