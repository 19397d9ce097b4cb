import Testing

@testable import Engine

@Suite struct ChecksumTests {
    @Test func crc32cMatchesTheStandardCheckValue() {
        let digits = Array("123456789".utf8)
        #expect(digits.withUnsafeBytes { CRC32C.checksum($0) } == 0xE306_9283)
    }
}
