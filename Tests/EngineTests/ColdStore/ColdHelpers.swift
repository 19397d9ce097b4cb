// What the suites of the cold store share.

import Glibc
import LMDB
import Testing

@testable import Engine

/// A fresh directory, removed afterwards.
final class ColdDirectory {
    let path: String

    init() {
        var template = Array("/tmp/firn-cold-XXXXXX".utf8CString)
        _ = mkdtemp(&template)
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit {
        for name in ["data.mdb", "lock.mdb"] { unlink(path + "/" + name) }
        rmdir(path)
    }

    /// Writes `new` over the one place of a file that holds `old`.
    static func overwrite(_ path: String, _ old: String, _ new: String) throws {
        let file = fopen(path, "r+")!
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        var content = [UInt8](repeating: 0, count: ftell(file))
        rewind(file)
        #expect(fread(&content, 1, content.count, file) == content.count)
        let needle = Array(old.utf8)
        var at = 0
        var hits = 0
        while at + needle.count <= content.count {
            if content[at] == needle[0], Array(content[at..<at + needle.count]) == needle {
                fseek(file, at, SEEK_SET)
                fwrite(Array(new.utf8), 1, needle.count, file)
                hits += 1
            }
            at += 1
        }
        #expect(hits == 1)
    }

    func open(_ change: (inout ColdOptions) -> Void = { _ in }) throws -> ColdStore {
        var options = ColdOptions()
        options.mapBytes = 1 << 32
        change(&options)
        return try ColdStore.open(directory: path, options: options)
    }
}

/// A hash that sends neighbours apart; every 64th key shares one with another.
func coldHash(_ key: [UInt8]) -> UInt64 {
    key.withUnsafeBytes { ColdKey.siphash($0, 1, 2) }
}

extension ColdBatch {
    func put(
        _ namespace: UInt32 = 0, _ key: [UInt8], _ value: [UInt8], lsn: UInt64,
        expiry: Int64 = -1, partsDue: Int64? = nil, hash: UInt64? = nil
    ) {
        key.withUnsafeBytes { keyBytes in
            value.withUnsafeBytes {
                append(
                    namespace: namespace, hash: hash ?? coldHash(key), key: keyBytes, type: 7,
                    access: 3, lsn: lsn, expiry: expiry, partsDue: partsDue, payload: $0)
            }
        }
    }

    func remove(_ namespace: UInt32 = 0, _ key: [UInt8], lsn: UInt64, hash: UInt64? = nil) {
        key.withUnsafeBytes {
            appendTombstone(namespace: namespace, hash: hash ?? coldHash(key), key: $0, lsn: lsn)
        }
    }
}

struct ColdValue: Equatable {
    var payload: [UInt8]
    var lsn: UInt64
    var expiry: Int64 = -1

    init(payload: [UInt8], lsn: UInt64, expiry: Int64 = -1) {
        self.payload = payload
        self.lsn = lsn
        self.expiry = expiry
    }

    init(_ record: ColdRecord) {
        self.init(payload: Array(record.payload), lsn: record.lsn, expiry: record.expiry)
    }
}

extension ColdStore {
    func value(_ namespace: UInt32 = 0, _ key: [UInt8], hash: UInt64? = nil) throws -> ColdValue? {
        try key.withUnsafeBytes {
            try read(namespace: namespace, hash: hash ?? coldHash(key), key: $0) { ColdValue($0) }
        }
    }

    func mergeAll(stepBytes: Int = 64 << 10) throws {
        requestFullMerge()
        while try mergeStep(budgetBytes: stepBytes) {}
    }
}

extension ColdStore {
    /// The dead ones of the first hundred namespaces.
    var deadNamespaces: Set<UInt32> {
        get { Set((0..<100).filter(liveNamespaces.isDead)) }
        set {
            liveNamespaces = LiveNamespaces(
                numbers: Set(0..<100).subtracting(newValue), next: 100)
        }
    }
}

extension ColdStore {
    /// Whether any run holds rows of a namespace, tombstones included. O(runs * log n).
    func holdsRows(namespace: UInt32) throws(ColdError) -> Bool {
        try typed {
            try withReader { reader in
                let start = ColdKey.prefix(namespace, 0)
                var walk = try MergedRows(reader.transaction.view, reader.list, from: start)
                return try walk.next() && ColdKey.namespace(walk.key) == namespace
            }
        }
    }
}
