// What COMMAND INFO says of a command beside its row: tips, by which proxies know where to send
// it and how to join the answers, and key specifications, by which clients find its keys.
//
// Nothing here reads them, so they are not in the rows but in two texts, one line for all that
// have the same. They are Redis 7.0's own, of commands that Firn does not have yet, too.

enum CommandTips {
    /// The tips of a command by its full name, such as `config|set`.
    static func of(_ name: String) -> [String] { tips[name] ?? [] }

    /// The key specifications of a command by its full name; nil when only its row knows.
    static func keys(_ name: String) -> [KeySpecification]? { keys[name] }

    private static let tips = table(tipTable) { $0.split(separator: " ").map(String.init) }

    private static let keys = table(keyTable) {
        $0.split(separator: ";").map { KeySpecification($0) }
    }

    /// What stands before `::`, read by `parse`, for each of the names behind it.
    private static func table<T>(_ text: String, _ parse: (Substring) -> T) -> [String: T] {
        var found: [String: T] = [:]
        for (value, names) in lines(text) {
            let value = parse(value)
            for name in names { found[String(name)] = value }
        }
        return found
    }

    /// The lines of a table: what stands before `::`, and the names behind it.
    static func lines(_ text: String) -> [(value: Substring, names: [Substring])] {
        text.split(separator: "\n").compactMap { line in
            line.firstRange(of: " :: ").map { middle in
                (line[..<middle.lowerBound], line[middle.upperBound...].split(separator: " "))
            }
        }
    }

    private static let tipTable = """
        nondeterministic_output :: client|info client|list cluster|bumpepoch \
        cluster|count-failure-reports cluster|getkeysinslot cluster|info cluster|links \
        cluster|nodes cluster|replicas cluster|shards cluster|slaves cluster|slots dump \
        hrandfield hscan lastsave migrate object|encoding object|freq object|idletime \
        object|refcount pttl spop srandmember sscan time ttl xadd xautoclaim xclaim \
        xinfo|consumers xpending xtrim zrandmember zscan
        nondeterministic_output request_policy:all_nodes response_policy:special :: \
        latency|doctor latency|graph latency|histogram latency|history latency|latest
        nondeterministic_output request_policy:all_shards response_policy:special :: \
        function|stats info memory|doctor memory|malloc-stats memory|stats
        nondeterministic_output request_policy:special :: scan
        nondeterministic_output_order :: command command|docs command|info command|list \
        function|list hgetall hkeys hvals module|list sdiff sinter smembers sunion
        request_policy:all_nodes nondeterministic_output :: slowlog|get
        request_policy:all_nodes response_policy:agg_sum nondeterministic_output :: slowlog|len
        request_policy:all_nodes response_policy:all_succeeded :: config|set latency|reset \
        script|flush script|load slowlog|reset
        request_policy:all_shards nondeterministic_output :: randomkey
        request_policy:all_shards nondeterministic_output_order :: keys
        request_policy:all_shards response_policy:agg_logical_and :: script|exists
        request_policy:all_shards response_policy:agg_min :: wait
        request_policy:all_shards response_policy:agg_sum :: dbsize
        request_policy:all_shards response_policy:all_succeeded :: flushall flushdb \
        function|delete function|flush function|load function|restore memory|purge ping
        request_policy:all_shards response_policy:one_succeeded :: function|kill script|kill
        request_policy:multi_shard :: mget
        request_policy:multi_shard response_policy:agg_min :: msetnx
        request_policy:multi_shard response_policy:agg_sum :: del exists touch unlink
        request_policy:multi_shard response_policy:all_succeeded :: mset
        """

    /// In the notation of `KeySpecification`.
    private static let keyTable = """
        OW insert :: setnx
        OW insert range=-1,2,0 :: msetnx
        OW update :: psetex restore restore-asking setex
        OW update @2; RO access @3 range=-1,1,0 :: bitop
        OW update range=-1,2,0 :: mset
        OW update keynum=0,1,2 :: msetex
        OW update; RO access @2 :: geosearchstore zrangestore
        OW update; RO access @2 keynum=0,1,1 :: zdiffstore zinterstore zunionstore
        OW update; RO access @2 range=-1,1,0 :: sdiffstore sunionstore
        RM delete range=-1,1,0 :: del unlink
        RO :: hexists hlen hstrlen llen scard sismember strlen type xlen zcard
        RO @2 :: memory|usage object|encoding object|freq object|idletime object|refcount
        RO access :: bitcount bitfield_ro bitpos digest dump expiretime geodist geohash geopos \
        georadius_ro georadiusbymember_ro geosearch get getbit getrange hget hgetall hkeys hmget \
        hrandfield hscan hvals lindex lpos lrange pexpiretime pttl smembers smismember \
        srandmember sscan substr ttl xpending xrange xrevrange zcount zlexcount zmscore \
        zrandmember zrange zrangebylex zrangebyscore zrank zrevrange zrevrangebylex \
        zrevrangebyscore zrevrank zscan zscore
        RO access @2 :: xinfo|consumers xinfo|groups xinfo|stream
        RO access @2 keynum=0,1,1 :: evalsha_ro
        RO access @2 keynum=0,1,1 "We cannot tell how the keys will be used so we assume the \
        worst, RO and ACCESS" :: eval_ro fcall_ro
        RO access @STREAMS,1 range=-1,1,2 :: xread
        RO access @STREAMS,4 range=-1,1,2 :: xreadgroup
        RO access keynum=0,1,1 :: sintercard zdiff zinter zintercard zunion
        RO access range=-1,1,0 :: mget sdiff sinter sunion
        RO access range=1,1,0 :: lcs
        RO access; OW update @2 :: copy
        RO access; OW update @STORE,5; OW update @STOREDIST,5 :: georadiusbymember
        RO access; OW update @STORE,6; OW update @STOREDIST,6 :: georadius
        RO access; RO access @? ? "For the optional BY/GET keyword. It is marked 'unknown' \
        because the key names derive from the content of the key we sort" :: sort_ro
        RO access; RO access @? ? "For the optional BY/GET keyword. It is marked 'unknown' \
        because the key names derive from the content of the key we sort"; OW update @? ? "For \
        the optional STORE keyword. It is marked 'unknown' because the keyword can appear \
        anywhere in the argument array" :: sort
        RO range=-1,1,0 :: exists touch watch
        RW access @2 :: pfdebug
        RW access delete :: delifeq getdel lpop rpop spop zpopmax zpopmin
        RW access delete @2 keynum=0,1,1 :: blmpop bzmpop
        RW access delete @3; RW access delete incomplete @KEYS,-2 range=-1,1,0 :: migrate
        RW access delete keynum=0,1,1 :: lmpop zmpop
        RW access delete range=-2,1,0 :: blpop brpop bzpopmax bzpopmin
        RW access delete; OW insert @2 :: renamenx
        RW access delete; OW update @2 :: rename
        RW access delete; RW insert @2 :: blmove brpoplpush lmove rpoplpush smove
        RW access insert; RO access @2 range=-1,1,0 :: pfmerge
        RW access range=-1,1,0 "RW because it may change the internal representation of the key, \
        and propagate to replicas" :: pfcount
        RW access update :: decr decrby getset hincrby hincrbyfloat incr incrby incrbyfloat move \
        setbit zincrby
        RW access update "RW and UPDATE because it changes the TTL" :: getex
        RW access update @2 keynum=0,1,1 :: evalsha
        RW access update @2 keynum=0,1,1 "We cannot tell how the keys will be used so we assume \
        the worst, RW and UPDATE" :: eval fcall
        RW delete variable_flags :: delex
        RW access update variable_flags "RW and ACCESS due to the optional `GET` argument" :: \
        set
        RW access update variable_flags "This command allows both access and modification of the \
        key" :: bitfield
        RW delete :: hdel lrem ltrim srem xautoclaim xdel xtrim zrem zremrangebylex \
        zremrangebyrank zremrangebyscore
        RW delete @2 :: xgroup|delconsumer xgroup|destroy
        RW insert :: append hsetnx linsert lpush lpushx pfadd rpush rpushx sadd
        RW insert @2 :: xgroup|create xgroup|createconsumer
        RW update :: expire expireat geoadd hmset hset lset persist pexpire pexpireat setrange \
        xack xclaim xsetid zadd
        RW update "UPDATE instead of INSERT because of the optional trimming feature" :: xadd
        RW update @2 :: xgroup|setid
        RW update; RO access @2 range=-1,1,0 :: sinterstore
        not_key :: spublish
        not_key range=-1,1,0 :: ssubscribe sunsubscribe
        """
}
