// Cold keys on their way to clients that wait for them: one read a key, however many wait.
//
// Everything here is guarded by the engine's lock, but for what reader threads do with a fetch
// between taking it and delivering it: they read its key and nothing else.
//
// A fetch lives from the first client that needs its key until the last has executed what it
// needed it for, or is gone. Meanwhile whoever looks the key up is served by it, also clients
// that did not wait. It stays valid while others commit: what was read can only become wrong by
// a newer record of that very key, and every record on its way to the cold tier passes
// `Engine.handOver`, which voids the key's fetch. A flush gives the database a fresh namespace,
// under which no fetch stands. So validity is exact, and costs nothing while nothing is fetched.

import Synchronization

/// A record, copied out of the store.
struct FetchedRecord {
    let type: UInt8
    let access: UInt32
    /// Unix milliseconds, or `ColdRecord.noExpiry`.
    let expiry: Int64
    let payload: [UInt8]
}

/// How reading a key ended.
enum FetchOutcome {
    /// Nil: there is no live record.
    case read(FetchedRecord?)
    /// It could not be read; reading it in place reports why.
    case failed
}

/// One cold key that is being read, or was, for clients that need it.
final class ColdFetch: @unchecked Sendable {
    let namespace: UInt32
    let hash: UInt64
    let key: [UInt8]
    /// Nil while it is being read.
    fileprivate(set) var outcome: FetchOutcome?
    /// How often it stands in waits.
    fileprivate var holders = 0
    /// Waits that are not complete without it.
    fileprivate var waits: [FetchWait] = []
    /// In the table: not void and not forgotten.
    fileprivate var isListed = false
    /// Another key of the same namespace and hash.
    fileprivate var next: ColdFetch?
    /// Nobody needs it any more; readers pass it over.
    let isForgotten = Atomic(false)

    init(namespace: UInt32, hash: UInt64, key: [UInt8]) {
        self.namespace = namespace
        self.hash = hash
        self.key = key
    }

    var isRead: Bool { outcome != nil }

    fileprivate var payloadBytes: Int {
        if case .read(let record?) = outcome { record.payload.count } else { 0 }
    }
}

/// What one client's pipeline needs of the cold tier.
final class FetchWait {
    fileprivate(set) var fetches: [ColdFetch] = []
    /// Those of them that are still being read.
    fileprivate(set) var unread = 0
    /// The client was parked for it: once resumed, its next request is executed in any case.
    var hasParked = false
    /// Resumed when everything is read; nil once the wait is released.
    fileprivate var connection: (any ClientConnection)?

    init(_ connection: any ClientConnection) {
        self.connection = connection
    }
}

/// The fetches by key.
struct ColdFetches {
    private struct Place: Hashable {
        let namespace: UInt32
        let hash: UInt64
    }

    private var byPlace: [Place: ColdFetch] = [:]
    /// Bytes of values that were read and wait to be used.
    private(set) var byteCount = 0
    /// Keys read, keys that somebody else had asked for already, and keys whose record changed.
    private(set) var readCount = 0
    private(set) var sharedCount = 0
    private(set) var voidedCount = 0

    var isEmpty: Bool { byPlace.isEmpty }
    var count: Int { byPlace.count }

    func find(_ namespace: UInt32, _ hash: UInt64, _ key: Bytes) -> ColdFetch? {
        var fetch = byPlace[Place(namespace: namespace, hash: hash)]
        while let here = fetch, !here.key.withUnsafeBytes({ $0.equals(key) }) { fetch = here.next }
        return fetch
    }

    /// Adds the fetch of a key to a wait; the fetch, and whether it is new and must be read.
    mutating func need(
        _ namespace: UInt32, _ hash: UInt64, _ key: Bytes, _ wait: FetchWait
    ) -> (fetch: ColdFetch, isNew: Bool) {
        let known = find(namespace, hash, key)
        let fetch = known ?? ColdFetch(namespace: namespace, hash: hash, key: Array(key))
        if known == nil {
            let place = Place(namespace: namespace, hash: hash)
            fetch.next = byPlace[place]
            fetch.isListed = true
            byPlace[place] = fetch
        } else {
            sharedCount += 1
        }
        fetch.holders += 1
        wait.fetches.append(fetch)
        if !fetch.isRead {
            wait.unread += 1
            fetch.waits.append(wait)
        }
        return (fetch, known == nil)
    }

    /// A reader has read a fetch: the last one of a wait resumes its client.
    mutating func deliver(_ fetch: ColdFetch, _ outcome: FetchOutcome) {
        readCount += 1
        if fetch.isListed {
            fetch.outcome = outcome
            byteCount += fetch.payloadBytes
        } else {
            fetch.outcome = .failed
        }
        for wait in fetch.waits {
            wait.unread -= 1
            if wait.unread == 0 { wait.connection?.resume() }
        }
        fetch.waits = []
    }

    /// A newer record of the key is on its way: what was read, or is being read, is void.
    mutating func void(_ namespace: UInt32, _ hash: UInt64, _ key: Bytes) {
        guard let fetch = find(namespace, hash, key) else { return }
        voidedCount += 1
        unlist(fetch)
        if fetch.isRead { fetch.outcome = .failed }
    }

    /// The client has executed what it waited for, or is gone.
    mutating func release(_ wait: FetchWait) {
        wait.connection = nil
        for fetch in wait.fetches {
            fetch.holders -= 1
            if fetch.holders > 0 { continue }
            fetch.isForgotten.store(true, ordering: .releasing)
            fetch.waits = []
            if fetch.isListed { unlist(fetch) }
        }
        wait.fetches = []
    }

    private mutating func unlist(_ fetch: ColdFetch) {
        byteCount -= fetch.payloadBytes
        fetch.isListed = false
        let place = Place(namespace: fetch.namespace, hash: fetch.hash)
        defer { fetch.next = nil }
        if byPlace[place] === fetch {
            byPlace[place] = fetch.next
            return
        }
        var before = byPlace[place]
        while let here = before, here.next !== fetch { before = here.next }
        before?.next = fetch.next
    }
}
