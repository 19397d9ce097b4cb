// The page validator: good files are good, and each thing that LMDB trusts is looked at.

import Glibc
import LMDB
import Testing

/// An environment with trees of every kind: branches, overflow chains, integer keys, free pages.
private func makeFile(_ path: String) throws {
    let environment = try Environment(directory: path, mapBytes: 1 << 30)
    func fill(_ name: String, _ flags: Database.Flags, _ body: (inout Cursor) throws -> Void)
        throws
    {
        let transaction = try WriteTransaction(environment)
        let database = try transaction.view.open(name, flags.union(.create))!
        do {
            var cursor = try Cursor(transaction.view, database)
            try body(&cursor)
        }
        try transaction.commit()
    }
    let value = [UInt8](repeating: 7, count: 9000)
    try fill("rows", []) { cursor in
        for number in 0..<3000 {
            let key = Array("key \(100_000 + number)".utf8)
            try key.withUnsafeBytes { key in
                try value.withUnsafeBytes {
                    try cursor.append(key, UnsafeRawBufferPointer(rebasing: $0[0..<number % 300]))
                }
            }
        }
    }
    try fill("chunks", .integerKeys) { cursor in
        for number in 0..<200 {
            try value.withUnsafeBytes { value in
                let part = UnsafeRawBufferPointer(rebasing: value[0..<(number % 3 + 1) * 3000])
                try cursor.append(UInt64(number), part)
            }
        }
    }
    try fill("empty", []) { _ in }
    for _ in 0..<3 {
        try fill("rows", []) { cursor in
            for _ in 0..<100 where try cursor.move(.first) { try cursor.delete() }
        }
    }
}

private let pageBytes = 4096

/// The bytes of data.mdb, changed and checked again and again.
private final class Image {
    let path: String
    let sound: [UInt8]
    var bytes: [UInt8]

    init(_ directory: String) throws {
        path = directory + "/data.mdb"
        sound = Image.read(path)
        bytes = sound
    }

    static func read(_ path: String) -> [UInt8] {
        let file = fopen(path, "r")!
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        var content = [UInt8](repeating: 0, count: ftell(file))
        rewind(file)
        fread(&content, 1, content.count, file)
        return content
    }

    /// The report on the changed bytes, which are then as they were.
    func check(_ change: (Image) -> Void) throws -> PageReport {
        change(self)
        let file = fopen(path, "w")!
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        defer { bytes = sound }
        return try PageCheck.run(path)
    }

    func half(_ page: Int, _ at: Int) -> Int {
        Int(bytes[page * pageBytes + at]) | Int(bytes[page * pageBytes + at + 1]) << 8
    }

    func set(_ page: Int, _ at: Int, _ value: Int) {
        bytes[page * pageBytes + at] = UInt8(value & 255)
        bytes[page * pageBytes + at + 1] = UInt8(value >> 8 & 255)
    }

    /// The meta page in force.
    var meta: Int { bytes[144] < bytes[pageBytes + 144] ? 1 : 0 }

    /// The first few pages in use with these flags.
    func pages(_ flags: Int) -> [Int] {
        (2..<sound.count / pageBytes).lazy.filter { page in
            self.half(page, 10) == flags && self.half(page, 0) == page && self.isUsed(page)
        }.prefix(6).map { $0 }
    }

    /// The check does not miss what it never looks at.
    private func isUsed(_ page: Int) -> Bool {
        let report = try? check { $0.set(page, 10, 0xFFFF) }
        return !(report?.findings.isEmpty ?? true)
    }
}

@Suite struct PageCheckTests {
    @Test func aSoundFileHasNoFindings() throws {
        try withDirectory { path in
            try makeFile(path)
            let report = try PageCheck.run(path + "/data.mdb")
            #expect(report.findings.isEmpty, "\(report.findings)")
            #expect(!report.breaks && report.trees.count == 3 && report.entries == 2700 + 200)
            #expect(report.pagesFree > 0 && report.pagesUsed + report.pagesFree == report.pages)
        }
    }

    @Test func aNewFileHasNoFindings() throws {
        try withDirectory { path in
            _ = try Environment(directory: path, mapBytes: 1 << 30)
            #expect(try PageCheck.run(path + "/data.mdb").findings.isEmpty)
        }
    }

    @Test func whatLMDBTrustsIsLookedAt() throws {
        try withDirectory { path in
            try makeFile(path)
            let image = try Image(path)
            let leaf = image.pages(2)[5]
            let branch = image.pages(1)[0]
            let overflow = image.pages(4).first { image.half($0, 12) < 100 }!
            func expect(
                _ text: String, breaks: Bool = true, _ change: (Image) -> Void,
                _ place: SourceLocation = #_sourceLocation
            ) throws {
                let report = try image.check(change)
                #expect(
                    report.findings.contains { $0.text.contains(text) }, "\(report.findings)",
                    sourceLocation: place)
                #expect(report.breaks == breaks, sourceLocation: place)
            }
            let meta = image.meta
            for number in 0..<2 {
                try expect("magic number") { $0.set(number, 16, 1) }
                try expect("version") { $0.set(number, 20, 999) }
                try expect("flags") { $0.set(number, 10, 2) }
                try expect("cannot follow") { $0.set(number, 144, 77) }
                try expect("page size") { $0.set(number, 40, 4095) }
            }
            try expect("names page") { $0.set(meta, 88 + 40, 60_000) }
            try expect("depth") { $0.set(meta, 88 + 6, 40) }
            try expect("its description counts", breaks: false) { $0.set(meta, 88 + 32, 9) }
            try expect("carries the number") { $0.set(leaf, 0, leaf + 1) }
            try expect("flags") { $0.set(leaf, 10, 4) }
            try expect("bounds") { $0.set(leaf, 14, 8) }
            try expect("bounds") { $0.set(leaf, 12, 4000) }
            try expect("has 0 nodes") { $0.set(leaf, 12, 16) }
            try expect("outside the page's nodes") { $0.set(leaf, 16, 20) }
            try expect("overlap") { $0.set(leaf, 16, $0.half(leaf, 18)) }
            let node = image.half(leaf, 16)
            try expect("bytes of data") { $0.set(leaf, node, 4000) }
            try expect("has flags") { $0.set(leaf, node + 4, 4) }
            try expect("a key of") { $0.set(leaf, node + 6, 3000) }
            try expect("order", breaks: false) { $0.set(leaf, node + 8, 0xFFFF) }
            let child = image.half(branch, 18)
            try expect("in use elsewhere") {
                $0.set(branch, child, $0.half(branch, $0.half(branch, 16)))
            }
            try expect("does not have") { $0.set(branch, child + 4, 9) }
            try expect("belongs to the next page", breaks: false) {
                $0.set(branch, child + 8, 0)
            }
            try expect("is not the overflow page") { $0.set(overflow, 12, 77) }
            try expect("is not the overflow page") { $0.set(overflow, 10, 2) }
            try expect("the file") { $0.bytes.removeLast(40 * pageBytes) }
            try expect("the file ends") { $0.bytes.removeLast($0.bytes.count - 100) }
        }
    }

    /// What LMDB is not stopped from opening, it can walk: every row of every tree, without a
    /// fault, which would end this process.
    @Test func whatIsNotStoppedCanBeWalked() throws {
        try withDirectory { path in
            try makeFile(path)
            let image = try Image(path)
            var random = SplitMix(state: 5)
            var opened = 0
            for _ in 0..<200 {
                let report = try image.check { image in
                    for _ in 0..<2 {
                        let at = Int(random.next() % UInt64(image.bytes.count))
                        let header = at & ~4095 + Int(random.next() % 48)
                        let place = random.next() & 1 == 0 ? at : min(header, image.bytes.count - 1)
                        image.bytes[place] ^= 1 << UInt8(random.next() & 7)
                    }
                }
                if report.breaks { continue }
                opened += 1
                let environment = try Environment(
                    directory: path, readOnly: true, mapBytes: 1 << 30, lockless: true)
                let reader = try ReadTransaction(environment)
                for name in ["rows", "chunks", "empty"] {
                    let flags: Database.Flags = name == "chunks" ? .integerKeys : []
                    guard let database = try reader.view.open(name, flags) else { continue }
                    var cursor = try Cursor(reader.view, database)
                    var sum = 0
                    while try cursor.move(.next) { for byte in cursor.value { sum &+= Int(byte) } }
                    #expect(sum >= 0)
                }
            }
            #expect(opened > 25 && opened < 195)
        }
    }
}

private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var x = state
        x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
        return x ^ (x >> 31)
    }
}
