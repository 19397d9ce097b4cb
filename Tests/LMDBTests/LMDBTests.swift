// The wrapper: what it promises over LMDB's own behaviour.

import Glibc
import LMDB
import Testing

/// A fresh directory, removed afterwards.
func withDirectory<R>(_ body: (String) throws -> R) throws -> R {
    var template = Array("/tmp/firn-lmdb-XXXXXX".utf8CString)
    _ = mkdtemp(&template)
    let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    defer {
        unlink(path + "/data.mdb")
        unlink(path + "/lock.mdb")
        rmdir(path)
    }
    return try body(path)
}

private func bytes<R>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    let array = Array(text.utf8)
    return try array.withUnsafeBytes { try body($0) }
}

private func put(_ environment: Environment, _ database: Database, _ rows: [(String, String)])
    throws
{
    let transaction = try WriteTransaction(environment)
    for (key, value) in rows {
        try bytes(key) { key in try bytes(value) { try transaction.put(database, key, $0) } }
    }
    try transaction.commit()
}

private func get(_ view: TransactionView, _ database: Database, _ key: String) throws -> String? {
    try bytes(key) { try view.get(database, $0).map { String(decoding: $0, as: UTF8.self) } }
}

private func make(_ environment: Environment, _ name: String, _ flags: Database.Flags = [])
    throws -> Database
{
    let transaction = try WriteTransaction(environment)
    let database = try transaction.view.open(name, flags.union(.create))!
    try transaction.commit()
    return database
}

@Suite struct LMDBTests {
    @Test func readersSeeTheirSnapshotUntilRenewed() throws {
        try withDirectory { path in
            let environment = try Environment(directory: path, mapBytes: 1 << 30)
            let database = try make(environment, "a")
            try put(environment, database, [("k", "1")])
            var reader = try ReadTransaction(environment)
            try put(environment, database, [("k", "2")])
            #expect(try get(reader.view, database, "k") == "1")
            reader.reset()
            try reader.renew()
            #expect(try get(reader.view, database, "k") == "2")
            #expect(try get(reader.view, database, "none") == nil)
        }
    }

    @Test func abortedAndDroppedTransactionsLeaveNothing() throws {
        try withDirectory { path in
            let environment = try Environment(directory: path, mapBytes: 1 << 30)
            let database = try make(environment, "a")
            do {
                let dropped = try WriteTransaction(environment)
                try bytes("k") { try dropped.put(database, $0, $0) }
            }
            let aborted = try WriteTransaction(environment)
            try bytes("k") { try aborted.put(database, $0, $0) }
            aborted.abort()
            let reader = try ReadTransaction(environment)
            #expect(try reader.view.stat(database).entries == 0)
        }
    }

    @Test func emptyingKeepsTheHandleAndOlderSnapshots() throws {
        try withDirectory { path in
            let environment = try Environment(directory: path, mapBytes: 1 << 30)
            let database = try make(environment, "a")
            try put(environment, database, (0..<5000).map { ("k\($0)", "old \($0)") })
            let old = try ReadTransaction(environment)
            let transaction = try WriteTransaction(environment)
            try transaction.empty(database)
            try bytes("new") { try transaction.put(database, $0, $0) }
            try transaction.commit()
            try put(environment, database, (0..<5000).map { ("n\($0)", "new") })
            // `old` first touches the database now, after it was emptied and refilled.
            #expect(try get(old.view, database, "k4999") == "old 4999")
            #expect(try old.view.stat(database).entries == 5000)
            #expect(try get(old.view, database, "new") == nil)
            let now = try ReadTransaction(environment)
            #expect(try get(now.view, database, "k4999") == nil)
            #expect(try get(now.view, database, "n17") == "new")
            #expect(environment.oldestReader == old.id)
        }
    }

    @Test func appendingRefusesDescendingKeysAndWalksInOrder() throws {
        try withDirectory { path in
            let environment = try Environment(directory: path, mapBytes: 1 << 30)
            let database = try make(environment, "n", .integerKeys)
            let transaction = try WriteTransaction(environment)
            do {
                var cursor = try Cursor(transaction.view, database)
                for number in UInt64(0)..<3000 {
                    try bytes("v\(number)") { try cursor.append(number, $0) }
                }
                #expect(throws: LMDBError.self) { try bytes("x") { try cursor.append(5, $0) } }
                var seen = UInt64(0)
                #expect(try cursor.move(.first))
                repeat {
                    #expect(cursor.key.loadUnaligned(as: UInt64.self) == seen)
                    seen += 1
                } while try cursor.move(.next)
                #expect(seen == 3000)
                #expect(try cursor.seek(exactly: 700))
                #expect(String(decoding: cursor.value, as: UTF8.self) == "v700")
                #expect(try !cursor.seek(exactly: 3000))
            }
            let pages = try transaction.view.stat(database)
            #expect(pages.leafPages < 3000 * 24 / 4096 + 4)
            try transaction.commit()
        }
    }

    @Test func aFullMapIsRecognised() throws {
        try withDirectory { path in
            let environment = try Environment(directory: path, mapBytes: 1 << 20)
            let database = try make(environment, "a")
            do {
                try put(environment, database, (0..<100_000).map { ("key \($0)", "value \($0)") })
                Issue.record("100 000 rows fitted into a megabyte")
            } catch let error as LMDBError {
                #expect(error.isFull)
                #expect(error.isMapFull)
                #expect(!error.isDamage)
                #expect(error.description.contains("MAP_FULL"))
            }
            // and the environment goes on working
            try put(environment, database, [("k", "v")])
        }
    }

    @Test func foreignFilesAreDamage() throws {
        try withDirectory { path in
            let file = fopen(path + "/data.mdb", "w")!
            fputs(String(repeating: "not an LMDB file ", count: 2000), file)
            fclose(file)
            do {
                _ = try Environment(directory: path)
                Issue.record("opened a text file")
            } catch let error as LMDBError { #expect(error.isDamage) }
        }
    }

    @Test func freePagesAreCounted() throws {
        try withDirectory { path in
            let environment = try Environment(directory: path, mapBytes: 1 << 30)
            let database = try make(environment, "a")
            try put(environment, database, (0..<20_000).map { ("key \($0)", "value \($0)") })
            let transaction = try WriteTransaction(environment)
            let pages = try transaction.view.stat(database).pages
            try transaction.empty(database)
            try transaction.commit()
            let reader = try ReadTransaction(environment)
            #expect(try reader.view.freePages().all >= pages)
            #expect(environment.info.lastPage > pages)
        }
    }

    @Test func databasesOpenedReadOnlyStayOpen() throws {
        try withDirectory { path in
            do {
                let environment = try Environment(directory: path, mapBytes: 1 << 30)
                try put(environment, try make(environment, "a"), [("k", "v")])
            }
            let environment = try Environment(directory: path, readOnly: true, mapBytes: 1 << 30)
            let opening = try ReadTransaction(environment)
            let database = try opening.view.open("a")
            #expect(try opening.view.open("missing") == nil)
            try opening.endKeepingHandles()
            let reader = try ReadTransaction(environment)
            #expect(try get(reader.view, database!, "k") == "v")
            #expect(throws: LMDBError.self) { _ = try WriteTransaction(environment) }
        }
    }
}
