// What COMMAND DOCS tells of a command's past, which nothing else reads: changes of its options and
// replies, and what has taken its place. Redis 7.0's own texts, of commands that Firn does not
// have yet, too; one line for all that have the same.

enum CommandHistory {
    struct Event: Sendable {
        let since: String
        let text: String
    }

    /// The changes of a command by its full name, such as `config|set`, oldest first.
    static func changes(_ name: String) -> [Event] { changes[name] ?? [] }

    /// Since when something else (the text says what) is better; nil where nothing is.
    static func deprecation(_ name: String) -> Event? { deprecations[name]?.first }

    /// Not for users.
    static func isInternal(_ name: String) -> Bool {
        ["debug", "pfdebug", "pfselftest", "replconf", "restore-asking"].contains(name)
    }

    private static let changes = events(changeTable)
    private static let deprecations = events(deprecationTable)

    private static func events(_ table: String) -> [String: [Event]] {
        var found: [String: [Event]] = [:]
        for (text, names) in CommandTips.lines(table) {
            let parts = text.split(separator: " ", maxSplits: 1)
            let event = Event(since: String(parts[0]), text: String(parts[1]))
            for name in names { found[String(name), default: []].append(event) }
        }
        return found
    }

    private static let changeTable = """
        2.0.0 Added the `WITHSCORES` modifier. :: zrangebyscore
        2.1.6 `min` and `max` can be exclusive. :: zrevrangebyscore
        2.4.0 Accepts multiple `element` arguments. :: lpush rpush
        2.4.0 Accepts multiple `field` arguments. :: hdel
        2.4.0 Accepts multiple `member` arguments. :: sadd srem
        2.4.0 Accepts multiple elements. :: zadd zrem
        2.6.0 Added the optional `count` argument. :: srandmember
        2.6.12 Added the `EX`, `PX`, `NX` and `XX` options. :: set
        2.8.0 Added the -2 reply. :: pttl ttl
        2.8.12 Added new filter format. :: client|kill
        2.8.12 Added unique client `id` field. :: client|list
        2.8.12 `ID` option. :: client|kill
        3.0.0 Added the `COPY` and `REPLACE` options. :: migrate
        3.0.0 Added the `REPLACE` modifier. :: restore restore-asking
        3.0.2 Added the `XX`, `NX`, `CH` and `INCR` options. :: zadd
        3.0.3 Accepts multiple `key` arguments. :: exists
        3.0.6 Added the `KEYS` option. :: migrate
        3.2.0 Added `master` type in for `TYPE` option. :: client|kill
        3.2.0 Added the `count` argument. :: spop
        3.2.0 The command no longer returns an error when source and destination names are the \
        same. :: renamenx
        3.2.2 Added the `SCHEDULE` option. :: bgsave
        4.0.0 Accepts multiple `element` arguments. :: lpushx rpushx
        4.0.0 Accepts multiple `field` and `value` arguments. :: hset
        4.0.0 Added client IP address, port and name to the reply. :: slowlog|get
        4.0.0 Added node IDs. :: cluster|slots
        4.0.0 Added the `ASYNC` flushing mode modifier. :: flushall flushdb
        4.0.0 Added the optional `cluster_bus_port` argument. :: cluster|meet
        4.0.7 Added the `AUTH` option. :: migrate
        5.0.0 Added optional `TYPE` filter. :: client|list
        5.0.0 Added the `ABSTTL` modifier. :: restore restore-asking
        5.0.0 Added the `IDLETIME` and `FREQ` options. :: restore restore-asking
        5.0.0 Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward \
        compatibility. :: client|kill
        6.0.0 Added ACL style (username and password). :: auth
        6.0.0 Added `user` field. :: client|list
        6.0.0 Added the `AUTH2` option. :: migrate
        6.0.0 Added the `FULL` modifier. :: xinfo|stream
        6.0.0 Added the `KEEPTTL` option. :: set
        6.0.0 Added the `TYPE` subcommand. :: scan
        6.0.0 `timeout` is interpreted as a double instead of an integer. :: blpop brpop \
        brpoplpush bzpopmax bzpopmin
        6.2.0 Added Pub/Sub channel patterns. :: acl|getuser acl|setuser
        6.2.0 Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` \
        filter. :: client|list
        6.2.0 Added exclusive ranges. :: xrange xrevrange
        6.2.0 Added the `ANY` option for `COUNT`. :: georadius georadius_ro
        6.2.0 Added the `ASYNC` and `SYNC` flushing mode modifiers. :: script|flush
        6.2.0 Added the `CH`, `NX` and `XX` options. :: geoadd
        6.2.0 Added the `GET`, `EXAT` and `PXAT` option. :: set
        6.2.0 Added the `GT` and `LT` options. :: zadd
        6.2.0 Added the `IDLE` option and exclusive range intervals. :: xpending
        6.2.0 Added the `MINID` trimming strategy and the `LIMIT` option. :: xtrim
        6.2.0 Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option. \
        :: xadd
        6.2.0 Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options. :: zrange
        6.2.0 Added the `SYNC` flushing mode modifier. :: flushall flushdb
        6.2.0 Added the `count` argument. :: lpop rpop
        6.2.0 `CLIENT PAUSE WRITE` mode added along with the `mode` option. :: client|pause
        6.2.0 `LADDR` option. :: client|kill
        6.2.0 `protover` made optional; when called without arguments the command reports the \
        current connection's context. :: hello
        7.0.0 Added `resp`, `multi-mem`, `rbs` and `rbp` fields. :: client|list
        7.0.0 Added additional networking metadata field. :: cluster|slots
        7.0.0 Added an element to the reply array, containing deleted entries the command \
        cleared from the PEL :: xautoclaim
        7.0.0 Added options: `NX`, `XX`, `GT` and `LT`. :: expire expireat pexpire pexpireat
        7.0.0 Added selectors and changed the format of key and channel patterns from a list to \
        their rule representation. :: acl|getuser
        7.0.0 Added selectors and key based permissions. :: acl|setuser
        7.0.0 Added support for taking multiple section arguments. :: info
        7.0.0 Added support for the `<ms>-*` explicit ID form. :: xadd
        7.0.0 Added support for uppercase unit names. :: georadius georadiusbymember geosearch \
        geosearchstore
        7.0.0 Added the `BYTE|BIT` option. :: bitcount bitpos
        7.0.0 Added the `NOW`, `FORCE` and `ABORT` modifiers. :: shutdown
        7.0.0 Added the `entries-read` and `lag` fields :: xinfo|groups
        7.0.0 Added the `entries_added` and `max_deleted_entry_id` arguments. :: xsetid
        7.0.0 Added the `entries_read` named argument. :: xgroup|create
        7.0.0 Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, \
        `entries-read` and `lag` fields :: xinfo|stream
        7.0.0 Added the ability to pass multiple pattern parameters in one call :: config|get
        7.0.0 Added the ability to set multiple parameters in one call. :: config|set
        7.0.0 Added the optional `entries_read` argument. :: xgroup|setid
        7.0.0 Allowed the `NX` and `GET` options to be used together. :: set
        7.0.0 Allowed to be called with no argument to get info on all commands. :: command|info
        7.0.3 Added `ssub` field. :: client|list
        8.4.0 Added the `IFEQ`, `IFNE`, `IFDEQ` and `IFDNE` options. :: set
        """

    private static let deprecationTable = """
        2.0.0 `GETRANGE` :: substr
        4.0.0 `HSET` with multiple field-value pairs :: hmset
        5.0.0 `CLUSTER REPLICAS` :: cluster|slaves
        5.0.0 `REPLICAOF` :: slaveof
        6.2.0 `BLMOVE` with the `RIGHT` and `LEFT` arguments :: brpoplpush
        6.2.0 `GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments :: \
        georadiusbymember
        6.2.0 `GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument :: georadius
        6.2.0 `GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments :: georadiusbymember_ro
        6.2.0 `GEOSEARCH` with the `BYRADIUS` argument :: georadius_ro
        6.2.0 `LMOVE` with the `RIGHT` and `LEFT` arguments :: rpoplpush
        6.2.0 `SET` with the `!GET` argument :: getset
        6.2.0 `ZRANGE` with the `BYLEX` argument :: zrangebylex
        6.2.0 `ZRANGE` with the `BYSCORE` argument :: zrangebyscore
        6.2.0 `ZRANGE` with the `REV` and `BYLEX` arguments :: zrevrangebylex
        6.2.0 `ZRANGE` with the `REV` and `BYSCORE` arguments :: zrevrangebyscore
        6.2.0 `ZRANGE` with the `REV` argument :: zrevrange
        7.0.0 `CLUSTER SHARDS` :: cluster|slots
        """
}
