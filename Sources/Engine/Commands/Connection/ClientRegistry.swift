// The clients that are connected: CLIENT LIST, CLIENT KILL, limits, and the sums that the
// memory budget needs.

struct ClientRegistry {
    private(set) var byID: [Int64: Client] = [:]
    private var lastID: Int64 = 0

    var count: Int { byID.count }

    mutating func nextID() -> Int64 {
        lastID += 1
        return lastID
    }

    mutating func add(_ client: Client) { byID[client.id] = client }
    mutating func remove(_ client: Client) { byID[client.id] = nil }

    /// In the order of their connection.
    var all: [Client] { byID.values.sorted { $0.id < $1.id } }
}

extension Engine {
    /// A session for a new connection; nil when `maxclients` are connected.
    package func connect(_ connection: any ClientConnection) -> Client? {
        stats.connectionsReceived += 1
        guard clients.count < configuration.maxClients else {
            stats.rejectedConnections += 1
            return nil
        }
        let client = Client(id: clients.nextID(), nowMs: nowMs)
        client.connection = connection
        client.isAuthenticated = !needsAuthentication
        clients.add(client)
        return client
    }

    /// Ends a session whose connection is gone.
    package func disconnect(_ client: Client) {
        Transactions.end(self, client)
        stopWaiting(client)
        stopBlocking(client)
        unsubscribeAll(client)
        stopMonitoring(client)
        clients.remove(client)
        client.connection = nil
    }
}
