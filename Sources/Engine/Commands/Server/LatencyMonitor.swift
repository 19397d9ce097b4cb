// LATENCY: events that took longer than `latency-monitor-threshold`, and how long commands take.
//
// For each kind of event the last 160 samples are kept, at most one a second (the worst). The
// histograms of commands are those that INFO latencystats summarizes: buckets at powers of two,
// so that counting a command is one addition.

struct LatencyMonitor {
    struct Sample {
        let unixSeconds: Int64
        var milliseconds: Int64
    }

    struct Series {
        /// Oldest first.
        var samples: [Sample] = []
        var worstMs: Int64 = 0
    }

    private static let samplesMax = 160

    private(set) var series: [String: Series] = [:]

    mutating func add(_ event: String, _ milliseconds: Int64, _ unixSeconds: Int64) {
        var one = series[event] ?? Series()
        one.worstMs = Swift.max(one.worstMs, milliseconds)
        if let last = one.samples.last, last.unixSeconds == unixSeconds {
            one.samples[one.samples.count - 1].milliseconds = Swift.max(
                last.milliseconds, milliseconds)
        } else {
            if one.samples.count == LatencyMonitor.samplesMax { one.samples.removeFirst() }
            one.samples.append(Sample(unixSeconds: unixSeconds, milliseconds: milliseconds))
        }
        series[event] = one
    }

    /// Forgets one event, or all; returns how many were known.
    mutating func reset(_ event: String?) -> Int {
        if let event { return series.removeValue(forKey: event) == nil ? 0 : 1 }
        defer { series.removeAll() }
        return series.count
    }

    /// A chart of bars, one column a sample, its age below it, read downwards.
    static func graph(_ event: String, _ series: Series, nowSeconds: Int64) -> String {
        let samples = series.samples.suffix(80)
        let high = samples.map(\.milliseconds).max() ?? 0
        let low = samples.map(\.milliseconds).min() ?? 0
        var text =
            "\(event) - high \(high) ms, low \(low) ms (all time high \(series.worstMs) ms)\n"
        text += String(repeating: "-", count: 80) + "\n"
        let rows = 4
        let shades: [Character] = ["_", "o", "#"]
        let steps = Int64(rows * shades.count)
        let levels = samples.map { sample in
            high == low ? 0 : Int((sample.milliseconds - low) * (steps - 1) / (high - low))
        }
        for row in stride(from: rows - 1, through: 0, by: -1) {
            for level in levels {
                let over = level - row * shades.count
                text.append(over < 0 ? " " : over < shades.count ? shades[over] : "|")
            }
            text.append("\n")
        }
        let labels = samples.map { Array(age(nowSeconds - $0.unixSeconds)) }
        text.append("\n")
        for line in 0..<(labels.map(\.count).max() ?? 0) {
            for label in labels { text.append(line < label.count ? label[line] : " ") }
            text.append("\n")
        }
        return text
    }

    private static func age(_ seconds: Int64) -> String {
        if seconds < 60 { return "\(seconds)s" }
        if seconds < 3600 { return "\(seconds / 60)m" }
        if seconds < 86400 { return "\(seconds / 3600)h" }
        return "\(seconds / 86400)d"
    }

    func report(thresholdMs: Int, slowlogMicroseconds: Int) -> String {
        if thresholdMs == 0 {
            return """
                Latency monitoring is off. Turn it on with "CONFIG SET \
                latency-monitor-threshold <milliseconds>".

                """
        }
        if series.isEmpty {
            return "No latency spike of \(thresholdMs) ms or more has been observed.\n"
        }
        var text = "Latency spikes of \(thresholdMs) ms or more have been observed:\n\n"
        for (number, (event, one)) in series.sorted(by: { $0.key < $1.key }).enumerated() {
            let count = Int64(one.samples.count)
            let mean = one.samples.reduce(0) { $0 + $1.milliseconds } / Swift.max(count, 1)
            let deviation =
                one.samples.reduce(0) { $0 + abs($1.milliseconds - mean) } / Swift.max(count, 1)
            let span = (one.samples.last?.unixSeconds ?? 0) - (one.samples.first?.unixSeconds ?? 0)
            text += """
                \(number + 1). \(event): \(count) latency spikes (average \(mean)ms, mean \
                deviation \(deviation)ms, period \(fixed(Double(span) / Double(Swift.max(count, 1)), 2)) \
                sec). Worst all time event \(one.worstMs)ms.

                """
        }
        text += "\nAdvice:\n\n"
        if slowlogMicroseconds < 0 || slowlogMicroseconds > thresholdMs * 1000 {
            text += "- The slow log misses some of them: CONFIG SET slowlog-log-slower-than "
            text += "\(thresholdMs * 1000).\n"
        }
        text += "- SLOWLOG GET shows the commands that were slow.\n"
        return text
    }
}
