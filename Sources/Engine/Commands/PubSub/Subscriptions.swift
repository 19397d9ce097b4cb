// SUBSCRIBE and its kin, PUBLISH, PUBSUB.

enum Subscriptions {
    static func subscribe(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        for index in 1..<args.count {
            let channel = Array(args[index])
            if client.channels.insert(channel).inserted {
                engine.pubsub.channels[channel, default: []].append(client)
            }
            confirm(client, "subscribe", args[index])
        }
    }

    static func psubscribe(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        for index in 1..<args.count {
            let pattern = Array(args[index])
            if client.patterns.insert(pattern).inserted {
                engine.pubsub.patterns[pattern, default: []].append(client)
            }
            confirm(client, "psubscribe", args[index])
        }
    }

    static func unsubscribe(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let names =
            args.count > 1 ? (1..<args.count).map { Array(args[$0]) } : Array(client.channels)
        for name in names {
            if client.channels.remove(name) != nil { engine.pubsub.channels.remove(client, name) }
            name.withUnsafeBytes { confirm(client, "unsubscribe", $0) }
        }
        if names.isEmpty { confirm(client, "unsubscribe", nil) }
    }

    static func punsubscribe(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let names =
            args.count > 1 ? (1..<args.count).map { Array(args[$0]) } : Array(client.patterns)
        for name in names {
            if client.patterns.remove(name) != nil { engine.pubsub.patterns.remove(client, name) }
            name.withUnsafeBytes { confirm(client, "punsubscribe", $0) }
        }
        if names.isEmpty { confirm(client, "punsubscribe", nil) }
    }

    private static func confirm(_ client: Client, _ kind: StaticString, _ name: Bytes?) {
        client.confirm { reply in
            reply.push(3)
            reply.bulk(kind)
            if let name { reply.bulk(name) } else { reply.null() }
            reply.integer(client.subscriptionCount)
        }
    }

    static func publish(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.integer(engine.publish(args[1], args[2]))
    }

    // MARK: PUBSUB

    static func channels(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard args.count <= 3 else { throw .wrongSubcommand(args) }
        let names = engine.pubsub.activeChannels(args.count == 3 ? args[2] : nil)
        client.reply.array(names.count)
        for name in names { name.withUnsafeBytes { client.reply.bulk($0) } }
    }

    static func numsub(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.map(args.count - 2)
        for index in 2..<Swift.max(args.count, 2) {
            client.reply.bulk(args[index])
            client.reply.integer(engine.pubsub.channels[Array(args[index])]?.count ?? 0)
        }
    }

    static func numpat(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.integer(engine.pubsub.patterns.count)
    }

    static func help(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.help(
            "PUBSUB",
            [
                "CHANNELS [<pattern>]",
                "    Return the currently active channels matching a <pattern> (default: '*').",
                "NUMPAT",
                "    Return number of subscriptions to patterns.",
                "NUMSUB [<channel> ...]",
                "    Return the number of subscribers for the specified channels, excluding",
                "    pattern subscriptions(default: no channels).",
            ])
    }
}

let pubsubCommands: [CommandSpec] = [
    CommandSpec(
        "subscribe", -2, [.pubsub, .noScript, .loading, .stale], .pubsub, since: "2.0.0",
        "Listen for messages published to the given channels", syntax: "channel [channel ...]",
        complexity: "O(N) where N is the number of channels to subscribe to.",
        Subscriptions.subscribe),
    CommandSpec(
        "psubscribe", -2, [.pubsub, .noScript, .loading, .stale], .pubsub, since: "2.0.0",
        "Listen for messages published to channels matching the given patterns",
        syntax: "pattern [pattern ...]",
        complexity: "O(N) where N is the number of patterns the client is already subscribed to.",
        Subscriptions.psubscribe),
    CommandSpec(
        "unsubscribe", -1, [.pubsub, .noScript, .loading, .stale], .pubsub, since: "2.0.0",
        "Stop listening for messages posted to the given channels",
        syntax: "[channel [channel ...]]",
        complexity: "O(N) where N is the number of clients already subscribed to a channel.",
        Subscriptions.unsubscribe),
    CommandSpec(
        "punsubscribe", -1, [.pubsub, .noScript, .loading, .stale], .pubsub, since: "2.0.0",
        "Stop listening for messages posted to channels matching the given patterns",
        syntax: "[pattern [pattern ...]]",
        complexity: """
            O(N+M) where N is the number of patterns the client is already subscribed and M is the \
            number of total patterns subscribed in the system (by any client).
            """,
        Subscriptions.punsubscribe),
    CommandSpec(
        "publish", 3, [.pubsub, .loading, .stale, .fast, .mayReplicate], .pubsub,
        since: "2.0.0", "Post a message to a channel", syntax: "channel message",
        complexity: """
            O(N+M) where N is the number of clients subscribed to the receiving channel and M is \
            the total number of subscribed patterns (by any client).
            """,
        Subscriptions.publish),
    CommandSpec(
        "pubsub", -2, [], .pubsub, since: "2.8.0", "A container for Pub/Sub commands",
        complexity: "Depends on subcommand.",
        subcommands: [
            CommandSpec(
                "channels", -2, [.pubsub, .loading, .stale], .pubsub, since: "2.8.0",
                "List active channels", syntax: "[pattern]",
                complexity: """
                    O(N) where N is the number of active channels, and assuming constant time \
                    pattern matching (relatively short channels and patterns)
                    """,
                Subscriptions.channels),
            CommandSpec(
                "numpat", 2, [.pubsub, .loading, .stale], .pubsub, since: "2.8.0",
                "Get the count of unique patterns pattern subscriptions", Subscriptions.numpat),
            CommandSpec(
                "numsub", -2, [.pubsub, .loading, .stale], .pubsub, since: "2.8.0",
                "Get the count of subscribers for channels", syntax: "[channel [channel ...]]",
                complexity: """
                    O(N) for the NUMSUB subcommand, where N is the number of requested channels
                    """,
                Subscriptions.numsub
            ),
            CommandSpec(
                "help", 2, [.loading, .stale], .pubsub, since: "6.2.0",
                "Show helpful text about the different subcommands", Subscriptions.help),
        ], Container.dispatch),
]
