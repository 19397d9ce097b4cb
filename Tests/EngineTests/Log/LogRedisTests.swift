// The log against Redis: files of each read by the other.

import Glibc
import TestSupport
import Testing

@testable import Engine

/// Runs a shell command; its output and status.
private func run(_ command: String) -> (output: String, status: Int32) {
    guard let pipe = popen("\(command) 2>&1", "r") else { return ("", -1) }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = fread(&chunk, 1, chunk.count, pipe)
        if count == 0 { break }
        output += chunk[0..<count]
    }
    return (String(decoding: output, as: UTF8.self), pclose(pipe))
}

private let hasRedis = run("command -v redis-server redis-cli redis-check-aof").status == 0

@Suite struct LogRedisTests {
    private func write(_ disk: SimulatedDisk, _ name: String, _ text: String) {
        disk["appendonlydir/\(name)"] = Array(text.utf8)
    }

    private let set = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
    private let select = "*2\r\n$6\r\nSELECT\r\n$1\r\n4\r\n"
    private let multi = "*1\r\n$5\r\nmulti\r\n", exec = "*1\r\n$4\r\nEXEC\r\n"

    /// A directory as Redis leaves it, cut at every byte.
    @Test func redisSegments() throws {
        let disk = SimulatedDisk()
        write(disk, "appendonly.aof.1.base.aof", select + set)
        write(disk, "appendonly.aof.1.incr.aof", "")
        write(
            disk, "appendonly.aof.manifest",
            """
            file appendonly.aof.1.base.aof seq 1 type b
            file appendonly.aof.1.incr.aof seq 1 type i

            """)
        let whole =
            "#TS:1700000000\r\n" + select + set + multi + set + set + exec
            + "#unknown\r\n" + multi + exec + set
        let alone = Effect(4, "SET a 1")
        let unit: [Effect] = {
            var buffer = LogBuffer()
            return buffer.addUnit([alone, alone])
        }()
        let starts = [
            0, ("#TS:1700000000\r\n" + select + set).utf8.count,
            ("#TS:1700000000\r\n" + select + set + multi + set + set + exec).utf8.count,
            whole.utf8.count,
        ]
        for size in 0...whole.utf8.count {
            disk["appendonlydir/appendonly.aof.1.incr.aof"] = Array(whole.utf8.prefix(size))
            var expected = [alone]
            if size >= starts[1] { expected.append(alone) }
            if size >= starts[2] { expected += unit }
            if size >= starts[3] { expected.append(alone) }
            let (effects, end) = try readLog(disk, format: .redis)
            #expect(effects == expected)
            #expect(end.lastFileBytes + end.droppedBytes == size)
            if end.droppedBytes > 0 {
                #expect(throws: LogError.self) {
                    try readLog(disk, format: .redis, loadTruncated: false)
                }
            }
        }
        // What does not parse is an error, and so is a base that is cut.
        write(disk, "appendonly.aof.1.incr.aof", set + "x" + set)
        #expect(
            throws: LogError.damaged(
                file: "appendonly.aof.1.incr.aof", offset: set.utf8.count,
                reason: "neither a command nor an annotation")
        ) { try readLog(disk, format: .redis) }
        write(disk, "appendonly.aof.1.incr.aof", set)
        write(disk, "appendonly.aof.1.base.aof", String((select + set).dropLast()))
        #expect(throws: LogError.self) { try readLog(disk, format: .redis) }
    }

    @Test func rdbBaseIsLeftToTheImporter() throws {
        let disk = SimulatedDisk()
        write(disk, "appendonly.aof.1.base.rdb", "REDIS0010" + set)
        write(disk, "appendonly.aof.1.incr.aof", set)
        write(
            disk, "appendonly.aof.manifest",
            """
            file appendonly.aof.1.base.rdb seq 1 type b
            file appendonly.aof.1.incr.aof seq 1 type i

            """)
        let manifest = try #require(try testFiles.loadManifest(disk))
        var reader = try LogReader(disk, testFiles, manifest, format: .redis)
        #expect(reader.rdbBase == "appendonly.aof.1.base.rdb")
        #expect(reader.fileNames == ["appendonly.aof.1.incr.aof"])
        #expect(try reader.next() != nil)
        #expect(try reader.next() == nil)
        // An AOF with an RDB preamble: commands start behind it.
        var tail = try LogReader(disk, testFiles, manifest, format: .redis, baseOffset: 9)
        #expect(tail.rdbBase == nil)
        var count = 0
        while try tail.next() != nil { count += 1 }
        #expect(count == 2)
        var single = try LogReader(
            disk, directory: "appendonlydir", redisFile: "appendonly.aof.1.base.rdb", offset: 9)
        #expect(try single.next() != nil)
        #expect(try single.next() == nil)
    }

    @Test(.enabled(if: hasRedis), arguments: [SyncPolicy.everysec, .always])
    func redisAcceptsFirnsLog(policy: SyncPolicy) throws {
        let directory = "/tmp/firn-log-redis-\(UInt64.random(in: 0 ... .max))"
        let disk = SystemDisk.shared
        try disk.makeDirectory(directory)
        defer { _ = run("rm -rf \(directory)") }
        let files = LogFiles(directory: "\(directory)/appendonlydir")
        let writer = try LogWriter.create(disk, files, stream: testStream, policy: policy)
        var buffer = LogBuffer()
        for number in 0..<300 {
            buffer.timestamp = 1_700_000_000 + Int64(number / 100)
            buffer.addUnit([Effect(number % 3, "SET key\(number) \(number)")])
            buffer.addUnit([
                Effect(3, "INCR counter"), Effect(2, "SET gone 1"),
                Effect(2, "DEL gone", isExpiry: true),
            ])
            if number % 3 == 0 { #expect(writer.flush(&buffer) == .written) }
            if number % 100 == 50 { try writer.rotate(&buffer) }
            if number % 100 == 72 {
                try writer.sync()
                writer.noteDurable(&buffer, idleUs: 0)
            }
        }
        _ = writer.flush(&buffer)
        try writer.sync()

        let check = run("redis-check-aof \(files.directory)/appendonly.aof.manifest")
        #expect(check.status == 0, "\(check.output)")
        #expect(check.output.contains("All AOF files and manifest are valid"), "\(check.output)")

        let port = Int.random(in: 21000..<29000)
        let server =
            "redis-server --port \(port) --dir \(directory) --appendonly yes"
            + " --save '' --daemonize yes --pidfile \(directory)/pid"
            + " --logfile \(directory)/redis.log"
        #expect(run(server).status == 0)
        defer { _ = run("kill -9 $(cat \(directory)/pid)") }
        let cli = "redis-cli -p \(port)"
        for _ in 0..<100 {
            if run("\(cli) ping").output == "PONG\n" { break }
            usleep(50_000)
        }
        let sizes = (0..<5).map { run("\(cli) -n \($0) dbsize").output }
        let messages = run("cat \(directory)/redis.log").output
        #expect(sizes == ["100\n", "100\n", "100\n", "1\n", "0\n"], "\(messages)")
        #expect(run("\(cli) -n 3 get counter").output == "300\n")

        // Redis goes on writing the same log; Firn reads what it wrote.
        #expect(run("\(cli) -n 7 set from redis").output == "OK\n")
        _ = run("\(cli) shutdown nosave")
        let (effects, end) = try readLog(disk, files, format: .redis)
        #expect(effects.count == 300 * 4 + 1)
        #expect(effects.last == Effect(7, "set from redis"))
        #expect(end.droppedBytes == 0)
    }
}
