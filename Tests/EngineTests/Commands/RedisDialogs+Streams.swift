// What redis-server 7.0.15 replied to requests: streams and consumer groups. Nothing that depends on
// the time of day is here.
//
// Written as in RedisDialogs.swift.

extension RedisDialogs {
    private static let streams0: [(String, String)] = [
        ("FLUSHALL", "+OK"),
        ("XADD s 1-1 a 1 b 2", "1-1"),
        ("XADD s 1-2 a 2 b 3", "1-2"),
        ("XADD s 1-* a 3 c 4", "1-3"),
        ("XADD s 2 x y", "2-0"),
        ("XADD s 2-* x \"\"", "2-1"),
        ("XADD s 3-0 17 -5 a b", "3-0"),
        (
            "XADD s 3-0 a b",
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item"
        ),
        (
            "XADD s 2-9 a b",
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item"
        ),
        (
            "XADD s 1-* a b",
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item"
        ),
        ("XADD s 0-0 a b", "-ERR The ID specified in XADD must be greater than 0-0"),
        ("XADD s 0 a b", "-ERR The ID specified in XADD must be greater than 0-0"),
        ("XADD none 0-0 a b", "-ERR The ID specified in XADD must be greater than 0-0"),
        ("XADD none 0-* a b", "0-1"),
        ("XADD none x a b", "-ERR Invalid stream ID specified as stream command argument"),
        ("XADD none 1-x a b", "-ERR Invalid stream ID specified as stream command argument"),
        ("XADD none - a b", "-ERR Invalid stream ID specified as stream command argument"),
        (
            "XADD none 1-18446744073709551616 a b",
            "-ERR Invalid stream ID specified as stream command argument"
        ),
        ("XADD none +5-+6 a b", "5-6"),
        ("XADD none 5--06 a b", "5-18446744073709551610"),
        ("XADD none * a", "-ERR wrong number of arguments for 'xadd' command"),
        ("XADD none * a b c", "-ERR wrong number of arguments for 'xadd' command"),
        ("XADD none NOMKSTREAM 9-1 a", "-ERR wrong number of arguments for 'xadd' command"),
        ("XADD none2 NOMKSTREAM 9-1 a b", "nil"),
        ("XADD none NOMKSTREAM 9-1 a b", "9-1"),
        ("XLEN s", ":6"),
        ("XLEN none2", ":0"),
        (
            "XRANGE s - +",
            "[[1-1 [a 1 b 2]] [1-2 [a 2 b 3]] [1-3 [a 3 c 4]] [2-0 [x y]] [2-1 [x ]] [3-0 "
                + "[17 -5 a b]]]"
        ),
        (
            "XREVRANGE s + -",
            "[[3-0 [17 -5 a b]] [2-1 [x ]] [2-0 [x y]] [1-3 [a 3 c 4]] [1-2 [a 2 b 3]] [1-1 "
                + "[a 1 b 2]]]"
        ),
        ("XRANGE s 1 1", "[[1-1 [a 1 b 2]] [1-2 [a 2 b 3]] [1-3 [a 3 c 4]]]"),
        ("XRANGE s (1-1 2", "[[1-2 [a 2 b 3]] [1-3 [a 3 c 4]] [2-0 [x y]] [2-1 [x ]]]"),
        ("XRANGE s (1-1 (2-1", "[[1-2 [a 2 b 3]] [1-3 [a 3 c 4]] [2-0 [x y]]]"),
        ("XRANGE s 2 1", "[]"),
        ("XREVRANGE s 1 2", "[]"),
        ("XREVRANGE s (3 (1-1 COUNT 2", "[[3-0 [17 -5 a b]] [2-1 [x ]]]"),
        ("XRANGE s - + COUNT 1", "[[1-1 [a 1 b 2]]]"),
        ("XRANGE s - + COUNT 0", "nil[]"),
        ("XRANGE s - + COUNT -1", "nil[]"),
        ("XRANGE s - + COUNT 1 COUNT 2", "[[1-1 [a 1 b 2]] [1-2 [a 2 b 3]]]"),
        ("XRANGE s - + COUNT x", "-ERR value is not an integer or out of range"),
        ("XRANGE s - + COUNT", "-ERR syntax error"),
        ("XRANGE s - + LIMIT 1", "-ERR syntax error"),
        ("XRANGE s (- +", "-ERR Invalid stream ID specified as stream command argument"),
        ("XRANGE s - (+", "-ERR Invalid stream ID specified as stream command argument"),
        (
            "XRANGE s (18446744073709551615-18446744073709551615 +",
            "-ERR invalid start ID for the interval"
        ),
        ("XRANGE s - (0-0", "-ERR invalid end ID for the interval"),
        ("XRANGE s x +", "-ERR Invalid stream ID specified as stream command argument"),
        ("XRANGE s ( +", "-ERR Invalid stream ID specified as stream command argument"),
        ("XRANGE none2 - +", "[]"),
        ("XRANGE none2 - + COUNT 0", "[]"),
        ("SET str 1", "+OK"),
        ("XADD str * a b", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XLEN str", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XRANGE str - +", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("TYPE s", "+stream"),
        ("OBJECT ENCODING s", "stream"),
        ("EXISTS s none2", ":1"),
    ]

    private static let streams1: [(String, String)] = [
        ("FLUSHALL", "+OK"),
        (
            "XADD s 18446744073709551615-18446744073709551614 a b",
            "18446744073709551615-18446744073709551614"
        ),
        ("XADD s * c d", "18446744073709551615-18446744073709551615"),
        (
            "XADD s * c d",
            "-ERR The stream has exhausted the last possible ID, unable to add more items"
        ),
        (
            "XADD s 18446744073709551615-* c d",
            "-ERR The stream has exhausted the last possible ID, unable to add more items"
        ),
        (
            "XRANGE s 18446744073709551615-18446744073709551615 +",
            "[[18446744073709551615-18446744073709551615 [c d]]]"
        ),
        (
            "XREVRANGE s + (18446744073709551615-18446744073709551614",
            "[[18446744073709551615-18446744073709551615 [c d]]]"
        ),
        ("XREAD STREAMS s 18446744073709551615-18446744073709551615", "nil[]"),
    ]

    private static let streams2: [(String, String)] = [
        ("FLUSHALL", "+OK"),
        ("CONFIG SET stream-node-max-entries 3", "+OK"),
        ("XADD s MAXLEN 2 1-1 a 1", "1-1"),
        ("XADD s MAXLEN = 2 1-2 a 2", "1-2"),
        ("XADD s MAXLEN 2 1-3 a 3", "1-3"),
        ("XRANGE s - +", "[[1-2 [a 2]] [1-3 [a 3]]]"),
        ("XADD s MINID 1-3 1-4 a 4", "1-4"),
        ("XADD s MINID = 1-4 1-5 a 5", "1-5"),
        ("XRANGE s - +", "[[1-4 [a 4]] [1-5 [a 5]]]"),
        ("XADD s 1-6 a 6", "1-6"),
        ("XADD s 1-7 a 7", "1-7"),
        ("XADD s 1-8 a 8", "1-8"),
        ("XADD s 1-9 a 9", "1-9"),
        ("XADD s MAXLEN ~ 1 2-0 a 0", "2-0"),
        ("XRANGE s - +", "[[2-0 [a 0]]]"),
        ("XTRIM s MAXLEN ~ 1", ":0"),
        ("XTRIM s MAXLEN ~ 0 LIMIT 1", ":1"),
        ("XTRIM s MAXLEN ~ 0 LIMIT 0", ":0"),
        ("XLEN s", ":0"),
        ("XADD s 3-1 a 1", "3-1"),
        ("XADD s 3-2 a 1", "3-2"),
        ("XADD s 3-3 a 1", "3-3"),
        ("XADD s 3-4 a 1", "3-4"),
        ("XADD s 3-5 a 1", "3-5"),
        ("XTRIM s MINID ~ 3-5", ":3"),
        ("XRANGE s - +", "[[3-4 [a 1]] [3-5 [a 1]]]"),
        ("XTRIM s MINID 3-5", ":1"),
        ("XTRIM s MAXLEN 0", ":1"),
        ("XTRIM s MAXLEN 0", ":0"),
        ("EXISTS s", ":1"),
        ("XLEN s", ":0"),
        (
            "XINFO STREAM s",
            "[length :0 radix-tree-keys :0 radix-tree-nodes :1 last-generated-id 3-5 "
                + "max-deleted-entry-id 0-0 entries-added :15 recorded-first-entry-id 0-0 groups "
                + ":0 first-entry nil last-entry nil]"
        ),
        ("XTRIM s MAXLEN -1", "-ERR The MAXLEN argument must be >= 0."),
        ("XTRIM s MAXLEN x", "-ERR value is not an integer or out of range"),
        ("XTRIM s MINID x", "-ERR Invalid stream ID specified as stream command argument"),
        ("XTRIM s MINID -", "-ERR Invalid stream ID specified as stream command argument"),
        ("XTRIM s MAXLEN ~", "-ERR value is not an integer or out of range"),
        ("XTRIM s MAXLEN = ~", "-ERR value is not an integer or out of range"),
        (
            "XTRIM s MAXLEN 1 MINID 1",
            "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
        ),
        (
            "XTRIM s MAXLEN 1 MAXLEN 1",
            "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
        ),
        (
            "XTRIM s MAXLEN 1 LIMIT 1",
            "-ERR syntax error, LIMIT cannot be used without the special ~ option"
        ),
        (
            "XTRIM s MAXLEN 1 LIMIT 0",
            "-ERR syntax error, LIMIT cannot be used without the special ~ option"
        ),
        ("XTRIM s MAXLEN ~ 1 LIMIT -1", "-ERR The LIMIT argument must be >= 0."),
        ("XTRIM s MAXLEN ~ 1 LIMIT x", "-ERR value is not an integer or out of range"),
        (
            "XTRIM s LIMIT 1",
            "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
        ),
        ("XTRIM s LIMIT 0", "-ERR syntax error, XTRIM must be called with a trimming strategy"),
        ("XTRIM s LIMIT 1 foo", "-ERR syntax error"),
        ("XTRIM s NOMKSTREAM 1", "-ERR syntax error"),
        ("XTRIM none MAXLEN 1", ":0"),
        ("XTRIM s MAXLEN 1 LIMIT", "-ERR syntax error"),
        (
            "XADD s MAXLEN 1 LIMIT 1 * a b",
            "-ERR syntax error, LIMIT cannot be used without the special ~ option"
        ),
        (
            "XADD s LIMIT 1 * a b",
            "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
        ),
        (
            "XADD s MAXLEN 1 MINID 1 * a b",
            "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
        ),
        ("XADD s MAXLEN -1 * a b", "-ERR The MAXLEN argument must be >= 0."),
        ("XADD s MAXLEN", "-ERR wrong number of arguments for 'xadd' command"),
        ("XADD s MAXLEN 1 2 3", "-ERR wrong number of arguments for 'xadd' command"),
        ("XADD s 4-1 a b", "4-1"),
        ("XADD s 4-2 a b", "4-2"),
        ("XADD s MAXLEN 0 4-3 a b", "4-3"),
        (
            "XINFO STREAM s",
            "[length :0 radix-tree-keys :0 radix-tree-nodes :1 last-generated-id 4-3 "
                + "max-deleted-entry-id 0-0 entries-added :18 recorded-first-entry-id 0-0 groups "
                + ":0 first-entry nil last-entry nil]"
        ),
        ("SET str 1", "+OK"),
        (
            "XTRIM str MAXLEN 1",
            "-WRONGTYPE Operation against a key holding the wrong kind of value"
        ),
        ("CONFIG SET stream-node-max-entries 100", "+OK"),
    ]

    private static let streams3: [(String, String)] = [
        ("FLUSHALL", "+OK"),
        ("XADD s 1-1 a 1", "1-1"),
        ("XADD s 1-2 a 2", "1-2"),
        ("XADD s 1-3 a 3", "1-3"),
        ("XADD s 1-4 a 4", "1-4"),
        ("XDEL s 1-2 1-2 9-9", ":1"),
        ("XDEL s 1-1 x", "-ERR Invalid stream ID specified as stream command argument"),
        ("XDEL s 1-1", ":1"),
        (
            "XINFO STREAM s",
            "[length :2 radix-tree-keys :1 radix-tree-nodes :2 last-generated-id 1-4 "
                + "max-deleted-entry-id 1-2 entries-added :4 recorded-first-entry-id 1-3 groups :0 "
                + "first-entry [1-3 [a 3]] last-entry [1-4 [a 4]]]"
        ),
        ("XDEL none 1-1", ":0"),
        ("XDEL none x", ":0"),
        (
            "XSETID s 1-3",
            "-ERR The ID specified in XSETID is smaller than the target stream top item"
        ),
        ("XSETID s 1-4", "+OK"),
        ("XSETID s 5-0", "+OK"),
        (
            "XADD s 4-0 a b",
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item"
        ),
        ("XADD s 5-* a b", "5-1"),
        (
            "XSETID s 9-0 ENTRIESADDED 2",
            "-ERR The entries_added specified in XSETID is smaller than the target stream "
                + "length"
        ),
        ("XSETID s 9-0 ENTRIESADDED -1", "-ERR entries_added must be positive"),
        ("XSETID s 9-0 ENTRIESADDED x", "-ERR value is not an integer or out of range"),
        (
            "XSETID s 9-0 ENTRIESADDED 20 MAXDELETEDID 9-1",
            "-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
        ),
        ("XSETID s 9-0 ENTRIESADDED 20 MAXDELETEDID 8-1", "+OK"),
        (
            "XINFO STREAM s",
            "[length :3 radix-tree-keys :1 radix-tree-nodes :2 last-generated-id 9-0 "
                + "max-deleted-entry-id 8-1 entries-added :20 recorded-first-entry-id 1-3 groups "
                + ":0 first-entry [1-3 [a 3]] last-entry [5-1 [a b]]]"
        ),
        ("XSETID s 9-0 MAXDELETEDID", "-ERR syntax error"),
        ("XSETID s 9-0 FOO 1", "-ERR syntax error"),
        ("XSETID s x", "-ERR Invalid stream ID specified as stream command argument"),
        ("XSETID s -", "-ERR Invalid stream ID specified as stream command argument"),
        ("XSETID none 1-1", "-ERR no such key"),
        ("XDEL s 1-3 1-4 5-1", ":3"),
        (
            "XINFO STREAM s",
            "[length :0 radix-tree-keys :0 radix-tree-nodes :1 last-generated-id 9-0 "
                + "max-deleted-entry-id 8-1 entries-added :20 recorded-first-entry-id 0-0 groups "
                + ":0 first-entry nil last-entry nil]"
        ),
        ("XSETID s 1-1", "+OK"),
        ("XADD s 1-2 a b", "1-2"),
        ("XRANGE s - +", "[[1-2 [a b]]]"),
        ("SET str 1", "+OK"),
        ("XDEL str 1-1", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XSETID str 1-1", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]

    private static let streams4: [(String, String)] = [
        ("FLUSHALL", "+OK"),
        ("XADD s 1-1 a 1", "1-1"),
        ("XADD s 1-2 a 2", "1-2"),
        ("XADD t 5-1 b 1", "5-1"),
        ("XREAD STREAMS s 0", "[[s [[1-1 [a 1]] [1-2 [a 2]]]]]"),
        ("XREAD STREAMS s t 0 0", "[[s [[1-1 [a 1]] [1-2 [a 2]]]] [t [[5-1 [b 1]]]]]"),
        ("XREAD COUNT 1 STREAMS s t 0 5", "[[s [[1-1 [a 1]]]] [t [[5-1 [b 1]]]]]"),
        ("XREAD COUNT 0 STREAMS s 1-1", "[[s [[1-2 [a 2]]]]]"),
        ("XREAD COUNT -1 STREAMS s 1-1", "[[s [[1-2 [a 2]]]]]"),
        ("XREAD STREAMS s 1-2", "nil[]"),
        ("XREAD STREAMS s $", "nil[]"),
        ("XREAD STREAMS s none t $ $ 0", "[[t [[5-1 [b 1]]]]]"),
        ("XREAD STREAMS none 0", "nil[]"),
        ("XREAD BLOCK -1 STREAMS s 0", "-ERR timeout is negative"),
        ("XREAD BLOCK x STREAMS s 0", "-ERR timeout is not an integer or out of range"),
        ("XREAD BLOCK 1000 STREAMS s 0", "[[s [[1-1 [a 1]] [1-2 [a 2]]]]]"),
        ("XREAD COUNT x STREAMS s 0", "-ERR value is not an integer or out of range"),
        ("XREAD STREAMS s", "-ERR wrong number of arguments for 'xread' command"),
        (
            "XREAD STREAMS s t 0",
            "-ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be "
                + "specified."
        ),
        ("XREAD COUNT 1 s 0", "-ERR syntax error"),
        ("XREAD STREAMS s x", "-ERR Invalid stream ID specified as stream command argument"),
        (
            "XREAD STREAMS s >",
            "-ERR The > ID can be specified only when calling XREADGROUP using the GROUP "
                + "<group> <consumer> option."
        ),
        ("XREAD STREAMS s -", "-ERR Invalid stream ID specified as stream command argument"),
        ("XREAD STREAMS s +", "-ERR Invalid stream ID specified as stream command argument"),
        (
            "XREAD GROUP g c STREAMS s 0",
            "-ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."
        ),
        (
            "XREAD NOACK STREAMS s 0",
            "-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead."
        ),
        ("XREAD COUNT 1 BLOCK 1", "-ERR syntax error"),
        ("XREAD STREAMS STREAMS 0", "nil[]"),
        ("SET str 1", "+OK"),
        (
            "XREAD STREAMS str 0",
            "-WRONGTYPE Operation against a key holding the wrong kind of value"
        ),
        (
            "XREAD STREAMS s str 0 0",
            "-WRONGTYPE Operation against a key holding the wrong kind of value"
        ),
        ("XDEL s 1-2", ":1"),
        ("XREAD STREAMS s 1-1", "nil[]"),
        ("MULTI", "+OK"),
        ("XREAD BLOCK 0 STREAMS s $", "+QUEUED"),
        ("EXEC", "[nil[]]"),
    ]

    private static let streams5: [(String, String)] = [
        ("FLUSHALL", "+OK"),
        (
            "XGROUP CREATE s g $",
            "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you "
                + "may want to use the MKSTREAM option to create an empty stream automatically."
        ),
        ("XGROUP CREATE s g $ MKSTREAM", "+OK"),
        ("XGROUP CREATE s g $", "-BUSYGROUP Consumer Group name already exists"),
        ("XGROUP CREATE s g2 x", "-ERR Invalid stream ID specified as stream command argument"),
        (
            "XGROUP CREATE s g2 - MKSTREAM",
            "-ERR Invalid stream ID specified as stream command argument"
        ),
        (
            "XGROUP CREATE s g2 0 ENTRIESREAD -2",
            "-ERR value for ENTRIESREAD must be positive or -1"
        ),
        ("XGROUP CREATE s g2 0 ENTRIESREAD x", "-ERR value is not an integer or out of range"),
        (
            "XGROUP CREATE s g2 0 ENTRIESREAD",
            "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP "
                + "HELP."
        ),
        (
            "XGROUP CREATE s g2 0 FOO",
            "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP "
                + "HELP."
        ),
        ("XGROUP CREATE s g2 3-1 ENTRIESREAD 7", "+OK"),
        ("XGROUP CREATE s", "-ERR wrong number of arguments for 'xgroup|create' command"),
        (
            "XGROUP CREATE s g3 0 MKSTREAM MKSTREAM ENTRIESREAD 1 MKSTREAM",
            "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP "
                + "HELP."
        ),
        ("XLEN s", ":0"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :0 pending :0 last-delivered-id 0-0 entries-read nil lag :0] "
                + "[name g2 consumers :0 pending :0 last-delivered-id 3-1 entries-read :7 lag :0]]"
        ),
        ("XGROUP SETID s g 5", "+OK"),
        ("XGROUP SETID s g $ ENTRIESREAD 3", "+OK"),
        ("XGROUP SETID s g -", "+OK"),
        ("XGROUP SETID s g +", "+OK"),
        (
            "XGROUP SETID s g 5 MKSTREAM",
            "-ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP."
        ),
        ("XGROUP SETID s none 5", "-NOGROUP No such consumer group 'none' for key name 's'"),
        (
            "XGROUP SETID none g 5",
            "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you "
                + "may want to use the MKSTREAM option to create an empty stream automatically."
        ),
        ("XGROUP SETID s g x", "-ERR Invalid stream ID specified as stream command argument"),
        ("XGROUP CREATECONSUMER s g c", ":1"),
        ("XGROUP CREATECONSUMER s g c", ":0"),
        (
            "XGROUP CREATECONSUMER s none c",
            "-NOGROUP No such consumer group 'none' for key name 's'"
        ),
        (
            "XGROUP CREATECONSUMER none g c",
            "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you "
                + "may want to use the MKSTREAM option to create an empty stream automatically."
        ),
        ("XGROUP DELCONSUMER s g c", ":0"),
        ("XGROUP DELCONSUMER s g c", ":0"),
        ("XGROUP DELCONSUMER s none c", "-NOGROUP No such consumer group 'none' for key name 's'"),
        ("XGROUP DESTROY s none", ":0"),
        (
            "XGROUP DESTROY none g",
            "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you "
                + "may want to use the MKSTREAM option to create an empty stream automatically."
        ),
        ("XGROUP DESTROY s g2", ":1"),
        ("XGROUP DESTROY s g2", ":0"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :0 pending :0 last-delivered-id "
                + "18446744073709551615-18446744073709551615 entries-read nil lag :0]]"
        ),
        ("XGROUP", "-ERR wrong number of arguments for 'xgroup' command"),
        ("XGROUP FOO", "-ERR unknown subcommand 'FOO'. Try XGROUP HELP."),
        (
            "XGROUP HELP",
            "[+XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are: +CREATE <key> "
                + "<groupname> <id|$> [option] +    Create a new consumer group. Options are: +    "
                + "* MKSTREAM +      Create the empty stream if it does not exist. +    * "
                + "ENTRIESREAD entries_read +      Set the group's entries_read counter (internal "
                + "use). +CREATECONSUMER <key> <groupname> <consumer> +    Create a new consumer "
                + "in the specified group. +DELCONSUMER <key> <groupname> <consumer> +    Remove "
                + "the specified consumer. +DESTROY <key> <groupname> +    Remove the specified "
                + "group. +SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read] +    Set the "
                + "current group ID and entries_read counter. +HELP +    Prints this help.]"
        ),
        ("XGROUP HELP x", "-ERR wrong number of arguments for 'xgroup|help' command"),
        ("XGROUP DESTROY s", "-ERR wrong number of arguments for 'xgroup|destroy' command"),
        ("SET str 1", "+OK"),
        (
            "XGROUP CREATE str g $ MKSTREAM",
            "-WRONGTYPE Operation against a key holding the wrong kind of value"
        ),
        (
            "XGROUP DESTROY str g",
            "-WRONGTYPE Operation against a key holding the wrong kind of value"
        ),
        (
            "XINFO HELP",
            "[+XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are: +CONSUMERS "
                + "<key> <groupname> +    Show consumers of <groupname>. +GROUPS <key> +    Show "
                + "the stream consumer groups. +STREAM <key> [FULL [COUNT <count>] +    Show "
                + "information about the stream. +HELP +    Prints this help.]"
        ),
        ("XINFO STREAM none", "-ERR no such key"),
        ("XINFO GROUPS none", "-ERR no such key"),
        ("XINFO GROUPS str", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XINFO CONSUMERS s none", "-NOGROUP No such consumer group 'none' for key name 's'"),
        ("XINFO CONSUMERS none g", "-ERR no such key"),
        (
            "XINFO STREAM s FULL COUNT",
            "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP."
        ),
        ("XINFO STREAM s FULL COUNT x", "-ERR value is not an integer or out of range"),
        (
            "XINFO STREAM s FOO",
            "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP."
        ),
        (
            "XINFO STREAM s COUNT 1",
            "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP."
        ),
        (
            "XINFO STREAM s FULL",
            "[length :0 radix-tree-keys :0 radix-tree-nodes :1 last-generated-id 0-0 "
                + "max-deleted-entry-id 0-0 entries-added :0 recorded-first-entry-id 0-0 entries "
                + "[] groups [[name g last-delivered-id 18446744073709551615-18446744073709551615 "
                + "entries-read nil lag :0 pel-count :0 pending [] consumers []]]]"
        ),
        ("XINFO STREAM", "-ERR wrong number of arguments for 'xinfo|stream' command"),
        ("XINFO FOO s", "-ERR unknown subcommand 'FOO'. Try XINFO HELP."),
        ("XINFO", "-ERR wrong number of arguments for 'xinfo' command"),
    ]

    private static let streams6: [(String, String)] = [
        ("FLUSHALL", "+OK"),
        ("XADD s 1-1 a 1", "1-1"),
        ("XADD s 1-2 a 2", "1-2"),
        ("XADD s 1-3 a 3", "1-3"),
        ("XADD t 7-1 x y", "7-1"),
        ("XGROUP CREATE s g 0", "+OK"),
        ("XREADGROUP GROUP g c COUNT 1 STREAMS s >", "[[s [[1-1 [a 1]]]]]"),
        ("XREADGROUP GROUP g c STREAMS s 0", "[[s [[1-1 [a 1]]]]]"),
        ("XREADGROUP GROUP g d COUNT 1 NOACK STREAMS s >", "[[s [[1-2 [a 2]]]]]"),
        ("XREADGROUP GROUP g d STREAMS s >", "[[s [[1-3 [a 3]]]]]"),
        ("XREADGROUP GROUP g d STREAMS s >", "nil[]"),
        ("XREADGROUP GROUP g d BLOCK 1 COUNT 2 STREAMS s 0", "[[s [[1-3 [a 3]]]]]"),
        ("XREADGROUP GROUP g d STREAMS s 1-3", "[[s []]]"),
        ("XREADGROUP GROUP g e STREAMS s 0", "[[s []]]"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :3 pending :2 last-delivered-id 1-3 entries-read :3 lag :0]]"
        ),
        ("XPENDING s g", "[:2 1-1 1-3 [[c 1] [d 1]]]"),
        ("XPENDING s g - + 10 nobody", "[]"),
        ("XPENDING s g - + 0", "[]"),
        ("XPENDING s g + - 10", "[]"),
        ("XPENDING s g - (0-0 10", "-ERR invalid end ID for the interval"),
        (
            "XPENDING s g (18446744073709551615-18446744073709551615 + 10",
            "-ERR invalid start ID for the interval"
        ),
        ("XPENDING s g IDLE 1000000 - + 10", "[]"),
        ("XPENDING s g - +", "-ERR syntax error"),
        ("XPENDING s g - + x", "-ERR value is not an integer or out of range"),
        ("XPENDING s g x + 1", "-ERR Invalid stream ID specified as stream command argument"),
        ("XPENDING s g IDLE x - + 1", "-ERR value is not an integer or out of range"),
        ("XPENDING s g IDLE 1 - +", "-ERR syntax error"),
        ("XPENDING s none", "-NOGROUP No such key 's' or consumer group 'none'"),
        ("XPENDING none g", "-NOGROUP No such key 'none' or consumer group 'g'"),
        ("XACK s g 1-1 1-1 9-9", ":1"),
        ("XACK s g x", "-ERR Invalid stream ID specified as stream command argument"),
        ("XACK s none 1-3", ":0"),
        ("XACK none g 1-3", ":0"),
        ("XACK none g x", ":0"),
        ("XPENDING s g", "[:1 1-3 1-3 [[d 1]]]"),
        ("XDEL s 1-3", ":1"),
        ("XREADGROUP GROUP g d STREAMS s 0", "[[s [[1-3 nil[]]]]]"),
        ("XACK s g 1-3", ":1"),
        ("XPENDING s g", "[:0 nil nil nil[]]"),
        (
            "XREADGROUP GROUP g c STREAMS s t > >",
            "-NOGROUP No such key 't' or consumer group 'g' in XREADGROUP with GROUP option"
        ),
        (
            "XREADGROUP GROUP none c STREAMS s >",
            "-NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option"
        ),
        (
            "XREADGROUP GROUP g c STREAMS none >",
            "-NOGROUP No such key 'none' or consumer group 'g' in XREADGROUP with GROUP option"
        ),
        (
            "XREADGROUP GROUP g c STREAMS s $",
            "-ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the "
                + "history of this consumer by specifying a proper ID, or use the > ID to get new "
                + "messages. The $ ID would just return an empty result set."
        ),
        (
            "XREADGROUP GROUP g c STREAMS s x",
            "-ERR Invalid stream ID specified as stream command argument"
        ),
        (
            "XREADGROUP GROUP g c COUNT 1 BLOCK x STREAMS s >",
            "-ERR timeout is not an integer or out of range"
        ),
        (
            "XREADGROUP GROUP g c STREAMS s t >",
            "-ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be "
                + "specified."
        ),
        ("XREADGROUP GROUP g c NOACK COUNT 5 s >", "-ERR syntax error"),
        ("XREADGROUP NOACK COUNT 5 STREAMS s t 0 0", "-ERR Missing GROUP option for XREADGROUP"),
        (
            "XREADGROUP GROUP g STREAMS s >",
            "-ERR wrong number of arguments for 'xreadgroup' command"
        ),
        ("XADD s 2-1 b 1", "2-1"),
        ("XADD s 2-2 b 2", "2-2"),
        ("XGROUP CREATE t g 0", "+OK"),
        (
            "XREADGROUP GROUP g c STREAMS s t > >",
            "[[s [[2-1 [b 1]] [2-2 [b 2]]]] [t [[7-1 [x y]]]]]"
        ),
        ("XPENDING s g", "[:2 2-1 2-2 [[c 2]]]"),
        ("XGROUP SETID s g 2-1", "+OK"),
        ("XREADGROUP GROUP g e STREAMS s >", "[[s [[2-2 [b 2]]]]]"),
        ("XPENDING s g", "[:2 2-1 2-2 [[c 1] [e 1]]]"),
        ("XGROUP DELCONSUMER s g c", ":1"),
        ("XPENDING s g", "[:1 2-2 2-2 [[e 1]]]"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :2 pending :1 last-delivered-id 2-2 entries-read :5 lag :0]]"
        ),
        ("SET str 1", "+OK"),
        (
            "XREADGROUP GROUP g c STREAMS str >",
            "-WRONGTYPE Operation against a key holding the wrong kind of value"
        ),
        ("XACK str g 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("XPENDING str g", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ]

    private static let streams7: [(String, String)] = [
        ("FLUSHALL", "+OK"),
        ("XGROUP CREATE s g 0 MKSTREAM", "+OK"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :0 pending :0 last-delivered-id 0-0 entries-read nil lag :0]]"
        ),
        ("XADD s 1-1 a 1", "1-1"),
        ("XADD s 1-2 a 2", "1-2"),
        ("XADD s 1-3 a 3", "1-3"),
        ("XADD s 1-4 a 4", "1-4"),
        ("XADD s 1-5 a 5", "1-5"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :0 pending :0 last-delivered-id 0-0 entries-read nil lag :5]]"
        ),
        ("XREADGROUP GROUP g c COUNT 2 NOACK STREAMS s >", "[[s [[1-1 [a 1]] [1-2 [a 2]]]]]"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :1 pending :0 last-delivered-id 1-2 entries-read :2 lag :3]]"
        ),
        ("XDEL s 1-1", ":1"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :1 pending :0 last-delivered-id 1-2 entries-read :2 lag :3]]"
        ),
        ("XDEL s 1-4", ":1"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :1 pending :0 last-delivered-id 1-2 entries-read :2 lag nil]]"
        ),
        ("XREADGROUP GROUP g c COUNT 1 NOACK STREAMS s >", "[[s [[1-3 [a 3]]]]]"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :1 pending :0 last-delivered-id 1-3 entries-read nil lag nil]]"
        ),
        ("XREADGROUP GROUP g c COUNT 1 NOACK STREAMS s >", "[[s [[1-5 [a 5]]]]]"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :1 pending :0 last-delivered-id 1-5 entries-read :5 lag :0]]"
        ),
        ("XGROUP SETID s g 1-2", "+OK"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :1 pending :0 last-delivered-id 1-2 entries-read nil lag nil]]"
        ),
        ("XTRIM s MAXLEN 1", ":2"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :1 pending :0 last-delivered-id 1-2 entries-read nil lag :1]]"
        ),
        ("XGROUP SETID s g 1-4 ENTRIESREAD 4", "+OK"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :1 pending :0 last-delivered-id 1-4 entries-read :4 lag :1]]"
        ),
        ("XGROUP SETID s g 0", "+OK"),
        ("XREADGROUP GROUP g c NOACK STREAMS s >", "[[s [[1-5 [a 5]]]]]"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :1 pending :0 last-delivered-id 1-5 entries-read :5 lag :0]]"
        ),
    ]

    private static let streams8: [(String, String)] = [
        ("FLUSHALL", "+OK"),
        ("XADD s 1-1 a 1", "1-1"),
        ("XADD s 1-2 a 2", "1-2"),
        ("XADD s 1-3 a 3", "1-3"),
        ("XADD s 1-4 a 4", "1-4"),
        ("XGROUP CREATE s g 0", "+OK"),
        ("XREADGROUP GROUP g c COUNT 3 STREAMS s >", "[[s [[1-1 [a 1]] [1-2 [a 2]] [1-3 [a 3]]]]]"),
        ("XCLAIM s g d 0 1-1", "[[1-1 [a 1]]]"),
        ("XCLAIM s g d 0 1-1 JUSTID", "[1-1]"),
        ("XCLAIM s g d 0 1-4", "[]"),
        ("XCLAIM s g d 0 1-4 FORCE", "[[1-4 [a 4]]]"),
        ("XCLAIM s g d 0 1-4 9-9 1-2 FORCE JUSTID", "[1-4 1-2]"),
        ("XPENDING s g", "[:4 1-1 1-4 [[c 1] [d 3]]]"),
        ("XCLAIM s g d 1000000 1-3", "[]"),
        ("XCLAIM s g d 0 1-3 IDLE 5000000 RETRYCOUNT 7", "[[1-3 [a 3]]]"),
        ("XPENDING s g IDLE 4000000 1-3 1-3 0", "[]"),
        ("XCLAIM s g e 4000000 1-1 1-2 1-3 1-4 JUSTID TIME 1", "[1-3]"),
        ("XCLAIM s g e 0 1-3 LASTID 3-0", "[[1-3 [a 3]]]"),
        (
            "XINFO GROUPS s",
            "[[name g consumers :3 pending :4 last-delivered-id 3-0 entries-read :3 lag :1]]"
        ),
        (
            "XCLAIM s g e 0 1-3 LASTID x",
            "-ERR Invalid stream ID specified as stream command argument"
        ),
        ("XCLAIM s g e 0 1-3 IDLE x", "-ERR Invalid IDLE option argument for XCLAIM"),
        ("XCLAIM s g e 0 1-3 TIME x", "-ERR Invalid TIME option argument for XCLAIM"),
        ("XCLAIM s g e 0 1-3 RETRYCOUNT x", "-ERR Invalid RETRYCOUNT option argument for XCLAIM"),
        ("XCLAIM s g e 0 1-3 RETRYCOUNT", "-ERR Unrecognized XCLAIM option 'RETRYCOUNT'"),
        ("XCLAIM s g e 0 1-3 FOO", "-ERR Unrecognized XCLAIM option 'FOO'"),
        ("XCLAIM s g e 0 1-3 RETRYCOUNT -5 JUSTID", "[1-3]"),
        ("XCLAIM s g e x 1-3", "-ERR Invalid min-idle-time argument for XCLAIM"),
        ("XCLAIM s g e -5 1-3 JUSTID", "[1-3]"),
        ("XCLAIM s none e 0 1-3", "-NOGROUP No such key 's' or consumer group 'none'"),
        ("XCLAIM none g e x 1-3", "-NOGROUP No such key 'none' or consumer group 'g'"),
        ("XCLAIM s g e 0 FORCE", "[]"),
        ("XDEL s 1-2", ":1"),
        ("XCLAIM s g e 0 1-2 JUSTID", "[]"),
        ("XPENDING s g", "[:3 1-1 1-4 [[d 2] [e 1]]]"),
        ("XAUTOCLAIM s g f 0 0 COUNT 1", "[1-3 [[1-1 [a 1]]] []]"),
        ("XAUTOCLAIM s g f 0 (1-1 COUNT 1 JUSTID", "[1-4 [1-3] []]"),
        ("XDEL s 1-3", ":1"),
        ("XAUTOCLAIM s g f 0 -", "[0-0 [[1-1 [a 1]] [1-4 [a 4]]] [1-3]]"),
        ("XAUTOCLAIM s g h 100000000 - JUSTID", "[0-0 [] []]"),
        ("XAUTOCLAIM s g h 0 1-4 JUSTID COUNT 1", "[0-0 [1-4] []]"),
        ("XAUTOCLAIM s g h 0 2 JUSTID", "[0-0 [] []]"),
        ("XPENDING s g", "[:2 1-1 1-4 [[f 1] [h 1]]]"),
        ("XAUTOCLAIM s g h 0 - COUNT 0", "-ERR COUNT must be > 0"),
        ("XAUTOCLAIM s g h 0 - COUNT x", "-ERR COUNT must be > 0"),
        ("XAUTOCLAIM s g h 0 - COUNT", "-ERR syntax error"),
        ("XAUTOCLAIM s g h 0 - FOO", "-ERR syntax error"),
        ("XAUTOCLAIM s g h x -", "-ERR Invalid min-idle-time argument for XAUTOCLAIM"),
        ("XAUTOCLAIM s g h 0 x", "-ERR Invalid stream ID specified as stream command argument"),
        ("XAUTOCLAIM s none h 0 -", "-NOGROUP No such key 's' or consumer group 'none'"),
        ("XAUTOCLAIM none g h 0 -", "-NOGROUP No such key 'none' or consumer group 'g'"),
        (
            "XAUTOCLAIM s g h 0 (18446744073709551615-18446744073709551615",
            "-ERR invalid start ID for the interval"
        ),
        ("SET str 1", "+OK"),
        (
            "XCLAIM str g e 0 1-1",
            "-WRONGTYPE Operation against a key holding the wrong kind of value"
        ),
        (
            "XAUTOCLAIM str g e 0 -",
            "-WRONGTYPE Operation against a key holding the wrong kind of value"
        ),
    ]

    private static let streams9: [(String, String)] = [
        ("FLUSHALL", "+OK"),
        ("XADD s 1-1 a 1", "1-1"),
        ("XGROUP CREATE s g 0", "+OK"),
        ("XREADGROUP GROUP g c STREAMS s >", "[[s [[1-1 [a 1]]]]]"),
        ("COPY s t", ":1"),
        ("XPENDING t g", "[:1 1-1 1-1 [[c 1]]]"),
        ("RENAME t u", "+OK"),
        ("XRANGE u - +", "[[1-1 [a 1]]]"),
        ("XACK s g 1-1", ":1"),
        ("XPENDING u g", "[:1 1-1 1-1 [[c 1]]]"),
        (
            "DEBUG DIGEST-VALUE s u",
            "[+e63bcb852a375e66ef47d37f2575bc03f71e7ecd "
                + "+e63bcb852a375e66ef47d37f2575bc03f71e7ecd]"
        ),
        ("XADD u 1-2 a 2", "1-2"),
        ("DEBUG DIGEST-VALUE u", "[+f12544c927504f6eaa85e5137589128b6d15d03b]"),
        ("DEL u", ":1"),
        ("EXISTS u", ":0"),
        ("EXPIRE s 100", ":1"),
        ("PERSIST s", ":1"),
        ("XDEL s 1-1", ":1"),
        ("TYPE s", "+stream"),
        ("XLEN s", ":0"),
    ]

    static let streams: [(title: String, lines: [(String, String)])] = [
        ("XADD and ranges", streams0),
        ("XADD at the end of time", streams1),
        ("Trimming", streams2),
        ("XDEL and XSETID", streams3),
        ("XREAD", streams4),
        ("XGROUP", streams5),
        ("XREADGROUP, XACK and what is pending", streams6),
        ("Counters", streams7),
        ("XCLAIM and XAUTOCLAIM", streams8),
        ("Streams as keys", streams9),
    ]
}
