import Testing

@testable import Engine

/// Clients that wait for cold keys while reader threads fetch them.
@Suite(.serialized) struct ParkingTests {
    final class ParkedConnection: ClientConnection, @unchecked Sendable {
        private let monitor = Monitor()
        private var resumed = 0
        /// Tests look at it; the engine must not keep it alive.
        weak var client: Client?

        func resume() {
            monitor.withLock {
                resumed += 1
                monitor.notifyAll()
            }
        }

        /// Waits for the next `resume`; false after ten seconds.
        func waitForResume(_ count: Int) -> Bool {
            monitor.withLock {
                let deadline = Clock.monotonicUs() + 10_000_000
                while resumed < count, Clock.monotonicUs() < deadline {
                    monitor.wait(microseconds: 100_000)
                }
                return resumed >= count
            }
        }

        func close() {}
        func wake() {}
        var peerAddress: String { "test" }
        var localAddress: String { "test" }
        var inputBytes: Int { 0 }
        var outputBytes: Int { 0 }
    }

    /// `count` keys in database `database`, all of them cold; reading in place counts as slow.
    private func spilled(_ count: Int, database: Int = 0) throws -> DurableEngine {
        let durable = try DurableEngine()
        durable.run("SELECT", "\(database)")
        for n in 0..<count { durable.run("SET", "key:\(n)", "value \(n)") }
        durable.turn([["TIER", "SPILL"] + (0..<count).map { "key:\($0)" }])
        #expect(durable.wait { $0.databases[database].table.count == 0 })
        durable.run("SELECT", "0")
        durable.engine.withLock { engine in
            engine.tier!.readsAreSlow = true
            engine.tier!.quickReadUs = 0
        }
        return durable
    }

    /// A client of its own with requests of its own.
    private final class Session {
        let connection = ParkedConnection()
        let client: Client
        var input: [UInt8]
        private var resumes = 0

        init(_ durable: DurableEngine, _ input: String) {
            let connection = connection
            client = durable.engine.withLock { $0.connect(connection)! }
            connection.client = client
            self.input = Array(input.utf8)
        }

        /// Executes requests, as far as it goes: the client may be parked, or the turn's time be
        /// up. Takes what was executed off the front of `input`. Engine lock.
        func execute(_ engine: Engine) {
            var parser = RequestParser()
            var batch = RequestBatch()
            let count = input.withUnsafeBytes { bytes in
                _ = parser.parse(bytes, into: &batch, limits: .init(), requestsMax: 1000)
                return engine.execute(client, &batch, in: bytes, replyBytesMax: 1 << 20).count
            }
            if count > 0 { input.removeFirst(batch.requests[count - 1].endOffset) }
        }

        /// Executes everything, waiting where the client is parked; the replies.
        func finish(_ durable: DurableEngine) -> [String] {
            for _ in 0..<10_000 where !input.isEmpty {
                if client.isParked {
                    resumes += 1
                    #expect(connection.waitForResume(resumes))
                }
                durable.engine.withLock { engine in
                    engine.beginTurn()
                    execute(engine)
                    _ = engine.endTurn()
                }
            }
            #expect(input.isEmpty)
            var decoder = ReplyDecoder(client.reply.withBytes { Array($0) })
            client.reply.removeAll()
            var replies: [String] = []
            while !decoder.isAtEnd { replies.append(decoder.next().description) }
            return replies
        }
    }

    /// How often the engine has read in place so far: whether it did at all.
    private func readsInPlace(_ durable: DurableEngine) -> Int {
        durable.engine.withLock { $0.tier!.inlineUs16 }
    }

    @Test func aPipelineWaitsForItsColdKeysAndGoesOn() throws {
        let durable = try spilled(50)
        defer { durable.close() }
        let session = Session(
            durable, "PING\r\n" + (0..<50).map { "GET key:\($0)\r\n" }.joined() + "GET none\r\n")
        durable.engine.withLock { engine in
            engine.beginTurn()
            session.execute(engine)
            // The PING is answered, the rest waits.
            #expect(session.client.isParked)
            #expect(session.client.reply.withBytes { Array($0) } == Array("+PONG\r\n".utf8))
            _ = engine.endTurn()
        }
        let before = readsInPlace(durable)
        let replies = session.finish(durable)
        #expect(replies == ["+PONG"] + (0..<50).map { "value \($0)" } + ["nil"])
        #expect(readsInPlace(durable) == before)
        #expect(durable.engine.withLock { $0.tier!.fetches.isEmpty })
        #expect(durable.engine.withLock { $0.tier!.fetches.byteCount } == 0)
    }

    /// Values may be large: none may stay behind in the readers' queue.
    @Test func whatWasReadIsGoneWhenItsClientHasIt() throws {
        let durable = try spilled(3)
        defer { durable.close() }
        let session = Session(durable, "GET key:0\r\n")
        weak var fetch: ColdFetch?
        durable.engine.withLock { engine in
            engine.beginTurn()
            session.execute(engine)
            fetch = session.client.fetchWait?.fetches.first
            #expect(fetch != nil)
            _ = engine.endTurn()
        }
        #expect(session.finish(durable) == ["value 0"])
        #expect(durable.wait { _ in fetch == nil })
    }

    @Test func clientsShareTheReadingOfAKey() throws {
        let durable = try spilled(3)
        defer { durable.close() }
        let sessions = (0..<4).map { _ in Session(durable, "GET key:0\r\nGET key:1\r\n") }
        durable.engine.withLock { engine in
            engine.beginTurn()
            for session in sessions { session.execute(engine) }
            #expect(engine.tier!.fetches.count == 2)
            #expect(engine.tier!.fetches.sharedCount == 6)
            _ = engine.endTurn()
        }
        let before = readsInPlace(durable)
        for session in sessions {
            #expect(session.finish(durable) == ["value 0", "value 1"])
        }
        #expect(readsInPlace(durable) == before)
        #expect(durable.engine.withLock { $0.tier!.fetches.readCount } == 2)
        #expect(durable.engine.withLock { $0.tier!.fetches.isEmpty })
    }

    @Test func commitsOfOtherKeysVoidNothing() throws {
        let durable = try spilled(2)
        defer { durable.close() }
        let session = Session(durable, "GET key:0\r\n")
        durable.engine.withLock { session.execute($0) }
        #expect(session.connection.waitForResume(1))
        durable.run("SET", "other", "1")
        durable.run("TIER", "SPILL", "other")
        #expect(durable.wait { $0.databases[0].table.count == 0 })
        let before = readsInPlace(durable)
        #expect(session.finish(durable) == ["value 0"])
        #expect(readsInPlace(durable) == before)
    }

    @Test func whatWasFetchedBeforeItsKeyChangedIsNotServed() throws {
        let durable = try spilled(2)
        defer { durable.close() }
        let session = Session(durable, "GET key:0\r\nGET key:1\r\n")
        durable.engine.withLock { session.execute($0) }
        #expect(session.connection.waitForResume(1))
        // Others change one key and delete the other, and both changes go to the cold tier.
        durable.run("SET", "key:0", "new")
        durable.run("DEL", "key:1")
        durable.run("TIER", "SPILL", "key:0")
        durable.engine.withLock { _ = $0.startCheckpoint() }
        #expect(durable.wait { $0.databases[0].table.count == 0 && $0.checkpoint.phase == .idle })
        #expect(session.finish(durable) == ["new", "nil"])
        #expect(durable.engine.withLock { $0.tier!.fetches.voidedCount } == 2)
    }

    @Test func selectIsFollowed() throws {
        let durable = try spilled(3, database: 5)
        defer { durable.close() }
        let session = Session(
            durable, "SELECT 5\r\nGET key:0\r\nGET key:1\r\nSELECT 99\r\nGET key:2\r\n")
        let before = readsInPlace(durable)
        let replies = session.finish(durable)
        #expect(
            replies == ["+OK", "value 0", "value 1", "-ERR DB index is out of range", "value 2"])
        #expect(readsInPlace(durable) == before)
    }

    @Test func transactionsAndCommandsOfManyKeysAreFetchedWhole() throws {
        let durable = try spilled(2000)
        defer { durable.close() }
        let before = readsInPlace(durable)
        let names = (0..<2000).map { "key:\($0)" }
        let many = Session(durable, "MGET \(names.joined(separator: " "))\r\n")
        #expect(
            many.finish(durable) == [
                "[" + (0..<2000).map { "value \($0)" }.joined(separator: " ") + "]"
            ])
        let one = Session(durable, "MULTI\r\nGET key:1\r\nSTRLEN key:2\r\nEXEC\r\n")
        #expect(one.finish(durable) == ["+OK", "+QUEUED", "+QUEUED", "[value 1 :7]"])
        // Queued in one pipeline, run by another.
        let two = Session(durable, "MULTI\r\nGET key:3\r\n")
        #expect(two.finish(durable) == ["+OK", "+QUEUED"])
        two.input = Array("GET key:4\r\nEXEC\r\nOBJECT ENCODING key:5\r\n".utf8)
        #expect(two.finish(durable) == ["+QUEUED", "[value 3 value 4]", "embstr"])
        #expect(readsInPlace(durable) == before)
    }

    @Test func aClientThatHasWaitedGoesOnAlthoughItsKeysAreGone() throws {
        let durable = try spilled(1)
        defer { durable.close() }
        let session = Session(durable, "GET key:0\r\n")
        durable.engine.withLock { session.execute($0) }
        #expect(session.connection.waitForResume(1))
        durable.engine.withLock { engine in
            Array("key:0".utf8).withUnsafeBytes {
                let key = engine.key($0, session.client)
                engine.tier!.fetches.void(engine.databases[0].namespace, key.hash, key.bytes)
            }
            engine.beginTurn()
            session.execute(engine)
            _ = engine.endTurn()
            #expect(session.input.isEmpty && !session.client.isParked)
        }
        #expect(session.finish(durable) == ["value 0"])
    }

    @Test func clientsThatLeaveWhileTheyWaitLeaveNothing() throws {
        let durable = try spilled(100)
        defer { durable.close() }
        weak var gone: Client?
        try {
            let requests = (0..<100).map { "GET key:\($0)\r\n" }.joined()
            let session = Session(durable, requests)
            let staying = Session(durable, "GET key:7\r\n")
            gone = session.client
            durable.engine.withLock { engine in
                session.execute(engine)
                staying.execute(engine)
                engine.disconnect(session.client)
                #expect(engine.tier!.fetches.count == 1)
                engine.beginTurn()
                _ = engine.endTurn()
            }
            #expect(staying.finish(durable) == ["value 7"])
            durable.engine.withLock { $0.disconnect(staying.client) }
            try #require(durable.wait { $0.tier!.readers!.queueLength == 0 })
        }()
        #expect(durable.wait { _ in gone == nil })
        durable.engine.withLock { engine in
            #expect(engine.tier!.fetches.isEmpty)
            #expect(engine.tier!.fetches.byteCount == 0)
        }
    }

    /// Reads were quick, so they are made in place; that they were is no reason to go on so when
    /// they are slow again.
    @Test func readsThatBecomeSlowAgainGoToTheThreadsAgain() throws {
        let durable = try spilled(2)
        defer { durable.close() }
        durable.engine.withLock { engine in
            engine.tier!.quickReadUs = 12
            for _ in 0..<200 { engine.tier!.readers!.noteReadTime(microseconds: 1) }
        }
        #expect(Session(durable, "GET key:0\r\n").finish(durable) == ["value 0"])
        let session = Session(durable, "GET key:1\r\n")
        durable.engine.withLock { engine in
            #expect(!engine.tier!.readsAreSlow)
            engine.noteReadTime(engine.tier!, microseconds: 10_000)
            #expect(engine.tier!.readsAreSlow)
            session.execute(engine)
            #expect(session.client.isParked)
        }
        #expect(session.finish(durable) == ["value 1"])
    }

    /// One thread; the large job comes first, and the small one is not behind all of it.
    @Test func readingTakesTurns() throws {
        let store = try ColdDirectory().open()
        let monitor = Monitor()
        nonisolated(unsafe) var delivered: [Int] = []
        nonisolated(unsafe) var mayGoOn = false
        let readers = ColdReaders(store, threads: 1) { portion, _ in
            monitor.withLock {
                delivered.append(Int(portion.first!.namespace))
                monitor.notifyAll()
                while !mayGoOn { monitor.wait() }
            }
        }
        func keys(_ namespace: UInt32, _ count: Int) -> [ColdFetch] {
            (0..<count).map {
                ColdFetch(namespace: namespace, hash: UInt64($0), key: Array("\($0)".utf8))
            }
        }
        readers.submit(keys(1, ColdReaders.portionMax * 10))
        readers.submit(keys(2, 1))
        monitor.withLock {
            mayGoOn = true
            monitor.notifyAll()
            while delivered.count < 11 { monitor.wait() }
        }
        readers.stop()
        #expect(delivered.firstIndex(of: 2)! <= 2)
    }
}
