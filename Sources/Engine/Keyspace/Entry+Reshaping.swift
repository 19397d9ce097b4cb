// Giving an entry another body size without moving it, where the allocator would hand back a
// piece of the same size anyway. Overwriting a value with one of about the same length, the most
// common write of all, then neither allocates nor touches the table.

import Glibc

extension Entry {
    /// The same key with a body of `bodyCount` bytes and another expiry. The new body is for the
    /// caller to fill; whatever the old one owned was freed or taken before. Access data and
    /// flags are kept. When the handle that is returned differs, this one was freed. O(key).
    @inline(__always)
    func reshaped(
        type: ValueType, encoding: Encoding, bodyCount: Int, expiry: Int64?
    ) -> Entry {
        let hadExpiry = flags.contains(.expires)
        let old = totalCount
        let new =
            old &- self.bodyCount &+ bodyCount
            &+ (expiry == nil ? 0 : 8) &- (hadExpiry ? 8 : 0)
        // Freeing needs a size of the allocation's class, no more; so any of that class will do.
        guard old == new || Heap.footprint(old) == Heap.footprint(new) else {
            return resized(type: type, encoding: encoding, bodyCount: bodyCount, expiry: expiry)
        }
        if hadExpiry != (expiry != nil) { shiftKey(hadExpiry ? -8 : 8) }
        raw.storeBytes(of: type.rawValue | encoding.rawValue << 4, as: UInt8.self)
        raw.storeBytes(of: UInt32(truncatingIfNeeded: bodyCount), toByteOffset: 12, as: UInt32.self)
        if let expiry { overwriteExpiry(expiry) }
        return self
    }

    /// Makes room for an expiry field, or closes its gap.
    @inline(never)
    private func shiftKey(_ distance: Int) {
        let from = UnsafeMutableRawPointer(mutating: key.baseAddress!)
        memmove(from + distance, from, keyCount)
        flags = distance > 0 ? flags.union(.expires) : flags.subtracting(.expires)
    }
}
