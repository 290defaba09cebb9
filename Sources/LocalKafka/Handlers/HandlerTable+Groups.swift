extension HandlerTable {
    /// Groups and their offsets.
    mutating func registerGroupHandlers() {
        self.register(FindCoordinatorHandler.self)
        self.register(JoinGroupHandler.self)
        self.register(SyncGroupHandler.self)
        self.register(HeartbeatHandler.self)
        self.register(LeaveGroupHandler.self)
        self.register(OffsetCommitHandler.self)
        self.register(OffsetFetchHandler.self)
        self.register(OffsetDeleteHandler.self)
        self.register(DescribeGroupsHandler.self)
        self.register(ListGroupsHandler.self)
        self.register(DeleteGroupsHandler.self)
        self.register(ConsumerGroupHeartbeatHandler.self)
        self.register(ConsumerGroupDescribeHandler.self)
    }
}
