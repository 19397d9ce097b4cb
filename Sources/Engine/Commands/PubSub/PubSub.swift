// Publish and subscribe, and the keyspace events that are published through it.
//
// A message is written straight into the reply buffers of its receivers; their event loops are
// woken to send it. In RESP3 messages are push frames, in RESP2 arrays. Who is sent one by its own
// command gets it behind the command's reply, as in Redis: a reply may be an aggregate of many parts
// (EXEC), which nothing may come between.

/// Who has subscribed to what.
struct PubSub {
    var channels: [[UInt8]: [Client]] = [:]
    var patterns: [[UInt8]: [Client]] = [:]

    /// Channels with subscribers that match `pattern` (nil: all).
    func activeChannels(_ pattern: Bytes?) -> [[UInt8]] {
        channels.keys.filter { channel in
            guard let pattern else { return true }
            return channel.withUnsafeBytes { Glob.matches(pattern, $0) }
        }
    }
}

extension Engine {
    /// Sends a message; returns how many clients received it.
    @discardableResult
    func publish(_ channel: Bytes, _ message: Bytes) -> Int {
        var receivers = 0
        for client in pubsub.channels[Array(channel)] ?? [] {
            client.push { reply in
                reply.push(3)
                reply.bulk("message")
                reply.bulk(channel)
                reply.bulk(message)
            }
            client.connection?.wake()
            receivers += 1
        }
        if pubsub.patterns.isEmpty { return receivers }
        for (pattern, clients) in pubsub.patterns {
            pattern.withUnsafeBytes { pattern in
                guard Glob.matches(pattern, channel) else { return }
                for client in clients {
                    client.push { reply in
                        reply.push(4)
                        reply.bulk("pmessage")
                        reply.bulk(pattern)
                        reply.bulk(channel)
                        reply.bulk(message)
                    }
                    client.connection?.wake()
                    receivers += 1
                }
            }
        }
        return receivers
    }

    /// Publishes a keyspace event on the channels that the configuration asks for.
    @inline(never)
    func notify(_ eventClass: KeyspaceEvents, _ event: StaticString, _ key: Key) {
        guard notifiedEvents.contains(eventClass) else { return }
        if notifiedEvents.contains(.keyspace) {
            var channel = Array("__keyspace@\(key.database)__:".utf8)
            channel.append(contentsOf: key.bytes)
            channel.withUnsafeBytes { _ = publish($0, event.bytes) }
        }
        if notifiedEvents.contains(.keyevent) {
            let channel = Array("__keyevent@\(key.database)__:\(event)".utf8)
            channel.withUnsafeBytes { _ = publish($0, key.bytes) }
        }
    }

    /// A read met no key: the event `keymiss`, for those who asked for it.
    @inline(__always)
    func keyMissed(_ key: Key) {
        if notifiedEvents.contains(.keyMiss) { notify(.keyMiss, "keymiss", key) }
    }

    /// Drops every subscription without a word: the connection is closing or was reset.
    func unsubscribeAll(_ client: Client) {
        for channel in client.channels { pubsub.channels.remove(client, channel) }
        for pattern in client.patterns { pubsub.patterns.remove(client, pattern) }
        client.channels.removeAll()
        client.patterns.removeAll()
    }
}

extension [[UInt8]: [Client]] {
    mutating func remove(_ client: Client, _ name: [UInt8]) {
        self[name]?.removeAll { $0 === client }
        if self[name]?.isEmpty == true { self[name] = nil }
    }
}
