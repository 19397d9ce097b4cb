import Testing

@testable import Engine

@Suite struct ChecksumTests {
    @Test func checkValues() {
        let digits = Array("123456789".utf8)
        #expect(digits.withUnsafeBytes { CRC32C.checksum($0) } == 0xE306_9283)
        #expect(digits.withUnsafeBytes { CRC64.checksum($0) } == 0xE9C6_D914_C4B8_D9CA)
        #expect(CRC32C.checksum(Bytes(start: nil, count: 0)) == 0)
        #expect(CRC64.checksum(Bytes(start: nil, count: 0)) == 0)
        // RFC 3720, B.4: 32 bytes of zeros, of ones.
        #expect(
            [UInt8](repeating: 0, count: 32).withUnsafeBytes { CRC32C.checksum($0) }
                == 0x8A91_36AA)
        #expect(
            [UInt8](repeating: 0xFF, count: 32).withUnsafeBytes { CRC32C.checksum($0) }
                == 0x62A8_AB43)
    }

    /// The fast forms against one bit at a time, at every length, alignment and split.
    @Test func agreeWithTheDefinition() {
        func slow32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
            var crc: UInt32 = ~0
            for byte in bytes {
                crc ^= UInt32(byte)
                for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
            }
            return ~crc
        }
        func slow64(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            var crc: UInt64 = 0
            for byte in bytes {
                crc ^= UInt64(byte)
                for _ in 0..<8 {
                    crc = crc & 1 == 1 ? (crc >> 1) ^ 0x95AC_9329_AC4B_C9B5 : crc >> 1
                }
            }
            return crc
        }
        var random = SystemRandomNumberGenerator()
        let bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
        bytes.withUnsafeBytes { raw in
            for start in 0..<9 {
                for count in 0...(raw.count - start) {
                    let view = Bytes(rebasing: raw[start..<(start + count)])
                    let whole32 = slow32(bytes[start..<(start + count)])
                    let whole64 = slow64(bytes[start..<(start + count)])
                    #expect(CRC32C.checksum(view) == whole32, "\(bytes)")
                    #expect(CRC64.checksum(view) == whole64, "\(bytes)")
                    let half = count / 3
                    let (head, tail) = (view.slice(0, half), view.slice(half, count - half))
                    let seed32 = CRC32C.checksum(head)
                    let seed64 = CRC64.checksum(head)
                    #expect(CRC32C.checksum(tail, seed: seed32) == whole32, "\(bytes)")
                    #expect(CRC64.checksum(tail, seed: seed64) == whole64, "\(bytes)")
                }
            }
        }
    }
}
