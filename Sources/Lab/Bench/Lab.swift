import Foundation
import HTTP
import JSON
import Kube
import KubeObjects
import RealCluster
import Support

/// The scenarios, with one kind of servers.
struct Lab {
    let folder: URL
    let latency: Int
    let repeats: Int
    let settledSeconds: Double
    var real: KubernetesBinaries?

    private var place: String { real == nil ? "devcluster, \(latency) ms" : "real servers" }

    func measure(_ only: String?) async throws {
        let scenarios: [(String, () async throws -> Void)] = [
            ("cold3", { try await cold(3, 102) }), ("cold10", { try await cold(10, 100) }),
            ("restart", { try await restart(3, 102) }), ("blackhole", { try await blackHole() }),
            ("settled", { try await settled() }), ("propagation", { try await propagation() }),
            ("fleet100", { try await fleet100() }), ("change", { try await change(50, 200) }),
            ("fleet500", { try await change(500, 60) }), ("large", { try await change(500, 300) }),
            ("defaults", { try await outOfTheBox() }),
            ("join", { try await join() }),
        ]
        for (name, scenario) in scenarios where only.map({ name.contains($0) }) ?? !Self.isLong(name) {
            let isForReal = ["cold3", "restart", "defaults", "join"].contains(name)
            if real != nil, !isForReal { continue }
            try await scenario()
        }
    }

    /// These take ten minutes and more: only where they are asked for.
    private static func isLong(_ name: String) -> Bool { ["change", "fleet500", "large"].contains(name) }

    func row(_ name: String, _ measured: String, _ target: String, _ holds: Bool?) {
        say("| \(place): \(name) | \(measured) | \(target) | \(holds.map { $0 ? "yes" : "**no**" } ?? "") |")
    }

    func servers(_ count: Int) async throws -> (Servers, Setup) {
        let servers =
            if let real { try await Servers(realDataPlanes: count, real) } else {
                try await Servers(dataPlanes: count, folder: folder)
            }
        let setup = Setup(servers: servers)
        try await setup.run()
        return (servers, setup)
    }

    /// From here on the links have their latency.
    private func slow(_ servers: Servers) async throws {
        if latency > 0 { try await servers.control("POST", "/clusters/*/latency", ["latencyMs": .int(Int64(latency))]) }
        try await servers.control("DELETE", "/requests")
    }

    /// Wall and CPU time of the bare program. Its CPU time comes from the kernel's account of ended children.
    func floor(_ targets: [Target], _ projects: [String]) async throws -> (wall: Duration, cpu: Duration) {
        let file = folder.appending(path: "plan-\(UUID().uuidString).json")
        let data = try JSONEncoder().encode(Floor.Plan(targets: targets, projects: projects))
        guard
            FileManager.default.createFile(
                atPath: file.path, contents: data, attributes: [.posixPermissions: 0o600])
        else { throw Child.Failure(description: "can't write \(file.path)") }
        defer { try? FileManager.default.removeItem(at: file) }
        func ended() -> Duration {
            var usage = rusage()
            getrusage(RUSAGE_CHILDREN.rawValue, &usage)
            func duration(_ time: timeval) -> Duration { .seconds(time.tv_sec) + .microseconds(time.tv_usec) }
            return duration(usage.ru_utime) + duration(usage.ru_stime)
        }
        let (start, before) = (ContinuousClock.now, ended())
        let child = try Child("squadron-bench", ["floor", file.path], log: folder.appending(path: "floor.log"))
        try await child.ends(within: 120)
        return (ContinuousClock.now - start, ended() - before)
    }

    // MARK: Scenarios

    private func cold(_ dataPlanes: Int, _ count: Int) async throws {
        var walls: [Double] = [], floors: [Double] = [], cpus: [Double] = [], floorCPUs: [Double] = []
        var writes = 0
        var memory: (before: Double, after: Double, peak: Double) = (0, 0, 0)
        let names = (1...dataPlanes).map { "dataplane-\($0)" }
        for _ in 0..<(real == nil ? repeats : 1) {
            do {
                let (servers, _) = try await servers(dataPlanes)
                defer { servers.end() }
                try await slow(servers)
                let result = try await floor(servers.dataPlanes, (1...count).map { "f\($0)" })
                floors.append(result.wall.seconds)
                floorCPUs.append(result.cpu.seconds)
            }
            let (servers, setup) = try await servers(dataPlanes)
            defer { servers.end() }
            let kubeconfig = try await setup.kubeconfig(in: folder)
            // The value before: the operator is connected to all, with nothing to do.
            let idle = try Squadron(kubeconfig: kubeconfig, folder: folder)
            _ = try await idle.completes(names, 0)
            try await Task.sleep(for: .seconds(1))
            memory.before = idle.child.memory.now
            try await idle.child.terminate()
            try await setup.want(count, prefix: "p")
            try await slow(servers)
            let squadron = try Squadron(kubeconfig: kubeconfig, folder: folder)
            walls.append(try await squadron.completes(names, count).seconds)
            cpus.append(squadron.child.cpu.seconds)
            try await Task.sleep(for: .seconds(2))
            memory.after = squadron.child.memory.now
            memory.peak = squadron.child.memory.peak
            let requests = try await servers.requests(of: "squadron")
            writes = max(
                writes,
                names.map { name in
                    requests[name, default: [:]].filter { $0.key.hasPrefix("patch") }.values.reduce(0, +)
                }.reduce(0, +))
            try await squadron.child.terminate()
        }
        let objects = dataPlanes * count * 3
        let (wall, bare) = (walls.median, floors.median)
        let (cpu, bareCPU) = (cpus.median, floorCPUs.median)
        row(
            "cold sync \(dataPlanes) × \(count) (\(objects) objects), wall",
            "\(format(wall)) s, floor \(format(bare)) s: \(format(wall / bare)) ×", "≤ 1.5 ×", wall <= 1.5 * bare)
        row(
            "cold sync \(dataPlanes) × \(count), CPU",
            "\(format(cpu)) s, floor \(format(bareCPU)) s: \(format(cpu / bareCPU)) ×",
            "≤ 2 ×", cpu <= 2 * bareCPU)
        if real == nil {
            row(
                "cold sync \(dataPlanes) × \(count), writes", "\(writes) for \(objects) objects", "one each",
                writes == objects)
        }
        row(
            "resident memory, \(objects) objects",
            "before \(format(memory.before, 1)) MB, after \(format(memory.after, 1)) MB, peak \(format(memory.peak, 1)) MB; "
                + "\(format((memory.after - memory.before) * 1024 / Double(objects), 1)) kB an object",
            objects == 918 ? "≤ 40 MB" : "", objects == 918 ? memory.after <= 40 : nil)
    }

    private func restart(_ dataPlanes: Int, _ count: Int) async throws {
        let names = (1...dataPlanes).map { "dataplane-\($0)" }
        let (servers, setup) = try await servers(dataPlanes)
        defer { servers.end() }
        let kubeconfig = try await setup.kubeconfig(in: folder)
        try await setup.want(count, prefix: "p")
        let first = try Squadron(kubeconfig: kubeconfig, folder: folder)
        _ = try await first.completes(names, count)
        try await Task.sleep(for: .seconds(3))
        try await first.child.terminate()
        try await slow(servers)
        var walls: [Double] = [], floors: [Double] = [], most = 0, writes = 0
        for _ in 0..<repeats {
            floors.append(try await floor(servers.dataPlanes, []).wall.seconds)
            try await servers.control("DELETE", "/requests")
            let squadron = try Squadron(kubeconfig: kubeconfig, folder: folder)
            walls.append(try await squadron.completes(names, count).seconds)
            try await Task.sleep(for: .seconds(3))
            let requests = try await servers.requests(of: "squadron")
            for name in names {
                most = max(most, requests[name, default: [:]].values.reduce(0, +))
                writes += requests[name, default: [:]].filter { $0.key.hasPrefix("patch") }.values.reduce(0, +)
            }
            writes += requests["control-plane", default: [:]].filter { $0.key.hasPrefix("patch") }.values.reduce(0, +)
            try await squadron.child.terminate()
        }
        row(
            "restart, settled \(dataPlanes) × \(count), wall",
            "\(format(walls.median, 3)) s, bare lists \(format(floors.median, 3)) s: \(format(walls.median / floors.median)) ×",
            "≤ 3 ×", walls.median <= 3 * floors.median)
        if real == nil {
            row(
                "restart, requests per data plane", "\(most), \(writes) writes", "≤ 10, none", most <= 10 && writes == 0
            )
        }
    }

    private func blackHole() async throws {
        let names = (1...10).map { "dataplane-\($0)" }
        let others = Array(names.dropLast())
        var without: [Double] = [], with: [Double] = [], back: [Double] = [], during: [Double] = [], calm: [Double] = []
        var backLater: [Double] = []
        for isHoled in [false, true] {
            for _ in 0..<repeats {
                let (servers, setup) = try await servers(10)
                defer { servers.end() }
                let kubeconfig = try await setup.kubeconfig(in: folder)
                try await setup.want(100, prefix: "p")
                try await slow(servers)
                func hole(_ on: Bool) async throws {
                    try await servers.control("POST", "/clusters/dataplane-10/black-hole", ["on": .bool(on)])
                }
                if isHoled { try await hole(true) }
                let squadron = try Squadron(kubeconfig: kubeconfig, folder: folder)
                let wall = try await squadron.completes(others, 100).seconds
                if isHoled { with.append(wall) } else { without.append(wall) }
                if isHoled {
                    // By then the operator knows that it is away.
                    try await Task.sleep(for: .seconds(8))
                    try await hole(false)
                    let start = ContinuousClock.now
                    _ = try await squadron.completes(names, 100)
                    back.append((ContinuousClock.now - start).seconds)
                    try await hole(true)
                } else {
                    _ = try await squadron.completes(names, 100)
                }
                let start = ContinuousClock.now
                try await setup.want(20, prefix: "q")
                _ = try await squadron.completes(others, 120)
                (isHoled ? { during.append($0) } : { calm.append($0) })((ContinuousClock.now - start).seconds)
                if isHoled {
                    try await Task.sleep(for: .seconds(8))
                    try await hole(false)
                    let start = ContinuousClock.now
                    _ = try await squadron.completes(names, 120)
                    backLater.append((ContinuousClock.now - start).seconds)
                }
                squadron.child.kill()
            }
        }
        row(
            "1 of 10 black-holed before the start, the others' cold sync",
            "\(format(with.median)) s, without \(format(without.median)) s: \(format(with.median / without.median)) ×",
            "≤ 1.1 ×", with.median <= 1.1 * without.median)
        row(
            "its sync after it is back (probe interval 10 s)", "\(format(back.median, 1)) s", "≤ 10 s + the work",
            back.median <= 10 + without.median)
        row(
            "1 of 10 black-holed while running, 20 more on the others",
            "\(format(during.median)) s, without \(format(calm.median)) s: \(format(during.median / calm.median)) ×",
            "≤ 1.1 ×",
            during.median <= 1.1 * calm.median)
        row(
            "its sync after it is back", "\(format(backLater.median, 1)) s", "≤ 10 s + the work", backLater.median <= 11
        )
    }

    private func settled() async throws {
        let names = (1...10).map { "dataplane-\($0)" }
        let (servers, setup) = try await servers(10)
        defer { servers.end() }
        try await setup.want(100, prefix: "p")
        let squadron = try Squadron(kubeconfig: try await setup.kubeconfig(in: folder), folder: folder)
        _ = try await squadron.completes(names, 100)
        try await Task.sleep(for: .seconds(5))
        try await slow(servers)
        let cpu = squadron.child.cpu
        try await Task.sleep(for: .seconds(settledSeconds))
        var probes = 0, more: [String: Int] = [:]
        for (_, counts) in try await servers.requests(of: "squadron") {
            for (what, count) in counts {
                if ["get /readyz", "get namespaces"].contains(what) || what.hasPrefix("watch ") {
                    probes += count
                } else {
                    more[what, default: 0] += count
                }
            }
        }
        let which = more.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
        row(
            "settled 10 × 100, \(Int(settledSeconds)) s",
            "\(more.values.reduce(0, +)) requests\(which.isEmpty ? "" : " (\(which))") besides \(probes) of probes and watches; CPU \(format((squadron.child.cpu - cpu).seconds)) s",
            "0", more.isEmpty)
        squadron.child.kill()
    }

    private func propagation() async throws {
        let names = (1...10).map { "dataplane-\($0)" }
        let (servers, setup) = try await servers(10)
        defer { servers.end() }
        let squadron = try Squadron(kubeconfig: try await setup.kubeconfig(in: folder), folder: folder)
        _ = try await squadron.completes(names, 0)
        try await slow(servers)
        let patch = try await barePatch(servers.dataPlanes[0])
        let times = try await propagate(servers, over: servers.dataPlanes, samples: 60)
        row(
            "a new project-domain to its ServiceAccount on all of 10",
            "p50 \(format(times.median, 1)) ms (\(format(times.median / patch)) × a bare PATCH of \(format(patch, 1)) ms), p99 \(format(times.percentile(0.99), 1)) ms (\(format(times.percentile(0.99) / patch)) ×)",
            "", nil)
        squadron.child.kill()
    }

    private func fleet100() async throws {
        let names = (1...100).map { "dataplane-\($0)" }
        let (servers, setup) = try await servers(100)
        defer { servers.end() }
        let squadron = try Squadron(kubeconfig: try await setup.kubeconfig(in: folder), folder: folder)
        try await setup.want(5, prefix: "p")
        _ = try await squadron.completes(names, 5)
        try await slow(servers)
        let healthy = Array(servers.dataPlanes.prefix(80))
        let before = try await propagate(servers, over: healthy, samples: 30, pause: .seconds(2))
        let (memory, connections) = (squadron.child.memory.now, squadron.child.sockets.tcp)
        for number in 81...100 {
            try await servers.control("POST", "/clusters/dataplane-\(number)/black-hole", ["on": true])
        }
        try await Task.sleep(for: .seconds(15))
        let during = try await propagate(servers, over: healthy, samples: 30, prefix: "h", pause: .seconds(2))
        let (one, two) = (before.percentile(0.99), during.percentile(0.99))
        row(
            "100 data planes, 20 black-holed: p99 to the healthy ones",
            "\(format(two, 1)) ms, without \(format(one, 1)) ms: \(format(two / one)) × (p50 \(format(during.median, 1)) and \(format(before.median, 1)) ms)",
            "≤ 1.1 ×", two <= 1.1 * one)
        row(
            "100 data planes, 20 black-holed: memory, connections",
            "\(format(squadron.child.memory.now, 1)) MB (\(format(memory, 1)) before), \(squadron.child.sockets.tcp) TCP connections (\(connections) before)",
            "bounded", squadron.child.sockets.tcp <= connections + 20)
        squadron.child.kill()
    }
}
