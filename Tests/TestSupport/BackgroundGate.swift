// Background threads go on only when the test lets them.
//
// A snapshot is written by a thread of its own. So that a run can be repeated exactly, that thread
// stops before certain calls of the disk until it is let through, one call at a time; while it
// runs, the test waits. Only calls may be chosen before which it holds no lock.

import Engine
import Glibc

package final class BackgroundGate: @unchecked Sendable {
    private let owner = pthread_self()
    private let holds: (DiskCall, String) -> Bool
    private var waiting = 0
    private var permits = 0
    private var isOpen = false

    /// `holds` chooses calls; those of the thread that makes the gate pass at once.
    package init(holds: @escaping (DiskCall, String) -> Bool) { self.holds = holds }

    /// With the disk's `monitor` held.
    func pass(_ call: DiskCall, _ path: String, _ monitor: Monitor) {
        if pthread_equal(owner, pthread_self()) != 0 || isOpen || !holds(call, path) { return }
        waiting += 1
        monitor.notifyAll()
        while !isOpen && permits == 0 { monitor.wait() }
        if permits > 0 { permits -= 1 }
        waiting -= 1
        monitor.notifyAll()
    }

    fileprivate func letThrough() { permits += 1 }
    fileprivate func open() { isOpen = true }
    fileprivate func close() { isOpen = false }
    fileprivate var isHolding: Bool { waiting > permits }
}

extension SimulatedDisk {
    /// Whether a background thread stands before the gate.
    package var isHoldingBackground: Bool { monitor.withLock { gate?.isHolding ?? false } }

    /// Lets one call through.
    package func letThrough() {
        monitor.withLock {
            gate?.letThrough()
            monitor.notifyAll()
        }
    }

    /// Lets everything through from now on.
    package func openGate() {
        monitor.withLock {
            gate?.open()
            monitor.notifyAll()
        }
    }

    package func closeGate() { monitor.withLock { gate?.close() } }
}
