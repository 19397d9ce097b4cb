// What holds while the data is loaded at the start: clients are served, and the keyspace is not
// theirs yet.
//
// Loading runs on a thread of its own and takes the engine's lock for a few dozen effects or keys at
// a time; event loops have their turns between. As in Redis a command without the flag `loading` is
// refused with LOADING. So no client can see or change a key, and the part of a turn that would
// (expiry, eviction, the log) is left out until the data is whole; maintenance has not begun.
//
// To end the server meanwhile is to let the process go. What is on disk is what a crash would leave,
// and the next start takes up from there: a log is replayed again, an import starts over, a restore
// is refused until it is run again.

import Glibc

/// What an opening tells of its steps, on its thread.
package struct OpeningSteps {
    /// What happens, a line each.
    package var note: (String) -> Void
    /// The engine exists, and may be served from now on; its data is not there yet.
    package var begun: (Engine) -> Void = { _ in }
    /// The data is whole and durable; from now on the engine must be closed in order.
    package var loaded: () -> Void = {}

    package init(note: @escaping (String) -> Void) { self.note = note }
}

extension Engine {
    /// Event loops are going to take the lock while the data is loaded.
    package func shareWhileLoading() { loading?.isShared = true }

    func beginLoading(_ note: @escaping (String) -> Void) {
        loading = LoadProgress(startedSeconds: clock.wallMs() / 1000, note)
        configurationChanged()
    }

    func endLoading() {
        loading = nil
        configurationChanged()
    }

    /// Why a command may not run while the data is loaded, or nil. In place of all other checks but
    /// for the password, in Redis's order: nothing is out of memory, no disk has failed yet.
    @inline(never)
    func refusalWhileLoading(
        _ client: Client, _ index: Int, _ arguments: Arguments
    ) -> CommandError? {
        let spec = commands[index]
        if client.transaction != nil, spec.pointee.flags.contains(.noMulti) {
            return .notInTransaction
        }
        if client.subscriptionCount > 0, client.reply.version == 2,
            !spec.pointee.isAllowedWhileSubscribed
        {
            return .whileSubscribed(spec.pointee.name)
        }
        return runsWhileLoading(index, arguments) ? nil : .isLoading
    }

    /// Whether Redis executes the command while it loads. Also one that is none: the container says
    /// so.
    func runsWhileLoading(_ index: Int, _ arguments: Arguments) -> Bool {
        let spec = commands[index]
        if spec.pointee.subcommands.isEmpty || arguments.count < 2 {
            return spec.pointee.flags.contains(.loading)
        }
        let subcommand = spec.pointee.subcommands.first {
            arguments[1].equalsIgnoringCase($0.name)
        }
        guard let subcommand, subcommand.takes(arguments.count) else { return true }
        return subcommand.flags.contains(.loading)
    }

    // MARK: The loading thread

    /// `count` keys or effects have been read, and `bytes` of the stage at hand. Lets the event loops
    /// have the lock now and then: a mutex that is taken again at once is seldom another's. Without
    /// the lock.
    func loadingReached(_ count: Int, _ what: String, bytes: Int) {
        let next = withLock { engine in
            engine.loading?.reached(
                count, what, bytes: bytes, clients: engine.clients.byID.count)
        }
        guard let next else { return }
        next.tell?()
        if next.gives { usleep(50) }
    }

    /// The same where there is nothing to count.
    func loadingGoesOn() {
        if withLock({ $0.loading?.isShared ?? false }) { usleep(50) }
    }

    /// `key-load-delay`: so many microseconds a key, or one in so many keys; for tests, as in Redis.
    static func delayLoading(_ delayUs: Int, after count: Int) {
        if delayUs > 0 {
            usleep(UInt32(delayUs))
        } else if delayUs < 0, count % delayUs == 0 {
            usleep(1)
        }
    }
}
