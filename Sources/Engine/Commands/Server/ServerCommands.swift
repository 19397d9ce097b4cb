// TIME and LOLWUT.

enum ServerCommands {
    static func time(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        let now = engine.clock.wallUs()
        client.reply.array(2)
        client.reply.bulkInteger(now / 1_000_000)
        client.reply.bulkInteger(now % 1_000_000)
    }

    /// A patch of old snow: grains, denser the deeper they lie. Arguments are accepted.
    static func lolwut(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        let grains: [String] = ["❄", "❅", "❆", "·", "∗"]
        var text = ""
        for row in 0..<8 {
            for _ in 0..<40 {
                let chance = engine.random.next() % 8
                let grain = grains[Int(engine.random.next() % UInt64(grains.count))]
                text += chance <= UInt64(row) ? grain : " "
            }
            text += "\n"
        }
        text += "\nFirn \(Version.firn), snow that stays. Redis ver. \(Version.redis)\n"
        client.reply.verbatim(text)
    }
}
