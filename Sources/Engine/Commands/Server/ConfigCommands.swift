// CONFIG: the settings of the running server. The rules are the Configuration room's; here the
// changes are made to take effect.

enum ConfigCommands {
    static func get(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        engine.server.live.adopt(engine.configuration)
        let found = engine.server.live.get((2..<args.count).map { args[$0].text })
        client.reply.map(found.count)
        for (name, value) in found {
            client.reply.bulk(name)
            client.reply.bulk(value)
        }
    }

    static func set(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard args.count % 2 == 0 else { throw .syntax }
        var pairs: [(name: String, value: String)] = []
        for index in stride(from: 2, to: args.count, by: 2) {
            pairs.append((args[index].text, args[index + 1].text))
        }
        if let failure = engine.setConfiguration(pairs, isLocal: client.isLocal) {
            throw .text(failure)
        }
        client.reply.ok()
    }

    static func rewrite(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        engine.server.live.adopt(engine.configuration)
        if let failure = engine.server.live.rewrite() { throw .text(failure) }
        client.reply.ok()
    }

    static func resetstat(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        engine.stats.reset()
        engine.lazyFree.freedCount = 0
        client.reply.ok()
    }

    static func help(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.help(
            "CONFIG",
            [
                "GET <pattern>",
                "    Return parameters matching the glob-like <pattern> and their values.",
                "SET <directive> <value>",
                "    Set the configuration <directive> to <value>.",
                "RESETSTAT",
                "    Reset statistics reported by the INFO command.",
                "REWRITE",
                "    Rewrite the configuration file.",
            ])
    }
}

extension Engine {
    /// Sets all pairs or none, and lets them take effect; the error reply, or nil. Whoever must
    /// react beside the engine (a listener, say) has registered at `server.live.onChange`.
    package func setConfiguration(
        _ pairs: [(name: String, value: String)], isLocal: Bool
    ) -> String? {
        server.live.adopt(configuration)
        // Taken out for the while, so that a reaction may look at the engine.
        var live = server.live
        if let failure = live.set(pairs, isLocal: isLocal) { return failure }
        server.live = live
        let hadLog = configuration.appendOnly
        configuration = live.values
        configurationChanged()
        if configuration.appendOnly != hadLog { logWasSwitched(on: configuration.appendOnly) }
        if let logWriter {
            logWriter.policy = syncPolicy
        }
        if configuration.maxmemory == 0 { isOutOfMemory = false }
        maintenance?.wake()
        return nil
    }

    /// The file that CONFIG REWRITE writes. At the start, before reactions are registered.
    package func useConfigurationFile(_ path: String?) {
        server.live = LiveConfiguration(configuration, filePath: path)
        server.live.onChange(of: "appendonly") { [unowned self] _, _ in
            // How the directory is opened hangs on it.
            loading == nil ? nil : "the dataset is being loaded"
        }
    }
}
