// What the commands on fields' expiry leave behind: events, and effects in the log.

import Testing

@testable import Engine

@Suite(.serialized) struct HashFieldEffectTests {
    private func forBothForms(_ body: (TestEngine, ManualTime) -> Void) {
        for entriesMax in [512, 0] {
            let time = ManualTime()
            body(TestEngine(clock: Clock(time)) { $0.hashListpackEntriesMax = entriesMax }, time)
        }
    }

    /// Redis 8.0 announces the same, in this order (its `pubsub.tcl`).
    @Test func events() {
        forBothForms { test, time in
            _ = test.events()
            func after(_ line: String, wait ms: Int64 = 0) -> [String] {
                test.run(line: line)
                time.advance(us: ms * 1000)
                return test.events()
            }
            #expect(after("HMSET h yes 1 no 0 f1 1 f2 2") == ["hset h"])
            #expect(after("HEXPIRE h 999999 FIELDS 1 yes") == ["hexpire h"])
            #expect(after("HEXPIRE h 999999 NX FIELDS 1 yes") == [])
            #expect(after("HPERSIST h FIELDS 1 yes") == ["hpersist h"])
            #expect(after("HPERSIST h FIELDS 1 yes") == [])
            #expect(after("HPEXPIRE h 0 FIELDS 1 yes") == ["hdel h"])
            #expect(after("HPEXPIRE h 10 FIELDS 1 no", wait: 11) == ["hexpire h"])
            test.engine.advanceClock()
            _ = test.engine.expireDue(limit: 16)
            #expect(test.events() == ["hexpired h"])
            #expect(after("HPEXPIRE h 10 FIELDS 2 f1 f2", wait: 20) == ["hexpire h"])
            #expect(after("HMGET h f1 f2") == ["hexpired h", "del h"])
            #expect(after("HSETEX h FIELDS 3 f4 v f5 v f6 v") == ["hset h"])
            #expect(after("HGETEX h FIELDS 1 f4") == [])
            #expect(after("HGETEX h PX 0 FIELDS 1 f4") == ["hdel h"])
            #expect(after("HGETEX h EX 999 FIELDS 1 f5") == ["hexpire h"])
            #expect(after("HGETEX h PERSIST FIELDS 1 f5") == ["hpersist h"])
            #expect(after("HSETEX h PX 1 FIELDS 1 f5 v", wait: 10) == ["hset h", "hexpire h"])
            #expect(after("HGETEX h EX 100 FIELDS 2 f5 f6") == ["hexpired h", "hexpire h"])
            #expect(after("HGETDEL h FIELDS 1 f6") == ["hdel h", "del h"])
            #expect(after("HSETEX h PX 0 FIELDS 1 f6 v") == ["hset h", "hdel h", "del h"])
            #expect(after("HSET h f v") == ["hset h"])
            #expect(after("HSETEX h PX 0 FIELDS 1 g v") == ["hset h", "hdel h"])
            #expect(after("HSETEX h PX 0 FIELDS 1 f v") == ["hset h", "hdel h", "del h"])
            #expect(after("HSETEX h PX 1 FIELDS 1 f v", wait: 5) == ["hset h", "hexpire h"])
            #expect(after("HSETEX h FXX PX 10 FIELDS 1 f v") == ["hexpired h", "del h"])
        }
    }

    @Test func effects() {
        forBothForms { test, time in
            func after(_ line: String) -> [String] {
                test.run(line: line)
                return test.effects()
            }
            #expect(after("HSET h a 1 b 2 c 3") == ["HSET h a 1 b 2 c 3"])
            #expect(
                after("HEXPIRE h 10 FIELDS 3 a x b")
                    == ["HPEXPIREAT h 1700000010000 FIELDS 2 a b"])
            #expect(after("HEXPIRE h 20 NX FIELDS 2 a b") == [])
            #expect(
                after("HPEXPIRE h 20 LT FIELDS 2 b c") == [
                    "HPEXPIREAT h 1700000000020 FIELDS 2 b c"
                ])
            #expect(after("HINCRBY h a 1") == ["HINCRBY h a 1"])
            #expect(after("HINCRBYFLOAT h a 1.5") == ["HSETEX h KEEPTTL FIELDS 1 a 3.5"])
            #expect(after("HINCRBYFLOAT h new 1.5") == ["HSET h new 1.5"])
            #expect(after("HPERSIST h FIELDS 3 a x new") == ["HPERSIST h FIELDS 1 a"])
            #expect(after("HGETEX h FIELDS 1 a") == [])
            #expect(
                after("HGETEX h EX 5 FIELDS 2 a x") == ["HPEXPIREAT h 1700000005000 FIELDS 1 a"])
            #expect(after("HGETEX h PERSIST FIELDS 2 a new") == ["HPERSIST h FIELDS 1 a"])
            #expect(after("HGETEX h PXAT 1 FIELDS 2 a x") == ["HDEL h a"])
            #expect(after("HGETDEL h FIELDS 2 new x") == ["HDEL h new"])
            #expect(after("HSETEX h FNX FIELDS 1 d 4") == ["HSET h d 4"])
            #expect(after("HSETEX h FNX FIELDS 1 d 4") == [])
            #expect(
                after("HSETEX h EX 5 FXX FIELDS 1 d 5")
                    == ["HSETEX h PXAT 1700000005000 FIELDS 1 d 5"])
            #expect(after("HSETEX h KEEPTTL FIELDS 1 d 6") == ["HSETEX h KEEPTTL FIELDS 1 d 6"])
            #expect(after("HSETEX i KEEPTTL FIELDS 1 d 6") == ["HSET i d 6"])
            #expect(after("HSETEX h PX 0 FIELDS 2 d 6 y 1") == ["HDEL h d"])
            #expect(after("HSETEX none PX 0 FIELDS 2 d 6 y 1") == [])
            time.advance(us: 21_000)
            // b and c are due: before what the command itself does.
            let last = after("HSET h z 1").filter { $0 != "MULTI" && $0 != "EXEC" }
            #expect(last == ["HDEL h b c", "HSET h z 1"] || last == ["HDEL h c b", "HSET h z 1"])
        }
    }

    /// Fields are removed in the order of their times, in a log that needs no clock.
    @Test func removalsAreLogged() {
        forBothForms { test, time in
            test.run(line: "HSET h keep 1")
            for (field, ms) in [("a", 30), ("b", 10), ("c", 20)] {
                test.run(line: "HSETEX h PX \(ms) FIELDS 1 \(field) 1")
            }
            _ = test.effects()
            time.advance(us: 25_000)
            test.run(line: "HGET h keep")
            #expect(test.effects() == ["HDEL h b c"])
            time.advance(us: 25_000)
            test.run(line: "HINCRBY h a 5")
            #expect(test.effects() == ["MULTI", "HDEL h a", "HINCRBY h a 5", "EXEC"])
            #expect(test.run("HTTL", "h", "FIELDS", "1", "a") == "[:-1]")
        }
    }

    /// A log replayed at any later time gives what was there: nothing is due while it is read.
    @Test func replayNeedsNoClock() {
        forBothForms { test, time in
            var log: [String] = []
            func run(_ line: String) {
                test.run(line: line)
                log += test.effects()
            }
            run("HSET h a 1 b 2 c 3")
            run("HPEXPIRE h 50 FIELDS 2 a b")
            run("HSETEX h PX 70 FIELDS 1 d 4")
            run("HSETEX i EX 100 FIELDS 1 x 1")
            run("HINCRBYFLOAT i x 1")
            time.advance(us: 60_000)
            run("HGET h a")
            run("HSETEX h KEEPTTL FIELDS 1 d 5")
            let engine = test.engine
            let expected = engine.keyspaceDigest(exactly: true)
            time.advance(us: 1_000_000_000)
            let other = TestEngine(clock: Clock(time)) {
                $0.hashListpackEntriesMax = engine.configuration.hashListpackEntriesMax
            }
            other.engine.isReplaying = true
            for line in log { other.run(line: line) }
            #expect(other.engine.keyspaceDigest(exactly: true) == expected)
            other.engine.isReplaying = false
            #expect(other.run("HGETALL", "h") == "[c 3]")
            #expect(other.run("EXISTS", "i") == ":0")
        }
    }

    /// Random commands on a few hashes beside a model, under a clock that moves.
    @Test(arguments: [0, 4, 64]) func behavesAsAModel(_ entriesMax: Int) {
        let seed = UInt64.random(in: 0...(.max))
        print("HashFieldEffectTests.behavesAsAModel \(entriesMax): seed \(seed)")
        var random = TestRandom(seed)
        let time = ManualTime()
        let test = TestEngine(clock: Clock(time)) { $0.hashListpackEntriesMax = entriesMax }
        var model: [String: [String: (value: Int, expiry: Int64?)]] = [:]
        var now: Int64 = 1_700_000_000_000
        for _ in 0..<6000 {
            let ms = Int64(random.below(4) == 0 ? random.below(20) : 0)
            time.advance(us: ms * 1000)
            now += ms
            for key in Array(model.keys) {
                model[key] = model[key]!.filter { $0.value.expiry.map { $0 >= now } ?? true }
            }
            let key = "k\(random.below(4))"
            let field = "f\(random.below(8))"
            let value = random.below(1000)
            let ttl = Int64(1 + random.below(40))
            let old = model[key]?[field]
            switch random.below(12) {
            case 0:
                let reply = test.run("HSET", key, field, "\(value)")
                #expect(reply == (old == nil ? ":1" : ":0"))
                model[key, default: [:]][field] = (value, nil)
            case 1..<4:
                #expect(
                    test.run("HSETEX", key, "PX", "\(ttl)", "FIELDS", "1", field, "\(value)")
                        == ":1")
                model[key, default: [:]][field] = (value, now + ttl)
            case 4..<6:
                let reply = test.run("HPEXPIRE", key, "\(ttl)", "FIELDS", "1", field)
                #expect(reply == (old == nil ? "[:-2]" : "[:1]"))
                if old != nil { model[key]![field]!.expiry = now + ttl }
            case 6:
                let reply = test.run("HPERSIST", key, "FIELDS", "1", field)
                #expect(reply == (old == nil ? "[:-2]" : old!.expiry == nil ? "[:-1]" : "[:1]"))
                if old != nil { model[key]![field]!.expiry = nil }
            case 7:
                #expect(test.run("HINCRBY", key, field, "1") == ":\((old?.value ?? 0) + 1)")
                model[key, default: [:]][field] = ((old?.value ?? 0) + 1, old?.expiry)
            case 8:
                #expect(test.run("HDEL", key, field) == (old == nil ? ":0" : ":1"))
                model[key]?[field] = nil
            case 9:
                let target = "k\(random.below(4))"
                let fields = model[key] ?? [:]
                let reply = test.run("COPY", key, target, "REPLACE")
                if key == target { continue }
                #expect(reply == (fields.isEmpty ? ":0" : ":1"))
                if !fields.isEmpty { model[target] = fields }
            case 10:
                test.engine.advanceClock()
                _ = test.engine.expireDue(limit: random.below(3))
            default:
                let reply = test.run("HPTTL", key, "FIELDS", "1", field)
                #expect(
                    reply == (old == nil ? "[:-2]" : "[:\(old!.expiry.map { $0 - now } ?? -1)]"))
                #expect(test.run("HGET", key, field) == (old.map { "\($0.value)" } ?? "nil"))
            }
            #expect(test.run("HLEN", key) == ":\(model[key]?.count ?? 0)")
        }
        let live = model.values.count { !$0.isEmpty }
        _ = model.keys.map { test.run("EXISTS", $0) }
        #expect(test.engine.databases[0].keyCount == live)
        let timed = model.values.count { $0.values.contains { $0.expiry != nil } }
        #expect(test.engine.databases[0].fieldExpiries.count == timed)
    }
}
