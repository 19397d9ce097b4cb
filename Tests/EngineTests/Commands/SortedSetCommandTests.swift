// The sorted set commands through the engine: replies of both protocol versions, events,
// effects.

import Testing

@testable import Engine

@Suite struct SortedSetCommandTests {
    @Test func adding() {
        let test = TestEngine()
        _ = test.events()
        #expect(test.run(line: "ZADD z 1 a 2 b 1.5 c") == ":3")
        #expect(test.encoding("z") == "listpack")
        #expect(test.run(line: "ZADD z 3 a 4 d") == ":1")
        #expect(test.run(line: "ZADD z CH 4 a 5 e") == ":2")
        #expect(test.run(line: "ZADD z 4 a") == ":0")
        #expect(test.run(line: "ZADD z NX 9 a") == ":0")
        #expect(test.run(line: "ZADD z XX 9 q") == ":0")
        #expect(test.run(line: "ZADD z GT CH 3 a") == ":0")
        #expect(test.run(line: "ZADD z LT CH 3 a") == ":1")
        #expect(
            test.effects() == [
                "ZADD z 1 a 2 b 1.5 c", "ZADD z 3 a 4 d", "ZADD z CH 4 a 5 e", "ZADD z LT CH 3 a",
            ])
        #expect(test.events() == ["zadd z", "zadd z", "zadd z", "zadd z"])
        #expect(test.run(line: "ZADD z INCR 0.1 a") == "3.1000000000000001")
        #expect(test.run(line: "ZADD z INCR NX 1 a") == "nil")
        #expect(test.run(line: "ZADD none INCR XX 1 a") == "nil")
        #expect(test.run(line: "ZINCRBY z 2 new") == "2")
        #expect(test.run(line: "ZINCRBY z 0 new") == "2")
        #expect(test.effects() == ["ZADD z 3.1000000000000001 a", "ZADD z 2 new"])
        #expect(test.events() == ["zincr z", "zincr z"])
    }

    @Test func addingRefuses() {
        let test = TestEngine()
        #expect(test.run(line: "ZADD z 1") == "-ERR wrong number of arguments for 'zadd' command")
        #expect(test.run(line: "ZADD z 1 a 2") == "-ERR syntax error")
        #expect(test.run(line: "ZADD z nx ch") == "-ERR syntax error")
        #expect(test.run(line: "ZADD z x a") == "-ERR value is not a valid float")
        #expect(test.run(line: "ZADD z 1 a nan b") == "-ERR value is not a valid float")
        #expect(test.run(line: "EXISTS z") == ":0")
        #expect(
            test.run(line: "ZADD z NX XX x a")
                == "-ERR XX and NX options at the same time are not compatible")
        #expect(
            test.run(line: "ZADD z GT LT x a")
                == "-ERR GT, LT, and/or NX options at the same time are not compatible")
        #expect(
            test.run(line: "ZADD z INCR 1 a 2 b")
                == "-ERR INCR option supports a single increment-element pair")
        test.run(line: "ZADD z inf a")
        _ = test.effects()
        #expect(
            test.run(line: "ZINCRBY z -inf a")
                == "-ERR resulting score is not a number (NaN)")
        #expect(test.run(line: "ZSCORE z a") == "inf")
        #expect(test.effects() == [])
        test.run(line: "SET str x")
        #expect(test.run(line: "ZADD str 1 a").hasPrefix("-WRONGTYPE"))
    }

    @Test func lookingUp() {
        let test = TestEngine(resp: 3)
        test.run(line: "ZADD z 1 a 2.5 b 3 c")
        #expect(test.run(line: "ZCARD z") == ":3")
        #expect(test.run(line: "ZSCORE z b") == ",2.5")
        #expect(test.run(line: "ZSCORE z q") == "nil")
        #expect(test.run(line: "ZMSCORE z a q c") == "[,1 nil ,3]")
        #expect(test.run(line: "ZMSCORE none a") == "[nil]")
        #expect(test.run(line: "ZRANK z c") == ":2")
        #expect(test.run(line: "ZREVRANK z c") == ":0")
        #expect(test.run(line: "ZREVRANK z q") == "nil")
        #expect(test.run(line: "ZCOUNT z (1 3") == ":2")
        #expect(test.run(line: "ZCOUNT z -inf +inf") == ":3")
        #expect(test.run(line: "ZCOUNT z x 3") == "-ERR min or max is not a float")
        #expect(test.run(line: "ZLEXCOUNT z - +") == ":3")
        #expect(test.run(line: "ZLEXCOUNT z a +") == "-ERR min or max not valid string range item")
        #expect(test.run(line: "ZSCAN z 0") == "[0 [a 1 b 2.5 c 3]]")
    }

    @Test func ranges() {
        let test = TestEngine()
        test.run(line: "ZADD z 1 a 2 b 3 c 4 d")
        #expect(test.run(line: "ZRANGE z 0 -1") == "[a b c d]")
        #expect(test.run(line: "ZRANGE z 1 2 WITHSCORES") == "[b 2 c 3]")
        #expect(test.run(line: "ZRANGE z 0 1 REV") == "[d c]")
        #expect(test.run(line: "ZREVRANGE z -2 -1") == "[b a]")
        #expect(test.run(line: "ZRANGE z 5 9") == "[]")
        #expect(test.run(line: "ZRANGE z (1 3 BYSCORE") == "[b c]")
        #expect(test.run(line: "ZRANGE z 3 (1 BYSCORE REV") == "[c b]")
        #expect(test.run(line: "ZRANGEBYSCORE z -inf +inf LIMIT 1 2") == "[b c]")
        #expect(test.run(line: "ZRANGEBYSCORE z -inf +inf LIMIT -1 2") == "[]")
        #expect(test.run(line: "ZREVRANGEBYSCORE z +inf -inf LIMIT 1 -1") == "[c b a]")
        #expect(test.run(line: "ZRANGEBYLEX z [b (d") == "[b c]")
        #expect(test.run(line: "ZREVRANGEBYLEX z (d - LIMIT 0 1") == "[c]")
        #expect(
            test.run(line: "ZRANGE z 0 1 LIMIT 0 1")
                == "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE "
                + "or BYLEX")
        #expect(
            test.run(line: "ZRANGE z - + BYLEX WITHSCORES")
                == "-ERR syntax error, WITHSCORES not supported in combination with BYLEX")
        let other = test.makeClient(resp: 3)
        #expect(test.run(line: "ZRANGE z 0 1 WITHSCORES", other) == "[[a ,1] [b ,2]]")

        _ = test.effects()
        _ = test.events()
        #expect(test.run(line: "ZRANGESTORE d z 2 3 BYSCORE") == ":2")
        #expect(test.effects() == ["ZADD d 2 b 3 c"])
        #expect(test.run(line: "ZRANGESTORE d z 7 8 BYSCORE") == ":0")
        #expect(test.effects() == ["DEL d"])
        #expect(test.run(line: "ZRANGESTORE z z 0 1") == ":2")
        #expect(test.effects() == ["MULTI", "DEL z", "ZADD z 1 a 2 b", "EXEC"])
        #expect(test.events() == ["zrangestore d", "del d", "zrangestore z"])
    }

    @Test func removing() {
        let test = TestEngine()
        test.run(line: "ZADD z 1 a 2 b 3 c 4 d 5 e")
        _ = test.effects()
        _ = test.events()
        #expect(test.run(line: "ZREM z a q") == ":1")
        #expect(test.run(line: "ZREMRANGEBYRANK z 0 0") == ":1")
        #expect(test.run(line: "ZREMRANGEBYSCORE z 3 3") == ":1")
        #expect(test.run(line: "ZREMRANGEBYSCORE z 3 3") == ":0")
        #expect(test.run(line: "ZREMRANGEBYLEX z - +") == ":2")
        #expect(
            test.effects() == [
                "ZREM z a q", "ZREMRANGEBYRANK z 0 0", "ZREMRANGEBYSCORE z 3 3",
                "ZREMRANGEBYLEX z - +",
            ])
        #expect(
            test.events() == [
                "zrem z", "zremrangebyrank z", "zremrangebyscore z", "zremrangebylex z", "del z",
            ])
    }

    @Test func popping() {
        let test = TestEngine()
        let other = test.makeClient(resp: 3)
        test.run(line: "ZADD z 1 a 2 b 3 c 4 d 5 e 6 f")
        _ = test.effects()
        _ = test.events()
        #expect(test.run(line: "ZPOPMIN z") == "[a 1]")
        #expect(test.run(line: "ZPOPMAX z", other) == "[f ,6]")
        #expect(test.run(line: "ZPOPMIN z 1", other) == "[[b ,2]]")
        #expect(test.run(line: "ZPOPMIN z 0") == "[]")
        #expect(test.run(line: "ZMPOP 2 none z MAX COUNT 2") == "[z [[e 5] [d 4]]]")
        #expect(
            test.effects() == ["ZREM z a", "ZREM z f", "ZREM z b", "ZREM z e d"])
        #expect(test.run(line: "ZPOPMAX z 9") == "[c 3]")
        #expect(
            test.events() == [
                "zpopmin z", "zpopmax z", "zpopmin z", "zpopmax z", "zpopmax z", "del z",
            ])
        #expect(test.run(line: "ZPOPMIN z") == "[]")
        #expect(test.run(line: "ZMPOP 1 z MIN") == "nil[]")
        #expect(test.run(line: "ZMPOP 1 z") == "-ERR wrong number of arguments for 'zmpop' command")
        #expect(test.run(line: "ZMPOP 0 z MIN") == "-ERR numkeys should be greater than 0")
        #expect(
            test.run(line: "ZMPOP 1 z MIN COUNT 0") == "-ERR count should be greater than 0")
    }

    @Test func algebra() {
        let test = TestEngine()
        let other = test.makeClient(resp: 3)
        test.run(line: "ZADD x 1 a 2 b")
        test.run(line: "ZADD y 10 b 20 c")
        test.run(line: "SADD s b c")
        _ = test.effects()
        _ = test.events()
        #expect(test.run(line: "ZUNION 3 x y s WITHSCORES") == "[a 1 b 13 c 21]")
        #expect(test.run(line: "ZUNION 2 x y WITHSCORES", other) == "[[a ,1] [b ,12] [c ,20]]")
        #expect(test.run(line: "ZINTER 2 x y WEIGHTS 2 -1 WITHSCORES") == "[b -6]")
        #expect(test.run(line: "ZINTER 3 x y s AGGREGATE MIN WITHSCORES") == "[b 1]")
        #expect(test.run(line: "ZDIFF 2 x s WITHSCORES") == "[a 1]")
        #expect(test.run(line: "ZINTERCARD 2 y s") == ":2")
        #expect(test.run(line: "ZINTERCARD 2 y s LIMIT 1") == ":1")
        #expect(
            test.run(line: "ZUNION 0 x")
                == "-ERR at least 1 input key is needed for 'zunion' command")
        #expect(test.run(line: "ZUNION 3 x y") == "-ERR syntax error")
        #expect(test.run(line: "ZUNION 1 x WEIGHTS q") == "-ERR weight value is not a float")
        #expect(test.run(line: "ZDIFF 1 x WEIGHTS 1") == "-ERR syntax error")
        #expect(test.effects() == [])
        #expect(test.run(line: "ZUNIONSTORE x 2 x y") == ":3")
        #expect(test.effects() == ["MULTI", "DEL x", "ZADD x 1 a 12 b 20 c", "EXEC"])
        #expect(test.run(line: "ZINTERSTORE d 2 x y AGGREGATE MAX") == ":2")
        #expect(test.effects() == ["ZADD d 12 b 20 c"])
        #expect(test.run(line: "ZDIFFSTORE d 1 none") == ":0")
        #expect(test.effects() == ["DEL d"])
        #expect(test.events() == ["zunionstore x", "zinterstore d", "del d"])
    }

    @Test func randomMembers() {
        let test = TestEngine()
        let other = test.makeClient(resp: 3)
        #expect(test.run(line: "ZRANDMEMBER z") == "nil")
        #expect(test.run(line: "ZRANDMEMBER z 2") == "[]")
        test.run(line: "ZADD z 1.5 a")
        #expect(test.run(line: "ZRANDMEMBER z") == "a")
        #expect(test.run(line: "ZRANDMEMBER z -2 WITHSCORES") == "[a 1.5 a 1.5]")
        #expect(test.run(line: "ZRANDMEMBER z 2 WITHSCORES", other) == "[[a ,1.5]]")
        test.run(
            line: "ZADD z " + (0..<300).map { "\($0) m\($0)" }.joined(separator: " "))
        for count in [1, 5, 200, 301, 1000] {
            let members = test.run(line: "ZRANDMEMBER z \(count)").dropFirst().dropLast()
                .split(separator: " ")
            #expect(members.count == min(count, 301))
            #expect(Set(members).count == members.count)
        }
    }
}
