// What clients of an engine meet whose data is still being loaded, and the figures of the loading.

import Testing

@testable import Engine

@Suite struct LoadingTests {
    private static let refusal = "-LOADING Redis is loading the dataset in memory"

    /// Each command of the table, and each subcommand, with as many arguments as it needs.
    @Test func flagsDecideWhatRuns() {
        let test = TestEngine()
        test.engine.beginLoading { _ in }
        // Those that have no single reply come in the tests over the wire; DEBUG decides itself.
        let left: Set = ["monitor", "subscribe", "psubscribe", "shutdown", "debug"]
        var refused = 0
        for spec in test.engine.commands.specs where !left.contains(spec.name.description) {
            let rows =
                spec.subcommands.isEmpty
                ? [([spec.name.description], spec)]
                : spec.subcommands.map { ([spec.name.description, $0.name.description], $0) }
            for (name, row) in rows {
                let count = row.arity < 0 ? -row.arity : row.arity
                let words = name + Array(repeating: "1", count: Swift.max(count - name.count, 0))
                let client = test.makeClient()
                let reply = test.send(words.map { Array($0.utf8) }, client).description
                let runs = row.flags.contains(.loading)
                #expect((reply == LoadingTests.refusal) == !runs, "\(words): \(reply)")
                if !runs { refused += 1 }
            }
        }
        #expect(refused > 200)
        test.engine.endLoading()
        #expect(test.run("SET", "a", "b") == "+OK")
    }

    @Test func transactionsAreSpoiled() {
        let test = TestEngine()
        test.engine.beginLoading { _ in }
        #expect(test.run("MULTI") == "+OK")
        #expect(test.run("GET", "a") == LoadingTests.refusal)
        #expect(test.run("BGSAVE") == LoadingTests.refusal)
        #expect(test.run("SHUTDOWN") == "-ERR Command not allowed inside a transaction")
        #expect(test.run("ECHO", "a") == "+QUEUED")
        #expect(test.run("EXEC").hasPrefix("-EXECABORT"))
        // One that began before the data was there goes on when it is.
        test.run("MULTI")
        test.run("ECHO", "a")
        test.engine.endLoading()
        #expect(test.run("SET", "a", "b") == "+QUEUED")
        #expect(test.run("EXEC") == "[a +OK]")
    }

    /// A turn leaves the keyspace to the loader: what is due stays, and so does what memory cannot
    /// hold.
    @Test func turnsLeaveTheKeyspaceAlone() {
        let time = ManualTime()
        let test = TestEngine(clock: Clock(time)) {
            $0.memoryBudget = MemoryBudget(bytes: 1)
            $0.maxmemoryPolicy = .allkeysLRU
        }
        let count = { test.engine.databases[0].table.count }
        test.run("SET", "due", "value", "PX", "10")
        test.run("SET", "large", "value")
        time.advance(us: 20_000)
        _ = test.effects()
        test.engine.beginLoading { _ in }
        test.engine.beginTurn()
        test.run("WATCH", "due")
        test.run("INFO")
        _ = test.engine.endTurn()
        #expect(count() == 2 && test.effects().isEmpty)
        test.engine.endLoading()
        test.engine.beginTurn()
        #expect(count() == 1)
        _ = test.engine.endTurn()
        #expect(count() == 0)
    }

    @Test func eventsWaitForTheData() {
        let test = TestEngine { $0.notifyKeyspaceEvents = [.string, .keyspace] }
        test.engine.beginLoading { _ in }
        #expect(test.engine.notifiedEvents == [])
        test.run("CONFIG", "SET", "notify-keyspace-events", "KA")
        #expect(test.engine.notifiedEvents == [])
        test.engine.endLoading()
        #expect(test.engine.notifiedEvents != [])
    }

    @Test func figuresOfTwoStages() {
        var progress = LoadProgress(startedSeconds: 100) { _ in }
        #expect(progress.percent == 0 && progress.etaSeconds(nowSeconds: 105) == 1)
        progress.beginStage(300)
        _ = progress.reached(1, "keys", bytes: 150, clients: 0)
        #expect(progress.totalBytes == 300 && progress.loadedBytes == 150)
        #expect(progress.percent == 50)
        // As Redis: elapsed * left / (loaded + 1).
        #expect(progress.etaSeconds(nowSeconds: 110) == 9)
        #expect(progress.etaSeconds(nowSeconds: 100) == 1)
        // A second stage, of which nobody knew.
        progress.beginStage(100)
        #expect(progress.totalBytes == 400 && progress.loadedBytes == 300)
        _ = progress.reached(1, "effects", bytes: 1000, clients: 0)
        #expect(progress.loadedBytes == 400 && progress.etaSeconds(nowSeconds: 200) == 0)
        // Known beforehand.
        progress = LoadProgress(startedSeconds: 100) { _ in }
        progress.expect(400)
        progress.beginStage(300)
        #expect(progress.totalBytes == 400)
    }

    /// Others get the lock only when there are others.
    @Test func theLockIsLent() {
        var progress = LoadProgress(startedSeconds: 100) { _ in }
        #expect(!progress.reached(1, "keys", bytes: 0, clients: 1).gives)
        progress.isShared = true
        #expect(progress.reached(1, "keys", bytes: 0, clients: 1).gives)
        #expect(!progress.reached(1, "keys", bytes: 0, clients: 1).gives)
    }
}
