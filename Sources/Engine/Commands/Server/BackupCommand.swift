// BACKUP [name]: a copy of the whole store in a directory of its own.
// BACKUP CANCEL: the one that is being made is given up, as BGSAVE CANCEL does in Valkey.

enum BackupCommand {
    private static let nameBytesMax = 200

    static func backup(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        if args.count > 2 { throw .syntax }
        var name: String?
        if args.count == 2, args[1].equalsIgnoringCase("cancel") {
            guard engine.cancelBackup() else {
                throw .message("ERR Background backup is currently not in progress")
            }
            return client.reply.simple("Background backup cancelled")
        }
        if args.count == 2 {
            guard let text = plainName(args[1]) else {
                throw .message(
                    """
                    ERR the name of a backup is one of letters, digits, '-', '_' and '.', and \
                    does not begin with '.'
                    """)
            }
            name = text
        }
        if let failure = engine.startBackup(name) { throw .text("ERR \(failure)") }
        client.reply.simple("Background backup started")
    }

    private static func plainName(_ bytes: Bytes) -> String? {
        guard bytes.count > 0, bytes.count <= nameBytesMax, bytes[0] != UInt8(ascii: ".") else {
            return nil
        }
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: continue
            default: return nil
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
