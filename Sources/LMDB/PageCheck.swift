// Whether the pages of an LMDB file are what LMDB takes for granted.
//
// From the newer meta page every tree is walked down to its leaves: page numbers inside the file
// and met once, flags, bounds, nodes inside their page and apart from each other, keys ascending
// and between those of the branch above, overflow chains whole, the counts that the tree's
// description gives. Then the free list: no page on it twice, or in use, and none lost.
//
// Two kinds of findings. One that `breaks` LMDB must keep the file from being opened: LMDB would
// assert, fault or overwrite pages that are in use. The others (a key out of order, a count that is
// wrong) make it find too little, but it can be read. Memory: two bits a page and one page a level.

import Glibc

/// Something wrong with a page.
package struct PageFinding: Sendable {
    /// Its number, and where it starts in the file.
    package let page: Int
    package let offset: Int
    /// The tree it belongs to; empty for the file as a whole.
    package let tree: String
    package let text: String
    /// LMDB must not open the file.
    package let breaks: Bool
}

/// What a walk over the file has seen.
package struct PageReport: Sendable {
    package var findings: [PageFinding] = []
    /// Beyond those listed.
    package var findingsMore = 0
    package var breaks = false
    package var pageBytes = 0
    package var pages = 0
    package var transaction = 0
    /// Named trees, with whether their keys are integers, and the rows in all of them.
    package var trees: [(name: String, isInteger: Bool)] = []
    package var entries = 0
    package var pagesUsed = 0
    package var pagesFree = 0
}

/// One check of one file.
package final class PageCheck {
    private static let findingsMax = 200
    private static let keyBytesMax = 511
    private static let depthMax = 32

    private let file: PageFile
    private var report = PageReport()
    private var pageBytes = 4096
    /// Whole pages that the file has, and those that the meta page says are in use.
    private var filePages = 0
    private var pageEnd = 0
    private var used = PageSet(pages: 0)
    private var free = PageSet(pages: 0)
    private var levels: [UnsafeMutableRawBufferPointer] = []
    private var tree = ""

    package static func run(_ path: String) throws(LMDBError) -> PageReport {
        let check = PageCheck(try PageFile(path))
        try check.run()
        return check.report
    }

    private init(_ file: PageFile) { self.file = file }

    deinit { for level in levels { level.deallocate() } }

    private func find(_ page: Int, _ text: String, breaks: Bool = true) {
        if breaks { report.breaks = true }
        if report.findings.count >= PageCheck.findingsMax {
            report.findingsMore += 1
            return
        }
        report.findings.append(
            PageFinding(
                page: page, offset: page.multipliedReportingOverflow(by: pageBytes).partialValue,
                tree: tree, text: text, breaks: breaks))
    }

    private func run() throws(LMDBError) {
        guard let meta = try readMeta() else { return }
        report.pageBytes = pageBytes
        report.transaction = Int(truncatingIfNeeded: meta.transaction)
        filePages = file.byteCount / pageBytes
        pageEnd = min(filePages, Int(clamping: meta.lastPage.addingReportingOverflow(1).0))
        report.pages = pageEnd
        used = PageSet(pages: pageEnd)
        free = PageSet(pages: pageEnd)
        _ = used.insert(0)
        _ = used.insert(1)
        tree = "main tree"
        var named: [(String, TreeRecord)] = []
        try walk(meta.main, flags: meta.main.flags) { (node) throws(LMDBError) in
            guard node.flags & NodeFlags.tree != 0 else {
                return self.find(node.page, "a row of the main tree is no tree")
            }
            guard let value = node.value, value.count == TreeRecord.byteCount else {
                return self.find(node.page, "the description of a tree has a wrong size")
            }
            let name = String(decoding: node.key, as: UTF8.self)
            named.append((name, TreeRecord(value, at: 0)))
        }
        for (name, record) in named {
            tree = name
            report.trees.append((name, record.flags & TreeRecord.integerKeys != 0))
            try walk(record, flags: record.flags) { (node) throws(LMDBError) in
                self.report.entries += 1
                if node.flags & NodeFlags.tree != 0 {
                    self.find(node.page, "a row claims to be a tree")
                }
            }
        }
        try walkFreeList(meta)
    }

    // MARK: Meta pages

    private func readMeta() throws(LMDBError) -> MetaPage? {
        var metas: [MetaPage] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: MetaPage.byteCount, alignment: 8)
        defer { buffer.deallocate() }
        for number in 0..<2 {
            // As LMDB does: the first says where the second is.
            guard try file.read(buffer, at: number * pageBytes) == buffer.count else {
                find(number, "the file ends before meta page \(number)")
                return nil
            }
            let meta = MetaPage(Bytes(buffer))
            if let flaw = meta.flaw {
                find(number, "meta page \(number): \(flaw)")
                return nil
            }
            metas.append(meta)
            if number == 0 { pageBytes = Int(meta.free.pad) }
        }
        let newest = metas[0].transaction < metas[1].transaction ? 1 : 0
        let (new, old) = (metas[newest], metas[1 - newest])
        if new.free.pad != old.free.pad { find(1, "the meta pages disagree on the page size") }
        // Transaction n writes meta page n modulo 2; both start with 0.
        let follows = new.transaction == 0 || new.transaction == old.transaction &+ 1
        if !follows || (new.transaction > 0 && Int(new.transaction & 1) != newest) {
            find(
                newest,
                "meta pages of transactions \(metas[0].transaction) and "
                    + "\(metas[1].transaction) cannot follow each other")
        }
        if new.lastPage < 1 || new.lastPage >= 1 << 48 {
            find(newest, "last page \(new.lastPage) is impossible")
            return nil
        }
        let known = TreeRecord.knownFlags | TreeRecord.madeAsFile
        for meta in metas where meta.free.flags & ~known != 0 {
            find(newest, "unknown flags \(meta.free.flags)", breaks: false)
        }
        return new
    }

    // MARK: Trees

    /// A row as the walk meets it; valid during the call.
    private struct Node {
        let page: Int
        let flags: UInt16
        let key: Bytes
        /// Nil: in an overflow chain.
        let value: Bytes?
        let size: Int
        let chain: Int
    }

    private struct Counts {
        var branch: UInt64 = 0
        var leaf: UInt64 = 0
        var overflow: UInt64 = 0
        var entries: UInt64 = 0
    }

    private func walk(
        _ record: TreeRecord, flags: UInt16, _ body: (Node) throws(LMDBError) -> Void
    ) throws(LMDBError) {
        if flags & ~TreeRecord.knownFlags != 0 { find(0, "unknown flags \(flags) of the tree") }
        var counts = Counts()
        if record.root == TreeRecord.noRoot {
            if record.entries != 0 { find(0, "no root, but \(record.entries) rows") }
        } else if record.depth < 1 || record.depth > PageCheck.depthMax {
            find(0, "a tree of depth \(record.depth)")
        } else {
            while levels.count < record.depth {
                levels.append(.allocate(byteCount: pageBytes, alignment: 16))
            }
            let isInteger = flags & TreeRecord.integerKeys != 0
            try walkPage(
                record.root, 1, record.depth, isInteger, nil, nil, parent: 0, &counts, body)
        }
        let stated = [
            ("branch pages", record.branchPages, counts.branch),
            ("leaf pages", record.leafPages, counts.leaf),
            ("overflow pages", record.overflowPages, counts.overflow),
            ("rows", record.entries, counts.entries),
        ]
        for (what, stated, seen) in stated where stated != seen {
            find(0, "its description counts \(stated) \(what), there are \(seen)", breaks: false)
        }
    }

    /// Takes a page that a branch or a description names; nil when it cannot be.
    private func claim(_ number: UInt64, parent: Int) -> Int? {
        guard number >= 2, number < UInt64(pageEnd) else {
            find(parent, "names page \(number), which the file does not have")
            return nil
        }
        guard used.insert(Int(number)) else {
            find(parent, "names page \(number), which is in use elsewhere")
            return nil
        }
        return Int(number)
    }

    private func walkPage(
        _ number: UInt64, _ level: Int, _ depth: Int, _ isInteger: Bool, _ low: Bytes?,
        _ high: Bytes?, parent: Int, _ counts: inout Counts,
        _ body: (Node) throws(LMDBError) -> Void
    ) throws(LMDBError) {
        guard let page = claim(number, parent: parent) else { return }
        let buffer = levels[level - 1]
        guard try file.read(buffer, at: page * pageBytes) == pageBytes else {
            return find(page, "the file ends inside the page")
        }
        let bytes = Bytes(buffer)
        let isLeaf = level == depth
        guard let nodes = nodes(bytes, page, isLeaf: isLeaf, isInteger: isInteger) else { return }
        if isLeaf { counts.leaf += 1 } else { counts.branch += 1 }
        // The first key of a branch is not looked at by LMDB.
        for index in (isLeaf ? 0 : 1)..<nodes.count {
            let key = nodes[index].key
            if index > (isLeaf ? 0 : 1),
                !PageCheck.ascends(nodes[index - 1].key, key, isInteger)
            {
                find(
                    page, "the keys of nodes \(index - 1) and \(index) are not in order",
                    breaks: false)
            }
            if let low, PageCheck.ascends(key, low, isInteger) {
                find(page, "the key of node \(index) is below that of the branch", breaks: false)
            }
            if let high, !PageCheck.ascends(key, high, isInteger) {
                find(page, "the key of node \(index) belongs to the next page", breaks: false)
            }
        }
        for (index, node) in nodes.enumerated() {
            if isLeaf {
                counts.entries += 1
                if node.flags & NodeFlags.overflow != 0 { try takeChain(node, &counts) }
                try body(node)
            } else {
                try walkPage(
                    UInt64(node.chain), level + 1, depth, isInteger,
                    index == 0 ? low : node.key,
                    index + 1 < nodes.count ? nodes[index + 1].key : high, parent: page, &counts,
                    body)
            }
        }
    }

    /// The nodes of a page whose frame is sound; nil when it is not. For branches `chain` is the
    /// child.
    private func nodes(
        _ bytes: Bytes, _ page: Int, isLeaf: Bool, isInteger: Bool
    ) -> [Node]? {
        func half(_ at: Int) -> Int {
            Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self)))
        }
        func word(_ at: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        }
        func bad(_ text: String) -> [Node]? {
            find(page, text)
            return nil
        }
        if word(0) != UInt64(page) { return bad("carries the number \(word(0))") }
        if half(10) != Int(isLeaf ? PageFlags.leaf : PageFlags.branch) {
            return bad("flags \(half(10)) where a \(isLeaf ? "leaf" : "branch") is due")
        }
        if half(8) != 0 { find(page, "has padding that is not zero", breaks: false) }
        let (lower, upper) = (half(12), half(14))
        guard lower >= 16, lower & 1 == 0, lower <= upper, upper <= pageBytes else {
            return bad("its bounds \(lower) and \(upper) are impossible")
        }
        let count = (lower - 16) / 2
        if count < (isLeaf || tree == "free list" ? 1 : 2) { return bad("has \(count) nodes") }
        var nodes: [Node] = []
        nodes.reserveCapacity(count)
        var places: [(start: Int, end: Int)] = []
        places.reserveCapacity(count)
        for index in 0..<count {
            let at = half(16 + 2 * index)
            guard at >= upper, at & 1 == 0, at + 8 <= pageBytes else {
                return bad("node \(index) lies at \(at), outside the page's nodes")
            }
            let keySize = half(at + 6)
            var end = at + 8 + keySize
            guard keySize <= PageCheck.keyBytesMax, end <= pageBytes else {
                return bad("node \(index) has a key of \(keySize) bytes")
            }
            if isLeaf || index > 0, isInteger ? keySize != 8 : keySize == 0 {
                return bad("node \(index) has a key of \(keySize) bytes")
            }
            let key = bytes.part(at + 8, keySize)
            let flags = UInt16(half(at + 4))
            if !isLeaf {
                let child = UInt64(half(at)) | UInt64(half(at + 2)) << 16 | UInt64(flags) << 32
                nodes.append(
                    Node(page: page, flags: 0, key: key, value: nil, size: 0, chain: Int(child)))
            } else {
                let size = half(at) | half(at + 2) << 16
                guard flags & ~(NodeFlags.overflow | NodeFlags.tree) == 0,
                    flags != NodeFlags.overflow | NodeFlags.tree
                else { return bad("node \(index) has flags \(flags)") }
                let isChained = flags & NodeFlags.overflow != 0
                let start = end
                end += isChained ? 8 : size
                guard end <= pageBytes else {
                    return bad("node \(index) has \(size) bytes of data")
                }
                nodes.append(
                    Node(
                        page: page, flags: flags, key: key,
                        value: isChained ? nil : bytes.part(start, size), size: size,
                        chain: isChained ? Int(clamping: word(start)) : 0))
            }
            places.append((at, (end + 1) & ~1))
        }
        places.sort { $0.start < $1.start }
        var end = upper
        for place in places {
            if place.start < end { return bad("two of its nodes overlap") }
            if place.start > end { find(page, "has a gap between its nodes", breaks: false) }
            end = place.end
        }
        if end < pageBytes { find(page, "has a gap behind its nodes", breaks: false) }
        return nodes
    }

    /// Claims the overflow pages of a row.
    private func takeChain(_ node: Node, _ counts: inout Counts) throws(LMDBError) {
        let count = (15 + node.size) / pageBytes + 1
        guard let first = claim(UInt64(node.chain), parent: node.page) else { return }
        for page in first..<first + count where page > first {
            guard claim(UInt64(page), parent: node.page) != nil else { return }
        }
        var head: (UInt64, UInt64) = (0, 0)
        let read = try withUnsafeMutableBytes(of: &head) { (raw) throws(LMDBError) in
            try file.read(raw, at: first * pageBytes)
        }
        let number = UInt64(littleEndian: head.0)
        let flags = UInt16(truncatingIfNeeded: UInt64(littleEndian: head.1) >> 16)
        let pages = UInt64(littleEndian: head.1) >> 32
        guard read == 16, number == UInt64(first), flags == PageFlags.overflow,
            pages == UInt64(count)
        else {
            return find(first, "is not the overflow page that page \(node.page) expects")
        }
        counts.overflow += UInt64(count)
    }

    private static func ascends(_ a: Bytes, _ b: Bytes, _ isInteger: Bool) -> Bool {
        if isInteger, a.count == 8, b.count == 8 {
            return UInt64(littleEndian: a.loadUnaligned(as: UInt64.self))
                < UInt64(littleEndian: b.loadUnaligned(as: UInt64.self))
        }
        let order = memcmp(a.baseAddress!, b.baseAddress!, min(a.count, b.count))
        return order != 0 ? order < 0 : a.count < b.count
    }

    // MARK: The free list

    private func walkFreeList(_ meta: MetaPage) throws(LMDBError) {
        tree = "free list"
        try walk(meta.free, flags: TreeRecord.integerKeys) { (node) throws(LMDBError) in
            try self.takeFree(node, meta)
        }
        report.pagesUsed = used.count
        report.pagesFree = free.count
        tree = ""
        var both = 0
        for page in 2..<max(pageEnd, 2) where used.contains(page) && free.contains(page) {
            both += 1
            if both == 1 { find(page, "is in use and on the free list") }
        }
        if both > 1 { find(0, "\(both) pages in all are in use and on the free list") }
        // The end of the file may be missing where the free list has it. Where something else is
        // wrong a tree was not walked whole.
        let lost = pageEnd - used.count - free.count + both
        if lost > 0, report.findings.isEmpty {
            find(0, "\(lost) pages are neither in use nor on the free list", breaks: false)
        }
    }

    /// One transaction's freed pages: their count, then their numbers, descending.
    private func takeFree(_ node: Node, _ meta: MetaPage) throws(LMDBError) {
        guard node.value != nil || (node.chain < pageEnd && node.size <= file.byteCount) else {
            return  // The chain was reported.
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: node.size, alignment: 8)
        defer { buffer.deallocate() }
        if let value = node.value {
            buffer.copyMemory(from: value)
        } else if try file.read(buffer, at: node.chain * pageBytes + 16) != node.size {
            return find(node.page, "the free list ends outside the file")
        }
        let transaction = UInt64(littleEndian: node.key.loadUnaligned(as: UInt64.self))
        if transaction > meta.transaction { find(node.page, "an entry of a later transaction") }
        func word(_ index: Int) -> UInt64 {
            UInt64(littleEndian: buffer.load(fromByteOffset: 8 * index, as: UInt64.self))
        }
        guard node.size >= 8, word(0) <= UInt64(node.size / 8 - 1) else {
            return find(node.page, "an entry that is too short")
        }
        var last = UInt64.max
        for index in 0..<Int(word(0)) {
            let page = word(index + 1)
            guard page >= 2, page <= meta.lastPage, page < last else {
                return find(node.page, "lists page \(page) out of order or out of range")
            }
            last = page
            if page < UInt64(pageEnd), !free.insert(Int(page)) {
                find(node.page, "lists page \(page), which an earlier entry lists too")
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    fileprivate func part(_ start: Int, _ count: Int) -> Bytes {
        Bytes(start: baseAddress! + start, count: count)
    }
}
