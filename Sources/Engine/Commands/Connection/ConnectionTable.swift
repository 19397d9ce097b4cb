// The rows of the commands on one's own connection, and CLIENT; texts and flags are those of
// Redis 7.0. CLIENT SETINFO is of 7.2: client libraries send it on connecting.

let connectionCommands: [CommandSpec] = [
    CommandSpec(
        "auth", -2, [.noScript, .loading, .stale, .fast, .noAuth, .allowBusy], .connection,
        since: "1.0.0",
        "Authenticate to the server",
        syntax: "[username] password",
        complexity: "O(N) where N is the number of passwords defined for the user",
        Authentication.auth),
    CommandSpec(
        "client", -2, [], .connection, since: "2.4.0",
        "A container for client connection commands",
        complexity: "Depends on subcommand.",
        subcommands: clientSubcommands,
        Container.dispatch),
    CommandSpec(
        "echo", 2, [.loading, .stale, .fast], .connection, since: "1.0.0",
        "Echo the given string",
        syntax: "message",
        ConnectionCommands.echo),
    CommandSpec(
        "hello", -1, [.noScript, .loading, .stale, .fast, .noAuth, .allowBusy], .connection,
        since: "6.0.0",
        "Handshake with Redis",
        syntax: "[protover [AUTH username password] [SETNAME clientname]]",
        Authentication.hello),
    CommandSpec(
        "ping", -1, [.fast], .connection, since: "1.0.0",
        "Ping the server",
        syntax: "[message]",
        ConnectionCommands.ping),
    CommandSpec(
        "quit", -1, [.noScript, .loading, .stale, .fast, .noAuth, .allowBusy], .connection,
        since: "1.0.0",
        "Close the connection",
        ConnectionCommands.quit),
    CommandSpec(
        "reset", 1, [.noScript, .loading, .stale, .fast, .noAuth, .allowBusy], .connection,
        since: "6.2.0",
        "Reset the connection",
        ConnectionCommands.reset),
    CommandSpec(
        "select", 2, [.loading, .stale, .fast], .connection, since: "1.0.0",
        "Change the selected database for the current connection",
        syntax: "index",
        ConnectionCommands.select),
]

private let clientSubcommands: [CommandSpec] = [
    CommandSpec(
        "caching", 3, [.noScript, .loading, .stale], .connection, since: "6.0.0",
        "Instruct the server about tracking or not keys in the next request",
        syntax: "<YES | NO>",
        ClientTracking.caching),
    CommandSpec(
        "getname", 2, [.noScript, .loading, .stale], .connection, since: "2.6.9",
        "Get the current connection name",
        ClientCommands.getname),
    CommandSpec(
        "getredir", 2, [.noScript, .loading, .stale], .connection, since: "6.0.0",
        "Get tracking notifications redirection client ID if any",
        ClientTracking.getredir),
    CommandSpec(
        "help", 2, [.loading, .stale], .connection, since: "5.0.0",
        "Show helpful text about the different subcommands",
        ClientCommands.help),
    CommandSpec(
        "id", 2, [.noScript, .loading, .stale], .connection, since: "5.0.0",
        "Returns the client ID for the current connection",
        ClientCommands.id),
    CommandSpec(
        "info", 2, [.noScript, .loading, .stale], .connection, since: "6.2.0",
        "Returns information about the current client connection.",
        ClientCommands.info),
    CommandSpec(
        "kill", -3, [.admin, .noScript, .loading, .stale], .connection, since: "2.4.0",
        "Kill the connection of a client",
        syntax: """
            <ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | \
            PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME \
            yes/no]> [<[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | \
            PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME \
            yes/no]> ...]>
            """,
        complexity: "O(N) where N is the number of client connections",
        ClientKill.kill),
    CommandSpec(
        "list", -2, [.admin, .noScript, .loading, .stale], .connection, since: "2.4.0",
        "Get the list of client connections",
        syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
        complexity: "O(N) where N is the number of client connections",
        ClientCommands.list),
    CommandSpec(
        "no-evict", 3, [.admin, .noScript, .loading, .stale], .connection, since: "7.0.0",
        "Set client eviction mode for the current connection",
        syntax: "<ON | OFF>",
        ClientCommands.noEvict),
    CommandSpec(
        "pause", -3, [.admin, .noScript, .loading, .stale], .connection, since: "2.9.50",
        "Stop processing commands from clients for some time",
        syntax: "timeout [WRITE | ALL]",
        ClientCommands.pause),
    CommandSpec(
        "reply", 3, [.noScript, .loading, .stale], .connection, since: "3.2.0",
        "Instruct the server whether to reply to commands",
        syntax: "<ON | OFF | SKIP>",
        ClientCommands.reply),
    CommandSpec(
        "setname", 3, [.noScript, .loading, .stale], .connection, since: "2.6.9",
        "Set the current connection name",
        syntax: "connection-name",
        ClientCommands.setname),
    CommandSpec(
        "tracking", -3, [.noScript, .loading, .stale], .connection, since: "6.0.0",
        "Enable or disable server assisted client side caching support",
        syntax: """
            <ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] \
            [OPTIN] [OPTOUT] [NOLOOP]
            """,
        complexity: "O(1). Some options may introduce additional complexity.",
        ClientTracking.tracking),
    CommandSpec(
        "trackinginfo", 2, [.noScript, .loading, .stale], .connection, since: "6.2.0",
        """
        Return information about server assisted client side caching for the current \
        connection
        """,
        ClientTracking.trackinginfo),
    CommandSpec(
        "unblock", -3, [.admin, .noScript, .loading, .stale], .connection, since: "5.0.0",
        "Unblock a client blocked in a blocking command from a different connection",
        syntax: "client-id [TIMEOUT | ERROR]",
        complexity: "O(log N) where N is the number of client connections",
        ClientCommands.unblock),
    CommandSpec(
        "unpause", 2, [.admin, .noScript, .loading, .stale], .connection, since: "6.2.0",
        "Resume processing of clients that were paused",
        complexity: "O(N) Where N is the number of paused clients",
        ClientCommands.unpause),
    CommandSpec(
        "setinfo", 4, [.noScript, .loading, .stale], .connection, since: "7.2.0",
        "Set client or connection specific info",
        syntax: "<LIB-NAME libname | LIB-VER libver>",
        ClientCommands.setinfo),
]
