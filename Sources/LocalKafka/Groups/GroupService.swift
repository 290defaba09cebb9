/// The groups of a cluster.
package final class GroupService {
    init() {}
}
