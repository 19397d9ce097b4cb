import Glibc
import Testing

@testable import Engine

/// A store is made whole or not at all; what an attempt that was cut short has left is no obstacle.
@Suite struct ColdCreationTests {
    @Test func leftOversOfAnAttemptAreRemoved() throws {
        let directory = ColdDirectory()
        for name in ["new.mdb", "new.mdb-lock"] {
            let file = fopen("\(directory.path)/\(name)", "w")!
            fputs(String(repeating: "half ", count: 2000), file)
            fclose(file)
        }
        let id = try directory.open().storeID
        #expect(
            try SystemDisk.shared.list(directory.path).sorted() == ["data.mdb", "lock.mdb"])
        #expect(try directory.open().storeID == id, "the same store the second time")
    }
}
