// WATCH: optimistic locking. A client that watches a key has its next EXEC refused when the key
// changed in between, expired, or its database was flushed. Watching is by name, so a key that
// is spilled or fetched meanwhile has not changed.
//
// Watchers and blocked clients (`BlockedClients`) together are the observers: what changes keys
// asks one counter whether there are any.

struct WatchedKey: Hashable {
    let database: Int
    let bytes: [UInt8]
}

extension Engine {
    /// Registers `client` for `key`; a key already watched by it counts once.
    func watch(_ key: Key, _ client: Client) {
        let watched = WatchedKey(database: key.database, bytes: Array(key.bytes))
        if client.watchedKeys.contains(where: { $0.key == watched }) { return }
        // A key that is already past its time does not spoil the transaction when it goes. While
        // the data is loaded the key cannot be told from one that is not there.
        let isAbsent = loading != nil || lookup(key) == nil
        client.watchedKeys.append((watched, isAbsent))
        watchers[watched, default: []].append(client)
        countObservedKeys()
    }

    func unwatchAll(_ client: Client) {
        for (watched, _) in client.watchedKeys {
            watchers[watched]?.removeAll { $0 === client }
            if watchers[watched]?.isEmpty == true { watchers[watched] = nil }
        }
        client.watchedKeys.removeAll()
        countObservedKeys()
    }

    func countObservedKeys() { observedKeyCount = watchers.count + blocking.keyCount }

    /// A key has changed, come or gone: transactions that watch it are spoiled, clients that
    /// wait for it are served once the command is over.
    @inline(never)
    func touchObservers(_ key: Key) {
        let watched = WatchedKey(database: key.database, bytes: Array(key.bytes))
        for client in watchers[watched] ?? [] { client.watchIsBroken = true }
        blocking.noteReady(watched)
    }

    /// Spoils the transactions that watch a key of a database which is about to be flushed or
    /// exchanged; only keys that exist in it, or in the one it is exchanged with, count. Who
    /// waits for a key of it looks again.
    func touchObservers(ofDatabase index: Int, exchangedWith other: Int? = nil) {
        if blocking.keyCount > 0 { blocking.noteReady(database: index) }
        for (watched, clients) in watchers where watched.database == index {
            let exists = watched.bytes.withUnsafeBytes { raw in
                lookup(key(raw, database: index)) != nil
                    || other.map { lookup(key(raw, database: $0)) != nil } ?? false
            }
            if exists { for client in clients { client.watchIsBroken = true } }
        }
        // A damaged record is no reason to refuse what is about to remove or move it.
        coldReadFailed = false
    }

    /// Whether a watched key has expired since, without anybody having met it.
    func watchedKeyExpired(_ client: Client) -> Bool {
        client.watchedKeys.contains { watched, wasAbsent in
            !wasAbsent
                && watched.bytes.withUnsafeBytes {
                    lookup(key($0, database: watched.database)) == nil
                }
        }
    }
}
