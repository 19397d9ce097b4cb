// What the tests of the log share: effects as values, a log on a disk in memory, and a model
// of what the log should hold.

import Testing

@testable import Engine

let testFiles = LogFiles(directory: "appendonlydir")
let testStream = Array("0123456789abcdef0123456789abcdef01234567".utf8)

/// A deterministic generator, so that a printed seed replays.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// An effect as read back, or as it should be.
struct Effect: Equatable, CustomStringConvertible {
    var database: Int
    var words: [[UInt8]]
    var isExpiry = false
    var startsUnit = true
    var endsUnit = true

    init(_ database: Int, _ text: String, isExpiry: Bool = false) {
        self.init(
            database, text.split(separator: " ").map { Array($0.utf8) }, isExpiry: isExpiry)
    }

    init(_ database: Int, _ words: [[UInt8]], isExpiry: Bool = false) {
        self.database = database
        self.words = words
        self.isExpiry = isExpiry
    }

    var description: String {
        let text = words.map { String(decoding: $0.prefix(20), as: UTF8.self) }
        return "\(database):\(text.joined(separator: " "))"
            + (isExpiry ? "!" : "") + (startsUnit ? "[" : "") + (endsUnit ? "]" : "")
    }
}

extension LogBuffer {
    mutating func add(_ effect: Effect) {
        if effect.isExpiry { annotateExpiry() }
        beginCommand(database: effect.database, argumentCount: effect.words.count)
        for word in effect.words { word.withUnsafeBytes { argument($0) } }
        endCommand()
    }

    /// Adds effects as one unit; returns them as they should be read back.
    @discardableResult
    mutating func addUnit(_ effects: [Effect]) -> [Effect] {
        beginUnit()
        for effect in effects { add(effect) }
        endUnit()
        return effects.indices.map { index in
            var effect = effects[index]
            effect.startsUnit = index == 0
            effect.endsUnit = index == effects.count - 1
            return effect
        }
    }
}

extension Effect {
    init(_ command: LogCommand) {
        self.init(
            command.database, command.arguments.map { Array($0) }, isExpiry: command.isExpiry)
        startsUnit = command.startsUnit
        endsUnit = command.endsUnit
    }
}

/// Reads a whole log.
func readLog(
    _ disk: any Disk, _ files: LogFiles = testFiles, format: LogReader.Format = .firn,
    isRaw: Bool = false, loadTruncated: Bool = true
) throws(LogError) -> (effects: [Effect], end: LogEnd) {
    guard let manifest = try files.loadManifest(disk) else {
        throw .missing(file: files.manifestName)
    }
    var reader = try LogReader(
        disk, files, manifest, format: format, isRaw: isRaw, loadTruncated: loadTruncated)
    var effects: [Effect] = []
    while let command = try reader.next() { effects.append(Effect(command)) }
    return (effects, reader.end!)
}

/// Random effects, some of them in units, some long, some empty.
func randomUnit(_ random: inout SeededGenerator) -> [Effect] {
    let count =
        Int.random(in: 0..<8, using: &random) == 0
        ? Int.random(in: 2...4, using: &random) : 1
    return (0..<count).map { _ in
        if Int.random(in: 0..<10, using: &random) == 0 {
            return Effect(Int.random(in: 0..<3, using: &random), "DEL key", isExpiry: true)
        }
        let words = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            (0..<Int.random(in: 0...12, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
        }
        return Effect(
            Int.random(in: 0..<3, using: &random), [Array("SET".utf8)] + words)
    }
}
