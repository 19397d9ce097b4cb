// An LMDB data file read page by page, without LMDB.
//
// LMDB trusts its file: a page that is not what it should be ends in an assertion, or in a fault
// when it is read through the map. Whoever must judge a file that may be damaged therefore reads it
// here first, by plain reads that can fail, and hands it to LMDB only when its pages are sound.
//
// The layout is that of LMDB 0.9 (data version 1) on a little-endian machine of 64 bits:
//
//     page    0 number u64 | 8 pad u16 | 10 flags u16 | 12 lower u16 | 14 upper u16
//             16 offsets of the nodes, u16 each, up to `lower`; the nodes lie from `upper` on
//             (first page of an overflow chain: 12 pages in the chain u32, 16 the data)
//     node    0 size of the data u32 (branch: child's page number, 48 bits with the flags)
//             4 flags u16 | 6 size of the key u16 | 8 key, then data or the chain's page number u64
//     meta    at 16 of pages 0 and 1: magic u32 | version u32 | address u64 | map size u64 |
//             the free list's tree | the main tree | last page u64 | transaction u64
//     tree    page size (in the first) u32 | flags u16 | depth u16 | branch pages u64 |
//             leaf pages u64 | overflow pages u64 | entries u64 | root u64, all ones: none

import Glibc

/// One tree's description, in the meta page or in the main tree.
struct TreeRecord: Equatable {
    static let byteCount = 48
    static let integerKeys: UInt16 = 0x08
    /// Duplicates and reversed keys, which Firn does not use, must not be set.
    static let knownFlags: UInt16 = 0x08
    /// In the free list's record, how the environment was made: as one file (ColdCreation.swift).
    static let madeAsFile: UInt16 = 0x4000
    static let noRoot = UInt64.max

    var pad: UInt32
    var flags: UInt16
    var depth: Int
    var branchPages: UInt64
    var leafPages: UInt64
    var overflowPages: UInt64
    var entries: UInt64
    var root: UInt64

    init(_ bytes: Bytes, at offset: Int) {
        func word(_ at: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + at, as: UInt64.self))
        }
        pad = UInt32(truncatingIfNeeded: word(0))
        flags = UInt16(truncatingIfNeeded: word(0) >> 32)
        depth = Int(word(0) >> 48)
        branchPages = word(8)
        leafPages = word(16)
        overflowPages = word(24)
        entries = word(32)
        root = word(40)
    }
}

/// A meta page.
struct MetaPage {
    static let magic: UInt32 = 0xBEEF_C0DE
    static let version: UInt32 = 1
    /// Of a page, up to the end of the meta data.
    static let byteCount = 16 + 136

    let flags: UInt16
    let magic: UInt32
    let version: UInt32
    let free: TreeRecord
    let main: TreeRecord
    let lastPage: UInt64
    let transaction: UInt64

    init(_ page: Bytes) {
        func word(_ at: Int) -> UInt64 {
            UInt64(littleEndian: page.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        }
        flags = UInt16(truncatingIfNeeded: word(8) >> 16)
        magic = UInt32(truncatingIfNeeded: word(16))
        version = UInt32(truncatingIfNeeded: word(16) >> 32)
        free = TreeRecord(page, at: 40)
        main = TreeRecord(page, at: 88)
        lastPage = word(136)
        transaction = word(144)
    }

    /// What is wrong with the page by itself; nil when LMDB would take it.
    var flaw: String? {
        if flags != PageFlags.meta { return "flags \(flags) are not those of a meta page" }
        if magic != MetaPage.magic { return "its magic number is wrong" }
        if version != MetaPage.version { return "version \(version) is not known" }
        let size = Int(free.pad)
        if size < 512 || size > 1 << 16 || size & (size - 1) != 0 {
            return "a page size of \(size) bytes is impossible"
        }
        return nil
    }
}

enum PageFlags {
    static let branch: UInt16 = 0x01
    static let leaf: UInt16 = 0x02
    static let overflow: UInt16 = 0x04
    static let meta: UInt16 = 0x08
}

enum NodeFlags {
    static let overflow: UInt16 = 0x01
    static let tree: UInt16 = 0x02
}

/// The file, opened for reading.
final class PageFile {
    let descriptor: Int32
    let byteCount: Int

    init(_ path: String) throws(LMDBError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw LMDBError(code: errno, operation: "open") }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let number = errno
            close(descriptor)
            throw LMDBError(code: number, operation: "fstat")
        }
        byteCount = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Fills `buffer` from `offset`; the bytes read, fewer only at the end of the file.
    func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(LMDBError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done, offset + done)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw LMDBError(code: errno, operation: "read")
            }
            done += count
        }
        return done
    }
}

/// Pages by number, for the marks of a walk.
struct PageSet {
    private var words: [UInt64]
    private(set) var count = 0

    init(pages: Int) { words = Array(repeating: 0, count: (pages + 63) / 64) }

    func contains(_ page: Int) -> Bool {
        page >> 6 < words.count && words[page >> 6] & (1 << UInt64(page & 63)) != 0
    }

    /// False when it was in already.
    mutating func insert(_ page: Int) -> Bool {
        let bit = UInt64(1) << UInt64(page & 63)
        if words[page >> 6] & bit != 0 { return false }
        words[page >> 6] |= bit
        count += 1
        return true
    }
}
