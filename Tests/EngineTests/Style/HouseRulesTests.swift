import Glibc
import Testing

@testable import Engine

/// The rules of the house: walls between rooms, sizes of files, words that do not belong.
@Suite struct HouseRulesTests {
    private struct File {
        /// Below the package's folder.
        let path: String
        let lines: [Substring]

        func isIn(_ folder: String) -> Bool { path.hasPrefix(folder) }

        /// Lines of code: without comments.
        var code: [Substring] {
            lines.filter { line in
                let text = line.drop { $0 == " " }
                return !text.hasPrefix("//")
            }
        }

        func names(_ word: String) -> Bool {
            code.contains { line in
                line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.contains { $0 == word }
            }
        }
    }

    private static let root: String = {
        // …/Tests/EngineTests/Style/HouseRulesTests.swift
        #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
    }()

    private static let files: [File] = ["Sources", "tools", "Tests"].flatMap { swiftFiles($0) }

    private static func swiftFiles(_ folder: String) -> [File] {
        var found: [File] = []
        guard let directory = opendir("\(root)/\(folder)") else { return [] }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".") { continue }
            let path = "\(folder)/\(name)"
            if Int32(entry.pointee.d_type) == Int32(DT_DIR) {
                found += swiftFiles(path)
            } else if name.hasSuffix(".swift") {
                let text = String(decoding: contents("\(root)/\(path)"), as: UTF8.self)
                found.append(
                    File(
                        path: path,
                        lines: text.split(separator: "\n", omittingEmptySubsequences: false)))
            }
        }
        return found
    }

    private static func contents(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    /// The files that break a rule.
    private func offenders(_ breaks: (File) -> Bool) -> [String] {
        Self.files.filter(breaks).map(\.path)
    }

    @Test func theTreeIsFound() {
        #expect(Self.files.count > 250)
    }

    @Test func onlyTheColdStoreKnowsLMDB() {
        #expect(
            offenders { file in
                file.names("LMDB") && file.isIn("Sources/")
                    && !file.isIn("Sources/LMDB/") && !file.isIn("Sources/Engine/Tiering/")
            }.isEmpty)
    }

    @Test func lowerRoomsNameNoHigherOnes() {
        let higher = ["Engine", "Client", "ReplyWriter", "Tier", "LogBuffer", "Arguments"]
        #expect(
            offenders { file in
                file.isIn("Sources/Engine/Structures/") && higher.contains(where: file.names)
            }.isEmpty)
        #expect(
            offenders { file in
                file.isIn("Sources/Engine/Protocol/")
                    && ["Engine", "Client", "Tier", "LogBuffer"].contains(where: file.names)
            }.isEmpty)
    }

    @Test func valuesKnowNoProtocol() {
        #expect(
            offenders { file in
                file.isIn("Sources/Engine/Values/")
                    && ["ReplyWriter", "Client", "Arguments"].contains(where: file.names)
            }.isEmpty)
    }

    @Test func noFoundationAnywhere() {
        #expect(offenders { $0.isIn("Sources/") && $0.names("Foundation") }.isEmpty)
    }

    @Test func theEngineHasNoSockets() {
        #expect(
            offenders { file in
                file.isIn("Sources/Engine/")
                    && file.code.contains { $0.hasPrefix("import NIO") }
            }.isEmpty)
    }

    @Test func filesAreShortAndExplainThemselves() {
        #expect(offenders { !$0.isIn("Tests/") && $0.lines.count > 500 }.isEmpty)
        #expect(
            offenders { file in
                file.isIn("Sources/") && file.lines.count > 60 && !file.lines[0].hasPrefix("//")
            }.isEmpty)
    }

    @Test func nothingIsLeftUnfinished() {
        // Spelled so that this file does not find itself.
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
        #expect(
            offenders { file in
                !file.isIn("Tests/")
                    && file.lines.contains { line in marks.contains { line.contains($0) } }
            }.isEmpty)
    }
}
