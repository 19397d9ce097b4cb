// COMMAND and its kin, and the rows themselves against those of a real Redis.

import Glibc
import Testing

@testable import Engine

@Suite struct CommandTableTests {
    private func text(_ arguments: [CommandArgument]) -> String {
        arguments.map { argument in
            var text = argument.token.map { "\($0):" } ?? ""
            text += argument.type == "pure-token" ? "token" : "\(argument.name)/\(argument.type)"
            if !argument.arguments.isEmpty { text += "(\(self.text(argument.arguments)))" }
            if argument.isOptional { text += "?" }
            if argument.isMultiple { text += argument.repeatsToken ? "++" : "+" }
            return text
        }.joined(separator: " ")
    }

    @Test func syntax() {
        func read(_ notation: StaticString) -> String { text(CommandSyntax.arguments(notation)) }
        #expect(read("") == "")
        #expect(read("key [key ...]") == "key/key+")
        #expect(read("[message]") == "message/string?")
        #expect(
            read("key value [NX | XX] [GET] [EX seconds | KEEPTTL]")
                == "key/key value/string nx_xx/oneof(NX:token XX:token)? GET:token? "
                + "seconds_keepttl/oneof(EX:seconds/integer KEEPTTL:token)?")
        #expect(
            read("key field value [field value ...]")
                == "key/key field_value/block(field/string value/string)+")
        #expect(
            read("key [LIMIT offset count] [GET pattern [GET pattern ...]]")
                == "key/key LIMIT:offset_count/block(offset/integer count/integer)? "
                + "GET:pattern/pattern?++")
        #expect(read("<ON | OFF>") == "on_off/oneof(ON:token OFF:token)")
        #expect(
            read("[TYPE <A | B>] [ID client-id [client-id ...]]")
                == "TYPE:a_b/oneof(A:token B:token)? ID:client-id/integer?+")
        // Whatever is written there must not trap.
        for odd: StaticString in [
            "[", "]", "<|>", "...", "[...]", "a ... b", "| |", "[[[", "X Y Z",
        ] {
            _ = read(odd)
        }
    }

    @Test func everyRowIsDocumented() {
        let test = TestEngine()
        for command in test.engine.commands.named {
            #expect(!command.spec.summary.description.isEmpty, "\(command.name)")
            let reply = test.send(["COMMAND", "DOCS", command.name].map { Array($0.utf8) })
            #expect(reply.items.count == 2, "\(command.name)")
            #expect(command.name == command.name.lowercased())
        }
        let count = test.engine.commands.specs.count
        #expect(test.send([Array("COMMAND".utf8)]).items.count == count)
        #expect(test.run("COMMAND", "COUNT") == ":\(count)")
        #expect(Set(test.engine.commands.specs.map(\.name.description)).count == count)
    }

    @Test func keysOfARequest() {
        let test = TestEngine()
        func run(_ line: String) -> String { test.run(line: "COMMAND " + line) }
        #expect(run("GETKEYS set a b") == "[a]")
        #expect(run("GETKEYS mset a 1 b 2") == "[a b]")
        #expect(run("GETKEYS zunionstore d 2 a b") == "[d a b]")
        #expect(run("GETKEYS object encoding k") == "[k]")
        #expect(run("GETKEYSANDFLAGS set a b") == "[[a [+OW +update]]]")
        #expect(run("GETKEYS sort a by x get y store b") == "[a b]")
        #expect(run("GETKEYS ping a") == "-ERR The command has no key arguments")
        #expect(run("GETKEYS nosuch a") == "-ERR Invalid command specified")
        #expect(run("GETKEYS get a b") == "-ERR Invalid number of arguments specified for command")
        #expect(run("GETKEYS") == "-ERR wrong number of arguments for 'command|getkeys' command")
        #expect(run("LIST FILTERBY PATTERN client|k*") == "[client|kill]")
        #expect(run("LIST FILTERBY MODULE x") == "[]")
        #expect(run("LIST FILTERBY foo x") == "-ERR syntax error")
        #expect(run("LIST FILTERBY ACLCAT connection").contains("client|kill"))
        #expect(
            run("INFO nosuch get") == "[nil [get :2 [+readonly +fast] :1 :1 :1 "
                + "[+@read +@string +@fast] [] [[flags [+RO +access] begin_search [type index spec "
                + "[index :1]] find_keys [type range spec [lastkey :0 keystep :1 limit :0]]]] []]]")
    }

    /// Every row that Redis has too says what Redis says: arity, keys, flags, categories.
    @Test(.enabled(if: access("/usr/bin/redis-server", X_OK) == 0))
    func rowsAreThoseOfRedis() throws {
        let rows = try #require(redisRows())
        #expect(rows.count > 250)
        let test = TestEngine()
        var compared = 0
        for command in test.engine.commands.named {
            guard let expected = rows[command.name] else { continue }
            compared += 1
            let spec = command.spec
            #expect(describe(spec, command.name) == expected, "\(command.name)")
        }
        #expect(compared > 60)
    }

    private func describe(_ spec: CommandSpec, _ name: String) -> String {
        let flags = spec.flagNames.map(\.description).sorted().joined(separator: " ")
        let categories = spec.categoryNames.map { "@" + $0 }.sorted().joined(separator: " ")
        let range = spec.keyRange
        return "\(spec.arity) \(range.first) \(range.last) \(range.step) [\(flags)] [\(categories)]"
    }

    /// COMMAND of a real server, one line a command, in the form of `describe`.
    private func redisRows() -> [String: String]? {
        let port = 30100 + Int(getpid()) % 1900
        let script = """
            local function names(t) local o = {} for _, x in ipairs(t) do \
            table.insert(o, type(x) == 'table' and x.ok or x) end table.sort(o) \
            return table.concat(o, ' ') end \
            local out = {} \
            local function add(c) table.insert(out, c[1] .. '=' .. c[2] .. ' ' .. c[4] .. ' ' .. \
            c[5] .. ' ' .. c[6] .. ' [' .. names(c[3]) .. '] [' .. names(c[7]) .. ']') \
            for _, s in ipairs(c[10]) do add(s) end end \
            for _, c in ipairs(redis.call('command')) do add(c) end \
            return table.concat(out, '\\n')
            """
        let shell = """
            redis-server --port \(port) --save '' --appendonly no >/dev/null 2>&1 & pid=$!; \
            for i in 1 2 3 4 5 6 7 8 9 10; do redis-cli -p \(port) ping >/dev/null 2>&1 && break; \
            sleep 0.1; done; redis-cli -p \(port) eval "\(script)" 0; kill -9 $pid
            """
        guard let pipe = popen(shell, "r") else { return nil }
        defer { pclose(pipe) }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&chunk, 1, chunk.count, pipe)
            if count == 0 { break }
            text += chunk[0..<count]
        }
        var rows: [String: String] = [:]
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
            guard let sign = line.firstIndex(of: "=") else { continue }
            rows[String(line[..<sign])] = String(line[line.index(after: sign)...])
        }
        return rows
    }
}
