// Time, behind the seam: the engine asks a `Clock` and never the system, so that a test can
// hold time still, step it, or let it jump as a wall clock does.
//
// Wall time is what clients see (expiry, TIME, #TS lines); it may jump. Durations and
// timeouts use monotonic time only.

import Glibc
import Synchronization

/// A source of time. A value of two words; copying it is free.
package struct Clock: Sendable {
    private let manual: ManualTime?

    /// The machine's clocks.
    package static let system = Clock(manual: nil)

    /// A clock that stands still until its owner moves it.
    package init(_ manual: ManualTime) { self.manual = manual }
    private init(manual: ManualTime?) { self.manual = manual }

    /// Milliseconds since 1970: the unit of every TTL.
    package func wallMs() -> Int64 { wallUs() / 1000 }

    /// Microseconds since 1970.
    package func wallUs() -> Int64 {
        manual?.wall.load(ordering: .relaxed) ?? Clock.read(CLOCK_REALTIME)
    }

    /// Microseconds since some fixed moment; never goes back.
    package func monotonicUs() -> Int64 {
        manual?.monotonic.load(ordering: .relaxed) ?? Clock.read(CLOCK_MONOTONIC)
    }

    /// The machine's clocks, for code that has no clock of its own.
    package static func wallMs() -> Int64 { wallUs() / 1000 }
    package static func wallUs() -> Int64 { read(CLOCK_REALTIME) }
    package static func monotonicUs() -> Int64 { read(CLOCK_MONOTONIC) }

    private static func read(_ id: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(id, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

/// Time moved by hand. Thread-safe.
package final class ManualTime: Sendable {
    fileprivate let wall: Atomic<Int64>
    fileprivate let monotonic: Atomic<Int64>

    package init(wallUs: Int64 = 1_700_000_000_000_000, monotonicUs: Int64 = 1) {
        wall = Atomic(wallUs)
        monotonic = Atomic(monotonicUs)
    }

    /// Lets both clocks advance.
    package func advance(us: Int64) {
        wall.wrappingAdd(us, ordering: .relaxed)
        monotonic.wrappingAdd(us, ordering: .relaxed)
    }

    /// Moves the wall clock alone, as an administrator or NTP may.
    package func setWall(us: Int64) { wall.store(us, ordering: .relaxed) }
}
