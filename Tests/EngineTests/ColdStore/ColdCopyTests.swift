// A copy of the store is whole, or it ends when it is told to.

import Glibc
import Testing

@testable import Engine

@Suite struct ColdCopyTests {
    /// A store of 64 MB.
    private func filled(_ directory: ColdDirectory) throws -> ColdStore {
        let store = try directory.open()
        for number in 0..<64 {
            let batch = ColdBatch()
            batch.put(0, Array("key:\(number)".utf8), .init(repeating: 7, count: 1 << 20), lsn: 1)
            try store.commit(batch)
        }
        return store
    }

    private static func size(_ directory: String) -> Int {
        var status = stat()
        return stat("\(directory)/data.mdb", &status) == 0 ? Int(status.st_size) : 0
    }

    @Test func aCopyIsWhole() throws {
        let source = ColdDirectory()
        let store = try filled(source)
        let target = ColdDirectory()
        let interrupt = CopyInterrupt()
        try store.copy(to: target.path, interrupt)
        #expect(interrupt.pass())
        #expect(!interrupt.raise())
        #expect(!interrupt.isSet)
        let copy = try target.open()
        for number in 0..<64 {
            let key = Array("key:\(number)".utf8)
            #expect(try copy.value(0, key)?.payload.count == 1 << 20)
        }
        // Not over what is there.
        #expect(throws: ColdError.self) { try store.copy(to: target.path, CopyInterrupt()) }
    }

    @Test func itEndsBeforeItBegins() throws {
        let source = ColdDirectory()
        let store = try filled(source)
        let target = ColdDirectory()
        let interrupt = CopyInterrupt()
        #expect(interrupt.raise())
        #expect(throws: ColdError.self) { try store.copy(to: target.path, interrupt) }
        #expect(Self.size(target.path) == 0)
        #expect(!interrupt.pass())
    }

    @Test func itEndsInTheMiddle() throws {
        let source = ColdDirectory()
        let store = try filled(source)
        // The copy may be through before the other thread runs.
        for _ in 0..<20 {
            let target = ColdDirectory()
            let interrupt = CopyInterrupt()
            let path = target.path
            let thread = BackgroundThread {
                while Self.size(path) == 0, !interrupt.isSet { sched_yield() }
                _ = interrupt.raise()
            }
            var isWhole = true
            do { try store.copy(to: target.path, interrupt) } catch { isWhole = false }
            _ = interrupt.raise()
            thread.join()
            if isWhole { continue }
            #expect(Self.size(path) < Self.size(source.path))
            // The descriptor is closed, and the store as good as before.
            let other = ColdDirectory()
            try store.copy(to: other.path, CopyInterrupt())
            #expect(try other.open().value(0, Array("key:63".utf8)) != nil)
            return
        }
        Issue.record("no copy could be ended")
    }
}
