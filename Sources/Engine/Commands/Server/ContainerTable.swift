// The rows of the containers CONFIG, COMMAND, ACL, SLOWLOG, LATENCY and MODULE, and of their
// subcommands; texts and flags are those of Redis 7.0.

let containerRows: [CommandSpec] = [
    CommandSpec(
        "acl", -2, [], .server, since: "6.0.0",
        "A container for Access List Control commands ",
        complexity: "Depends on subcommand.",
        subcommands: aclSubcommands,
        Container.dispatch),
    CommandSpec(
        "command", -1, [.loading, .stale], .server, since: "2.8.13",
        "Get array of Redis command details",
        complexity: "O(N) where N is the total number of Redis commands",
        categories: ["@connection"],
        subcommands: commandSubcommands,
        CommandCommand.command),
    CommandSpec(
        "config", -2, [], .server, since: "2.0.0",
        "A container for server configuration commands",
        complexity: "Depends on subcommand.",
        subcommands: configSubcommands,
        Container.dispatch),
    CommandSpec(
        "latency", -2, [], .server, since: "2.8.13",
        "A container for latency diagnostics commands",
        complexity: "Depends on subcommand.",
        subcommands: latencySubcommands,
        Container.dispatch),
    CommandSpec(
        "module", -2, [], .server, since: "4.0.0",
        "A container for module commands",
        complexity: "Depends on subcommand.",
        subcommands: moduleSubcommands,
        Container.dispatch),
    CommandSpec(
        "slowlog", -2, [], .server, since: "2.2.12",
        "A container for slow log commands",
        complexity: "Depends on subcommand.",
        subcommands: slowlogSubcommands,
        Container.dispatch),
]

private let aclSubcommands: [CommandSpec] = [
    CommandSpec(
        "cat", -2, [.noScript, .loading, .stale], .server, since: "6.0.0",
        "List the ACL categories or the commands inside a category",
        syntax: "[categoryname]",
        complexity: "O(1) since the categories and commands are a fixed set.",
        ACLCommands.cat),
    CommandSpec(
        "deluser", -3, [.admin, .noScript, .loading, .stale], .server, since: "6.0.0",
        "Remove the specified ACL users and the associated rules",
        syntax: "username [username ...]",
        complexity: "O(1) amortized time considering the typical user.",
        ACLCommands.deluser),
    CommandSpec(
        "dryrun", -4, [.admin, .noScript, .loading, .stale], .server, since: "7.0.0",
        "Returns whether the user can execute the given command without executing the command.",
        syntax: "username command [arg [arg ...]]",
        complexity: "O(1).",
        ACLCommands.dryrun),
    CommandSpec(
        "genpass", -2, [.noScript, .loading, .stale], .server, since: "6.0.0",
        "Generate a pseudorandom secure password to use for ACL users",
        syntax: "[bits]",
        ACLCommands.genpass),
    CommandSpec(
        "getuser", 3, [.admin, .noScript, .loading, .stale], .server, since: "6.0.0",
        "Get the rules for a specific ACL user",
        syntax: "username",
        complexity: """
            O(N). Where N is the number of password, command and pattern rules that \
            the user has.
            """,
        ACLCommands.getuser),
    CommandSpec(
        "help", 2, [.loading, .stale], .server, since: "6.0.0",
        "Show helpful text about the different subcommands",
        ACLCommands.help),
    CommandSpec(
        "list", 2, [.admin, .noScript, .loading, .stale], .server, since: "6.0.0",
        "List the current ACL rules in ACL config file format",
        complexity: "O(N). Where N is the number of configured users.",
        ACLCommands.list),
    CommandSpec(
        "load", 2, [.admin, .noScript, .loading, .stale], .server, since: "6.0.0",
        "Reload the ACLs from the configured ACL file",
        complexity: "O(N). Where N is the number of configured users.",
        ACLCommands.load),
    CommandSpec(
        "log", -2, [.admin, .noScript, .loading, .stale], .server, since: "6.0.0",
        "List latest events denied because of ACLs in place",
        syntax: "[count | RESET]",
        complexity: "O(N) with N being the number of entries shown.",
        ACLCommands.log),
    CommandSpec(
        "save", 2, [.admin, .noScript, .loading, .stale], .server, since: "6.0.0",
        "Save the current ACL rules in the configured ACL file",
        complexity: "O(N). Where N is the number of configured users.",
        ACLCommands.save),
    CommandSpec(
        "setuser", -3, [.admin, .noScript, .loading, .stale], .server, since: "6.0.0",
        "Modify or create the rules for a specific ACL user",
        syntax: "username [rule [rule ...]]",
        complexity: "O(N). Where N is the number of rules provided.",
        ACLCommands.setuser),
    CommandSpec(
        "users", 2, [.admin, .noScript, .loading, .stale], .server, since: "6.0.0",
        "List the username of all the configured ACL rules",
        complexity: "O(N). Where N is the number of configured users.",
        ACLCommands.users),
    CommandSpec(
        "whoami", 2, [.noScript, .loading, .stale], .server, since: "6.0.0",
        "Return the name of the user associated to the current connection",
        ACLCommands.whoami),
]

private let commandSubcommands: [CommandSpec] = [
    CommandSpec(
        "count", 2, [.loading, .stale], .server, since: "2.8.13",
        "Get total number of Redis commands",
        categories: ["@connection"],
        CommandCommand.count),
    CommandSpec(
        "docs", -2, [.loading, .stale], .server, since: "7.0.0",
        "Get array of specific Redis command documentation",
        syntax: "[command-name [command-name ...]]",
        complexity: "O(N) where N is the number of commands to look up",
        categories: ["@connection"],
        CommandDocs.docs),
    CommandSpec(
        "getkeys", -4, [.loading, .stale], .server, since: "2.8.13",
        "Extract keys given a full Redis command",
        complexity: "O(N) where N is the number of arguments to the command",
        categories: ["@connection"],
        CommandCommand.getkeys),
    CommandSpec(
        "getkeysandflags", -4, [.loading, .stale], .server, since: "7.0.0",
        "Extract keys and access flags given a full Redis command",
        complexity: "O(N) where N is the number of arguments to the command",
        categories: ["@connection"],
        CommandCommand.getkeysandflags),
    CommandSpec(
        "help", 2, [.loading, .stale], .server, since: "5.0.0",
        "Show helpful text about the different subcommands",
        categories: ["@connection"],
        CommandCommand.help),
    CommandSpec(
        "info", -2, [.loading, .stale], .server, since: "2.8.13",
        "Get array of specific Redis command details, or all when no argument is given.",
        syntax: "[command-name [command-name ...]]",
        complexity: "O(N) where N is the number of commands to look up",
        categories: ["@connection"],
        CommandCommand.info),
    CommandSpec(
        "list", -2, [.loading, .stale], .server, since: "7.0.0",
        "Get an array of Redis command names",
        syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        complexity: "O(N) where N is the total number of Redis commands",
        categories: ["@connection"],
        CommandCommand.list),
]

private let configSubcommands: [CommandSpec] = [
    CommandSpec(
        "get", -3, [.admin, .noScript, .loading, .stale], .server, since: "2.0.0",
        "Get the values of configuration parameters",
        syntax: "parameter [parameter ...]",
        complexity: "O(N) when N is the number of configuration parameters provided",
        ConfigCommands.get),
    CommandSpec(
        "help", 2, [.loading, .stale], .server, since: "5.0.0",
        "Show helpful text about the different subcommands",
        ConfigCommands.help),
    CommandSpec(
        "resetstat", 2, [.admin, .noScript, .loading, .stale], .server, since: "2.0.0",
        "Reset the stats returned by INFO",
        ConfigCommands.resetstat),
    CommandSpec(
        "rewrite", 2, [.admin, .noScript, .loading, .stale], .server, since: "2.8.0",
        "Rewrite the configuration file with the in memory configuration",
        ConfigCommands.rewrite),
    CommandSpec(
        "set", -4, [.admin, .noScript, .loading, .stale], .server, since: "2.0.0",
        "Set configuration parameters to the given values",
        syntax: "parameter value [parameter value ...]",
        complexity: "O(N) when N is the number of configuration parameters provided",
        ConfigCommands.set),
]

private let latencySubcommands: [CommandSpec] = [
    CommandSpec(
        "doctor", 2, [.admin, .noScript, .loading, .stale], .server, since: "2.8.13",
        "Return a human readable latency analysis report.",
        LatencyCommands.doctor),
    CommandSpec(
        "graph", 3, [.admin, .noScript, .loading, .stale], .server, since: "2.8.13",
        "Return a latency graph for the event.",
        syntax: "event",
        LatencyCommands.graph),
    CommandSpec(
        "help", 2, [.loading, .stale], .server, since: "2.8.13",
        "Show helpful text about the different subcommands.",
        LatencyCommands.help),
    CommandSpec(
        "histogram", -2, [.admin, .noScript, .loading, .stale], .server, since: "7.0.0",
        "Return the cumulative distribution of latencies of a subset of commands or all.",
        syntax: "[command [command ...]]",
        complexity: """
            O(N) where N is the number of commands with latency information being \
            retrieved.
            """,
        LatencyCommands.histogram),
    CommandSpec(
        "history", 3, [.admin, .noScript, .loading, .stale], .server, since: "2.8.13",
        "Return timestamp-latency samples for the event.",
        syntax: "event",
        LatencyCommands.history),
    CommandSpec(
        "latest", 2, [.admin, .noScript, .loading, .stale], .server, since: "2.8.13",
        "Return the latest latency samples for all events.",
        LatencyCommands.latest),
    CommandSpec(
        "reset", -2, [.admin, .noScript, .loading, .stale], .server, since: "2.8.13",
        "Reset latency data for one or more events.",
        syntax: "[event [event ...]]",
        LatencyCommands.reset),
]

private let moduleSubcommands: [CommandSpec] = [
    CommandSpec(
        "help", 2, [.loading, .stale], .server, since: "5.0.0",
        "Show helpful text about the different subcommands",
        ModuleCommands.help),
    CommandSpec(
        "list", 2, [.admin, .noScript], .server, since: "4.0.0",
        "List all modules loaded by the server",
        complexity: "O(N) where N is the number of loaded modules.",
        ModuleCommands.list),
    CommandSpec(
        "load", -3, [.admin, .noScript, .noAsyncLoading], .server, since: "4.0.0",
        "Load a module",
        syntax: "path [arg [arg ...]]",
        ModuleCommands.load),
    CommandSpec(
        "loadex", -3, [.admin, .noScript, .noAsyncLoading], .server, since: "7.0.0",
        "Load a module with extended parameters",
        syntax: "path [CONFIG name value [CONFIG name value ...]] [ARGS arg [args ...]]",
        ModuleCommands.loadex),
    CommandSpec(
        "unload", 3, [.admin, .noScript, .noAsyncLoading], .server, since: "4.0.0",
        "Unload a module",
        syntax: "name",
        ModuleCommands.unload),
]

private let slowlogSubcommands: [CommandSpec] = [
    CommandSpec(
        "get", -2, [.admin, .loading, .stale], .server, since: "2.2.12",
        "Get the slow log's entries",
        syntax: "[count]",
        complexity: "O(N) where N is the number of entries returned",
        SlowLogCommands.get),
    CommandSpec(
        "help", 2, [.loading, .stale], .server, since: "6.2.0",
        "Show helpful text about the different subcommands",
        SlowLogCommands.help),
    CommandSpec(
        "len", 2, [.admin, .loading, .stale], .server, since: "2.2.12",
        "Get the slow log's length",
        SlowLogCommands.len),
    CommandSpec(
        "reset", 2, [.admin, .loading, .stale], .server, since: "2.2.12",
        "Clear all entries from the slow log",
        complexity: "O(N) where N is the number of entries in the slowlog",
        SlowLogCommands.reset),
]
