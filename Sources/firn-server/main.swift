// The server's executable: see Sources/Server/Server.swift for what it does.

import Server

Server.run(Array(CommandLine.arguments.dropFirst()))
