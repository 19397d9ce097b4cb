// The options of SET, GETEX and MSETEX, and times of expiry as commands give them.

/// A time of expiry as it stands in a command: relative or absolute, in seconds or milliseconds.
struct ExpiryTime {
    enum Unit { case seconds, milliseconds }

    let value: Int64
    let unit: Unit
    let isAbsolute: Bool

    /// Absolute Unix milliseconds, which may be past; throws where they cannot be computed.
    func expiry(_ engine: Engine, _ name: StaticString) throws(CommandError) -> Int64 {
        var time = value
        if unit == .seconds {
            let (product, overflow) = time.multipliedReportingOverflow(by: 1000)
            if overflow { throw .invalidExpireTime(name) }
            time = product
        }
        if !isAbsolute {
            let (sum, overflow) = time.addingReportingOverflow(engine.nowMs)
            if overflow { throw .invalidExpireTime(name) }
            time = sum
        }
        return time
    }

    /// The same for SET and GETEX, which refuse zero and negative times.
    func positiveExpiry(_ engine: Engine, _ name: StaticString) throws(CommandError) -> Int64 {
        if value <= 0 { throw .invalidExpireTime(name) }
        return try expiry(engine, name)
    }
}

/// Options of SET, GETEX and MSETEX.
struct SetOptions {
    enum Command { case set, getex, msetex }
    enum Condition { case none, absent, present }

    private(set) var condition = Condition.none
    /// What the present value must be like; excludes `condition`.
    private(set) var match: ValueMatch?
    private(set) var get = false
    private(set) var keepsTTL = false
    private(set) var persists = false
    /// The argument with the time, and how it is meant.
    private var time: (bytes: Bytes, unit: ExpiryTime.Unit, isAbsolute: Bool)?

    /// Parses from argument `start` on; options that exclude each other are a syntax error.
    init(_ args: Arguments, from start: Int, for command: Command) throws(CommandError) {
        var index = start
        while index < args.count {
            let option = args[index]
            if let (unit, isAbsolute) = SetOptions.time(option) {
                guard !keepsTTL, !persists, index + 1 < args.count,
                    time == nil || (time!.unit == unit && time!.isAbsolute == isAbsolute)
                else { throw .syntax }
                index += 1
                time = (args[index], unit, isAbsolute)
            } else if command == .getex {
                guard option.equalsIgnoringCase("persist"), time == nil else { throw .syntax }
                persists = true
            } else if option.equalsIgnoringCase("nx"), condition != .present, match == nil {
                condition = .absent
            } else if option.equalsIgnoringCase("xx"), condition != .absent, match == nil {
                condition = .present
            } else if let kind = ValueMatch.kind(option), command == .set {
                guard condition == .none, match == nil || match!.kind == kind,
                    index + 1 < args.count
                else { throw .syntax }
                index += 1
                match = try ValueMatch(kind, args[index])
            } else if option.equalsIgnoringCase("get"), command == .set {
                get = true
            } else if option.equalsIgnoringCase("keepttl"), time == nil {
                keepsTTL = true
            } else {
                throw .syntax
            }
            index += 1
        }
    }

    private static func time(_ option: Bytes) -> (ExpiryTime.Unit, Bool)? {
        if option.equalsIgnoringCase("ex") { return (.seconds, false) }
        if option.equalsIgnoringCase("px") { return (.milliseconds, false) }
        if option.equalsIgnoringCase("exat") { return (.seconds, true) }
        if option.equalsIgnoringCase("pxat") { return (.milliseconds, true) }
        return nil
    }

    /// The absolute expiry that was asked for, nil for none.
    func expiry(_ engine: Engine, _ name: StaticString) throws(CommandError) -> Int64? {
        guard let time else { return nil }
        guard let value = Numbers.parseInt64(time.bytes) else { throw .notAnInteger }
        return try ExpiryTime(value: value, unit: time.unit, isAbsolute: time.isAbsolute)
            .positiveExpiry(engine, name)
    }
}
