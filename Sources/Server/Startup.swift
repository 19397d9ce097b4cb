// How far the start is, for the three threads that care: the one that loads the data, the main one,
// which lets clients in when that takes a while, and the one that ends the server.

import Engine

final class Startup: @unchecked Sendable {
    enum State {
        case loading
        /// Somebody ends a server that was still loading.
        case ending
        case loaded
    }

    private let monitor = Monitor()
    private var current: Engine?
    private var isLoaded = false
    /// Clients are not let in yet, for the data may be there in a moment.
    private var isPatient = true
    private var isServed = false
    private var isEnding = false

    /// The engine, once there is one.
    var engine: Engine? { monitor.withLock { current } }

    /// The data is going to be loaded into `engine`.
    func begun(_ engine: Engine, _ serve: (Engine, Bool) -> Void) {
        monitor.withLock {
            current = engine
            if !isPatient { serveOnce(serve) }
        }
    }

    /// The data is there: from now on the server ends in order.
    func loaded() {
        monitor.withLock {
            isLoaded = true
            monitor.notifyAll()
        }
    }

    func waitForLoading(milliseconds: Int64) {
        let end = Clock.monotonicUs() + milliseconds * 1000
        monitor.withLock {
            while !isLoaded, Clock.monotonicUs() < end {
                monitor.wait(microseconds: end - Clock.monotonicUs())
            }
        }
    }

    /// Calls `serve` if nobody has yet; without an engine `begun` will. `whileLoading`: only if the
    /// data is not there; when it has just come, the loading thread lets clients in, and they are
    /// never told that it was not.
    func letIn(whileLoading: Bool, _ serve: (Engine, Bool) -> Void) {
        monitor.withLock {
            if whileLoading, isLoaded { return }
            isPatient = false
            serveOnce(serve)
        }
    }

    private func serveOnce(_ serve: (Engine, Bool) -> Void) {
        guard !isServed, !isEnding, let current else { return }
        isServed = true
        serve(current, !isLoaded)
    }

    /// The server is going to end: nobody is let in any more. Returns what was the case before.
    func end() -> State {
        monitor.withLock {
            let state: State = isLoaded ? .loaded : isEnding ? .ending : .loading
            isEnding = true
            return state
        }
    }

    /// The end was called off.
    func goOn(_ serve: (Engine, Bool) -> Void) {
        monitor.withLock {
            isEnding = false
            serveOnce(serve)
        }
    }
}
