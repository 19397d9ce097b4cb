// Numbers and options among a command's arguments, with the errors that Redis answers.

extension Arguments {
    /// The integer at `index`; throws "value is not an integer or out of range".
    @inline(__always)
    func integer(_ index: Int) throws(CommandError) -> Int64 {
        guard let value = Numbers.parseInt64(self[index]) else { throw .notAnInteger }
        return value
    }

    /// The number of a database at `index`; the errors are Redis's: of no integer, of one of more
    /// than 32 bits, of one that is none.
    func databaseIndex(_ index: Int, _ engine: Engine) throws(CommandError) -> Int {
        let number = try integer(index)
        guard number >= Int64(Int32.min), number <= Int64(Int32.max) else {
            throw .message(
                "ERR value is out of range, value must between -2147483648 and 2147483647")
        }
        guard number >= 0, number < Int64(engine.databaseCount) else {
            throw .message("ERR DB index is out of range")
        }
        return Int(number)
    }

    /// The integer at `index`, which must lie in `range`; throws `error` whether it is no integer
    /// or outside.
    @inline(__always)
    func integer(
        _ index: Int, in range: ClosedRange<Int64>, else error: StaticString
    ) throws(CommandError) -> Int64 {
        guard let value = Numbers.parseInt64(self[index]), range.contains(value) else {
            throw .message(error)
        }
        return value
    }

    /// The integer at `index` that may be negated: all but the least. Throws as Redis does for
    /// -2^63, which names the bounds.
    func negatableInteger(_ index: Int) throws(CommandError) -> Int64 {
        let value = try integer(index)
        if value == .min {
            throw .message(
                """
                ERR value is out of range, value must between -9223372036854775807 and \
                9223372036854775807
                """)
        }
        return value
    }
}
