// Walks over many keys: SCAN's slices, and snapshots for BGSAVE and tools.
//
// Both merge the runs' rows, newest first, and skip tombstones. SCAN takes a slice in a pooled
// transaction and comes back with a position; a snapshot keeps one transaction, and with it the
// exact runs of its moment, for as long as it lives. It needs nothing else: the transaction
// pins the pages, and slots are emptied, never dropped (ColdRun.swift). While one lives, large
// merges pause, because the space they free could not be used again.

import Glibc
import LMDB

extension ColdStore {
    /// Tombstones and damaged rows that one slice of a walk passes over: a few hundred microseconds'
    /// worth.
    static let deadRowsMax = 1024

    /// Visits the live rows of a namespace in (hash, key) order, from `hash` on, and returns
    /// the hash of the first row not visited, nil at the end. Any thread.
    ///
    /// - Parameters:
    ///   - count: how many rows to visit; slightly more when the next rows are inseparable, and
    ///     fewer behind very many tombstones, so that the work of a call is bounded.
    ///   - looseBits: rows whose hashes differ in these lowest bits only are never separated.
    ///   - payloads: whether large payloads are read; small ones always are.
    ///   - damaged: told of each record that fails its check; the walk passes it over.
    package func rows(
        namespace: UInt32, from hash: UInt64, atMost count: Int, looseBits: Int = 0,
        payloads: Bool = false, damaged: (ColdError) -> Void = { _ in },
        _ body: (ColdRecord) throws -> Void
    ) throws(ColdError) -> UInt64? {
        try typed {
            try withReader { reader in
                let view = reader.transaction.view
                let list = reader.list
                let start = ColdKey.prefix(namespace, hash)
                var walk = try MergedRows(view, list, from: start)
                var visited = 0
                var walked = 0
                var last: UInt64 = 0
                while try walk.next() {
                    let row = walk.key
                    guard ColdKey.namespace(row) == namespace else { return nil }
                    let here = ColdKey.hash(row)
                    let isSeparate =
                        walked > 0 && here >> UInt64(looseBits) != last >> UInt64(looseBits)
                    if isSeparate, visited >= count || walked - visited >= ColdStore.deadRowsMax {
                        return here
                    }
                    walked += 1
                    last = here
                    guard let header = ColdHeader(walk.value) else {
                        damaged(ColdStore.damage(row))
                        continue
                    }
                    if header.isTombstone { continue }
                    do {
                        try visit(
                            view, list.views[walk.winner], row, walk.value, header, payloads,
                            body)
                    } catch let error as ColdError {
                        guard case .damaged = error else { throw error }
                        damaged(error)
                    }
                    visited += 1
                }
                return nil
            }
        }
    }

    /// Lends one row; a large payload only on demand, and then unchecked but for its header.
    func visit(
        _ view: TransactionView, _ run: RunView, _ row: Bytes, _ value: Bytes,
        _ header: ColdHeader, _ payloads: Bool, _ body: (ColdRecord) throws -> Void
    ) throws {
        if payloads || !header.isChunked {
            try withRecord(view, run, row: row, value: value) { record, _ in try body(record) }
        } else if header.isLong {
            guard
                let key = readChunks(
                    view, run.slot, header.firstChunk, header.bodyLength, of: run.chunks)
            else { throw ColdStore.damage(row) }
            try key.withUnsafeBytes {
                try body(header.unchecked(row: row, body: $0.slice(0, header.keyLength)))
            }
        } else {
            try body(header.unchecked(row: row, body: Bytes(start: nil, count: 0)))
        }
    }

    /// A snapshot of everything committed so far. Any thread.
    package func snapshot() throws(ColdError) -> ColdSnapshot {
        try typed {
            if let pinned { return ColdSnapshot(self, pinned) }
            if options.readOnly { return ColdSnapshot(self, try freshReadOnlyReader()) }
            return try state.withLock {
                let reader = try freshReader()
                liveSnapshots += 1
                return ColdSnapshot(self, reader)
            }
        }
    }
}

/// One point in time of the cold tier, read in slices. One thread at a time.
package final class ColdSnapshot: @unchecked Sendable {
    private let store: ColdStore
    private let reader: ColdReader
    private var prefetch: Prefetch
    /// The last row visited; nil before the first.
    private var position: [UInt8]?
    /// Where to start instead, after `seek`.
    private var start: [UInt8]?
    /// Whether the walk came to the end.
    package private(set) var isAtEnd = false

    init(_ store: ColdStore, _ reader: ColdReader) {
        self.store = store
        self.reader = reader
        prefetch = Prefetch(sources: reader.list.count)
    }

    deinit {
        if store.options.readOnly { return }
        store.state.withLock { store.liveSnapshots -= 1 }
    }

    /// The file that it reads.
    var environment: Environment { reader.transaction.environment }

    /// Records and tombstones of all runs: an upper bound of the rows to come.
    package var rowsMax: Int { reader.list.runs.reduce(0) { $0 + $1.info.records } }

    /// Goes on with the first row at or behind (namespace, hash).
    package func seek(namespace: UInt32, hash: UInt64) {
        start = ColdKey.prefix(namespace, hash)
        position = nil
        isAtEnd = false
    }

    /// Visits up to `count` live rows, in (namespace, hash, key) order, and remembers where it
    /// stopped; false when there are no more. A damaged record throws `.damaged`; the next call
    /// goes on behind it.
    ///
    /// - Parameters:
    ///   - bytesMax: stop behind the record with which so many bytes of payload were visited.
    ///   - limit: stop, as at the end, before the rows of this (namespace, hash).
    ///   - payloads: whether large payloads are read; small ones always are.
    @discardableResult
    package func next(
        atMost count: Int, bytesMax: Int = .max,
        before limit: (namespace: UInt32, hash: UInt64)? = nil, payloads: Bool = true,
        _ body: (ColdRecord) throws -> Void
    ) throws(ColdError) -> Bool {
        try typed {
            let view = reader.transaction.view
            let list = reader.list
            var walk = try MergedRows(view, list, from: start, after: position)
            var bytes = 0
            for _ in 0..<count where bytes < bytesMax {
                guard try walk.next() else {
                    isAtEnd = true
                    return false
                }
                let row = walk.key
                if let limit,
                    (ColdKey.namespace(row), ColdKey.hash(row)) >= (limit.namespace, limit.hash)
                {
                    isAtEnd = true
                    return false
                }
                position = Array(row)
                prefetch.touch(walk.winner, row.baseAddress)
                guard let header = ColdHeader(walk.value) else { throw ColdStore.damage(row) }
                if header.isTombstone { continue }
                bytes += header.bodyLength
                try store.visit(
                    view, list.views[walk.winner], row, walk.value, header, payloads, body)
            }
            return true
        }
    }

    /// Looks a key up in this point in time.
    package func lookup<R>(
        namespace: UInt32, hash: UInt64, key: Bytes, _ body: (ColdRecord) throws -> R
    ) throws(ColdError) -> ColdLookup<R> {
        try typed {
            try store.find(reader.transaction.view, reader.list, namespace, hash, key, body)
        }
    }

    /// Metadata at this point in time.
    package func metadata(_ key: [UInt8]) throws(ColdError) -> [UInt8]? {
        try typed { try store.meta.get(reader.transaction.view, key) }
    }
}
