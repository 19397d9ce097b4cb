// What a restore is asked for, on the command line.

import Testing

@testable import Engine

@Suite struct RestoreRequestTests {
    @Test(arguments: [
        ("0", RestoreLimit.time(0)), ("1795747465", .time(1_795_747_465)),
        ("2026-11-27 02:44:25", .time(1_795_747_465)),
        ("2026-11-27T02:44:25Z", .time(1_795_747_465)),
        ("1970-01-01 00:00:00", .time(0)), ("2024-02-29 00:00:00", .time(1_709_164_800)),
        ("2016-12-31 23:59:60", nil), ("lsn:0", .lsn(0)),
        ("lsn:18446744073709551615", .lsn(.max)), ("lsn:18446744073709551616", nil),
        ("lsn:", nil), ("lsn:-1", nil), ("", nil), ("-1", nil), ("yesterday", nil),
        ("99999999999999999999", nil), ("2023-02-29 00:00:00", nil),
        ("2026-13-01 00:00:00", nil), ("2026-00-10 00:00:00", nil),
        ("2026-11-27 24:00:00", nil), ("2026-11-27 02:60:00", nil),
        ("2026-11-27 02:44", nil), ("2026-11-27 02:44:2x", nil), ("1969-12-31 23:59:59", nil),
        ("2026/11/27 02:44:25", nil), ("2026-11-27 02:44:25ZZ", nil),
    ])
    func limits(text: String, limit: RestoreLimit?) { #expect(RestoreLimit(text) == limit) }

    @Test func theCommandLine() {
        var options = LaunchOptions([
            "--port", "1", "--restore", "/a.rdb", "--restore-log", "/x", "--save", "",
            "--restore-log", "y", "--until", "lsn:7", "--force", "--dir", "/d",
        ])
        #expect(options.lines == "port \"1\"\nsave \"\"\ndir \"/d\"")
        #expect(options.restoreMistake == nil)
        #expect(options.restore?.source == "/a.rdb")
        #expect(options.restore?.logs == ["/x", "\(WorkingDirectory.atStart)/y"])
        #expect(options.restore?.until == .lsn(7))
        #expect(options.restore?.force == true)
        options = LaunchOptions(["--port", "1"])
        #expect(options.restore == nil && options.restoreMistake == nil)
        for words in [
            ["--restore"], ["--restore-log", "/x"], ["--until", "1"], ["--force"],
            ["--restore", "/a", "--until", "then"], ["--restore", "/a", "--restore-log"],
        ] {
            #expect(LaunchOptions(words).restoreMistake != nil, "\(words)")
        }
    }
}
