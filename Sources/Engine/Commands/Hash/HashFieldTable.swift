// The commands on fields' expiry: one row each.

private let perField: StaticString = "O(N) where N is the number of specified fields"

let hashFieldCommands: [CommandSpec] = hashFieldWrites + hashFieldReads

private let hashFieldWrites: [CommandSpec] = [
    CommandSpec(
        "hexpire", -6, [.write, .denyOOM, .fast], keys: .first, .hash, since: "7.4.0",
        "Set expiry for hash field using relative time to expire (seconds)",
        syntax: "key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        complexity: perField, HashFieldExpiry.hexpire),
    CommandSpec(
        "hpexpire", -6, [.write, .denyOOM, .fast], keys: .first, .hash, since: "7.4.0",
        "Set expiry for hash field using relative time to expire (milliseconds)",
        syntax: "key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        complexity: perField, HashFieldExpiry.hpexpire),
    CommandSpec(
        "hexpireat", -6, [.write, .denyOOM, .fast], keys: .first, .hash, since: "7.4.0",
        "Set expiry for hash field using an absolute Unix timestamp (seconds)",
        syntax: "key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        complexity: perField, HashFieldExpiry.hexpireat),
    CommandSpec(
        "hpexpireat", -6, [.write, .denyOOM, .fast], keys: .first, .hash, since: "7.4.0",
        "Set expiry for hash field using an absolute Unix timestamp (milliseconds)",
        syntax: """
            key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]
            """,
        complexity: perField, HashFieldExpiry.hpexpireat),
    CommandSpec(
        "hpersist", -5, [.write, .fast], keys: .first, .hash, since: "7.4.0",
        "Remove the expiration time of hash fields",
        syntax: "key FIELDS numfields field [field ...]",
        complexity: perField, HashFieldExpiry.hpersist),
    CommandSpec(
        "hgetex", -5, [.write, .fast], keys: .first, .hash, since: "8.0.0",
        "Get the values of hash fields and optionally set their expiration",
        syntax: """
            key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT \
            unix-time-milliseconds | PERSIST] FIELDS numfields field [field ...]
            """,
        complexity: perField, HashFieldAccess.hgetex),
    CommandSpec(
        "hsetex", -6, [.write, .denyOOM, .fast], keys: .first, .hash, since: "8.0.0",
        "Set the values of hash fields and optionally their expiration",
        syntax: """
            key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT \
            unix-time-milliseconds | KEEPTTL] FIELDS numfields field value [field value ...]
            """,
        complexity: "O(N) where N is the number of fields being set.", HashFieldAccess.hsetex),
    CommandSpec(
        "hgetdel", -5, [.write, .fast], keys: .first, .hash, since: "8.0.0",
        "Get the values of hash fields and delete the fields",
        syntax: "key FIELDS numfields field [field ...]",
        complexity: perField, HashFieldAccess.hgetdel),
]

private let hashFieldReads: [CommandSpec] = [
    CommandSpec(
        "httl", -5, [.readonly, .fast], keys: .first, .hash, since: "7.4.0",
        "Get the time to live of hash fields in seconds",
        syntax: "key FIELDS numfields field [field ...]",
        complexity: perField, HashFieldExpiry.httl),
    CommandSpec(
        "hpttl", -5, [.readonly, .fast], keys: .first, .hash, since: "7.4.0",
        "Get the time to live of hash fields in milliseconds",
        syntax: "key FIELDS numfields field [field ...]",
        complexity: perField, HashFieldExpiry.hpttl),
    CommandSpec(
        "hexpiretime", -5, [.readonly, .fast], keys: .first, .hash, since: "7.4.0",
        "Get the expiration time of hash fields as a Unix timestamp",
        syntax: "key FIELDS numfields field [field ...]",
        complexity: perField, HashFieldExpiry.hexpiretime),
    CommandSpec(
        "hpexpiretime", -5, [.readonly, .fast], keys: .first, .hash, since: "7.4.0",
        "Get the expiration time of hash fields as a Unix timestamp in milliseconds",
        syntax: "key FIELDS numfields field [field ...]",
        complexity: perField, HashFieldExpiry.hpexpiretime),
]
