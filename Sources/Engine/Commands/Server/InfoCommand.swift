// INFO: which sections are shown, and their common form. The sections themselves are in
// InfoSections.swift, InfoStatistics.swift and InfoTiering.swift.

/// The text of INFO as it grows.
struct InfoText {
    private(set) var text = ""

    mutating func section(_ title: String) {
        if !text.isEmpty { text += "\r\n" }
        text += "# \(title)\r\n"
    }

    mutating func field(_ name: String, _ value: some CustomStringConvertible) {
        text += name
        text += ":"
        text += value.description
        text += "\r\n"
    }

    mutating func flag(_ name: String, _ value: Bool) { field(name, value ? 1 : 0) }

    /// A size twice: in bytes, and for people.
    mutating func size(_ name: String, _ bytes: Int) {
        field(name, bytes)
        field(name + "_human", humanBytes(bytes))
    }
}

enum InfoCommand {
    private typealias Section = (
        name: StaticString, isDefault: Bool, write: @Sendable (Engine, inout InfoText) -> Void
    )

    private static let sections: [Section] = [
        ("server", true, InfoSections.server),
        ("clients", true, InfoSections.clients),
        ("memory", true, InfoSections.memory),
        ("persistence", true, InfoSections.persistence),
        ("stats", true, InfoSections.stats),
        ("replication", true, InfoSections.replication),
        ("cpu", true, InfoSections.cpu),
        ("modules", true, { _, info in info.section("Modules") }),
        ("commandstats", false, InfoSections.commandstats),
        ("errorstats", true, InfoSections.errorstats),
        ("latencystats", false, InfoSections.latencystats),
        (
            "cluster", true,
            { _, info in
                info.section("Cluster")
                info.field("cluster_enabled", 0)
            }
        ),
        ("keyspace", true, InfoSections.keyspace),
        ("tiering", true, InfoSections.tiering),
    ]

    static func info(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.verbatim(text(engine, (1..<Swift.max(args.count, 1)).map { args[$0].text }))
    }

    /// The sections of these names, in INFO's own order; none: the default ones.
    static func text(_ engine: Engine, _ names: [String]) -> String {
        let names = Set(names.map { $0.lowercased() })
        let everything = names.contains("all") || names.contains("everything")
        let defaults = names.isEmpty || names.contains("default")
        var info = InfoText()
        for section in sections
        where everything || defaults && section.isDefault
            || names.contains(section.name.description)
        {
            section.write(engine, &info)
        }
        return info.text
    }
}

extension Engine {
    /// INFO's text, for the server's own reports.
    package func info(_ sections: String...) -> String { InfoCommand.text(self, sections) }
}
