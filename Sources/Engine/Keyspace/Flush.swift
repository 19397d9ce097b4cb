// FLUSHDB, FLUSHALL and SWAPDB: whole databases at once, in constant time for the cold tier.

extension Engine {
    /// Empties one database. The hot values are freed now, or in slices when `lazily`.
    func flush(database index: Int, lazily: Bool) {
        touchObservers(ofDatabase: index)
        snapshotMustRestart()
        stats.changesSinceSave += databases[index].keyCount
        emptyHotTier(database: index, lazily: lazily)
        effect(database: index, "FLUSHDB")
        giveFreshNamespace(index)
        noteNamespaces()
    }

    /// Empties every database.
    func flushAll(lazily: Bool) {
        snapshotMustRestart()
        for index in 0..<databaseCount where databases[index].keyCount > 0 {
            touchObservers(ofDatabase: index)
            stats.changesSinceSave += databases[index].keyCount
        }
        for index in 0..<databaseCount { emptyHotTier(database: index, lazily: lazily) }
        effect(database: -1, "FLUSHALL")
        for index in 0..<databaseCount { giveFreshNamespace(index) }
        noteNamespaces()
    }

    /// Exchanges two databases.
    func swap(_ first: Int, _ second: Int) {
        if first == second { return }
        touchObservers(ofDatabase: first, exchangedWith: second)
        touchObservers(ofDatabase: second, exchangedWith: first)
        releaseVisitors()
        snapshotMustRestart()
        let held = (databases + first).move()
        (databases + first).moveInitialize(from: databases + second, count: 1)
        (databases + second).initialize(to: held)
        effect(database: -1, "SWAPDB", .integer(Int64(first)), .integer(Int64(second)))
        stats.changesSinceSave += 1
        noteNamespaces()
        // What was ahead of a checkpoint's walk may be behind it now: once more from the start.
        if checkpoint.phase == .walking {
            checkpoint.database = 0
            checkpoint.position = 0
        }
    }

    func emptyHotTier(database index: Int, lazily: Bool) {
        if lazily { lazyFree.take(&databases[index]) } else { freeAll(database: index) }
        databases[index] = HotDatabase(
            namespace: databases[index].namespace, secret: secret)
    }

    private func giveFreshNamespace(_ index: Int) {
        storedCounts[databases[index].namespace] = databases[index].coldLiveCount
        databases[index].namespace = namespaces.fresh()
        databases[index].coldLiveCount = 0
    }

    /// While the log is replayed, the numbers that were given when the effect first ran.
    private func noteNamespaces() {
        let lsn = currentLSN
        if isReplaying, !isImporting, let numbers = namespaces.made(at: lsn) {
            for index in 0..<databaseCount where databases[index].namespace != numbers[index] {
                databases[index].namespace = numbers[index]
                databases[index].coldLiveCount = storedCounts[numbers[index]] ?? 0
                databases[index].keyCount = databases[index].coldLiveCount
            }
        } else {
            namespaces.note((0..<databaseCount).map { databases[$0].namespace }, at: lsn)
        }
        namespacesChanged = true
    }
}
