// What INFO counts of commands, where Redis counts otherwise than one might think.

import Testing

@testable import Engine

@Suite struct LookupCountTests {
    /// Hits and misses of one line.
    private func counts(_ test: TestEngine, _ line: String) -> [Int] {
        let before = (test.engine.stats.keyspaceHits, test.engine.stats.keyspaceMisses)
        test.run(line: line)
        return [
            test.engine.stats.keyspaceHits - before.0, test.engine.stats.keyspaceMisses - before.1,
        ]
    }

    @Test func commandsThatReadWhatTheyChange() {
        let test = TestEngine()
        for line in [
            "SET s 1", "RPUSH l a", "XADD t 1-1 f v", "XADD t 1-2 f v", "XGROUP CREATE t g 0",
        ] { test.run(line: line) }
        for (line, wanted) in [
            // The key is found before it is seen to be of another type.
            ("GETEX l", [1, 0]), ("GETDEL l", [1, 0]), ("GETSET l x", [1, 0]),
            ("SET l x GET", [1, 0]), ("SET none x XX GET", [0, 1]), ("GETEX s", [1, 0]),
            // Once to see what is meant, once for the entries.
            ("XREADGROUP GROUP g a STREAMS t >", [2, 0]),
            ("XREADGROUP GROUP x a STREAMS t >", [1, 0]),
            ("XREADGROUP GROUP g a STREAMS none >", [0, 1]),
            ("XACK t g 1-1", [1, 0]), ("XACK none g 1-1", [0, 1]),
            ("XCLAIM t g b 0 1-2", [1, 0]), ("XCLAIM t x b 0 1-2", [1, 0]),
            ("XCLAIM none g b 0 1-2", [0, 1]), ("XAUTOCLAIM t g b 0 0", [1, 0]),
            ("XAUTOCLAIM t g b x y", [1, 0]), ("XAUTOCLAIM none g b 0 0", [0, 1]),
            ("OBJECT ENCODING s", [1, 0]), ("OBJECT FREQ s", [1, 0]),
            ("OBJECT REFCOUNT none", [0, 1]), ("XREAD STREAMS t 0", [2, 0]),
            ("SET n x", [0, 0]), ("DEL n", [0, 0]),
        ] { #expect(counts(test, line) == wanted, "\(line)") }
    }

    /// Every element's key is looked for, though the first of them is no number already.
    @Test func sortLooksAtAllWeights() {
        let test = TestEngine()
        test.run(line: "RPUSH l 1 2 3 4")
        test.run(line: "SET w1 x")
        #expect(counts(test, "SORT l BY w*") == [2, 3])
        #expect(
            test.run(line: "SORT l BY w*")
                == "-ERR One or more scores can't be converted into double")
    }

    @Test func unknownSubcommandsAreNoCalls() {
        let test = TestEngine()
        test.run(line: "OBJECT NOSUCH a")
        test.run(line: "OBJECT ENCODING")
        let info = test.run("INFO", "commandstats")
        #expect(!info.contains("cmdstat_object:"))
        #expect(info.contains("rejected_calls=1,failed_calls=0"))
        #expect(
            test.run(line: "COMMAND GETKEYS OBJECT NOSUCH a") == "-ERR Invalid command specified")
        #expect(
            test.run(line: "COMMAND GETKEYS PFMERGE a")
                == "-ERR Invalid arguments specified for command")
    }
}
