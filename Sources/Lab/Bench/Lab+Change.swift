import Foundation
import JSON
import Kube
import KubeObjects
import Support

/// Measures what a change costs in a fleet that runs, beside a bare program that makes the same writes over open
/// connections.
extension Lab {
    /// - Parameter count: the namespaces in each data plane before the change.
    func change(_ dataPlanes: Int, _ count: Int) async throws {
        let size = "\(dataPlanes) × \(count)"
        let names = (1...dataPlanes).map { "dataplane-\($0)" }
        let (servers, setup) = try await servers(dataPlanes)
        defer { servers.end() }
        let kubeconfig = try await setup.kubeconfig(in: folder)
        try await setup.want(count, prefix: "p")
        var squadron = try Squadron(kubeconfig: kubeconfig, folder: folder)
        let cold = try await squadron.completes(names, count, within: 900)
        row(
            "\(size) (\(dataPlanes * count * 3) objects), cold sync",
            "\(format(cold.seconds, 1)) s, CPU \(format(squadron.child.cpu.seconds, 1)) s", "", nil)
        try await Task.sleep(for: .seconds(10))
        let memory = squadron.child.memory
        let objects = Double(dataPlanes * count * 3)
        let allowed: Double = (400 * objects + 150_000 * Double(dataPlanes)) / 1_048_576
        let resident = "\(format(memory.now, 0)) MB (peak \(format(memory.peak, 0)) MB)"
        let connections = format(Double(squadron.child.sockets.tcp) / Double(dataPlanes), 1)
        let measured =
            "\(resident); anonymous \(format(memory.anonymous, 0)) MB; \(connections) TCP connections a data plane"
        row(
            "\(size), memory, connections", measured,
            "512 MB, anonymous \(format(allowed, 0)) MB, 2 connections",
            memory.peak <= 512 && memory.anonymous <= allowed)
        let before = squadron.child.cpu
        try await Task.sleep(for: .seconds(settledSeconds))
        let idle = (squadron.child.cpu - before).seconds / settledSeconds
        let bare = try await settledFloor(servers) / settledSeconds
        row(
            "\(size), settled",
            "CPU \(format(idle * 60)) s a minute; the same requests, bare: \(format(bare * 60)) s: \(format(idle / bare)) ×",
            dataPlanes == 500 ? "≤ 0.6 s" : "", nil)

        try await oneMore(servers, squadron, size, idle)
        try await smallChanges(servers, squadron, size, idle, dataPlanes)

        try await squadron.child.terminate()
        let lists = try await floor(servers.dataPlanes, [])
        squadron = try Squadron(kubeconfig: kubeconfig, folder: folder)
        let restart = try await squadron.completes(names, count + Self.samples, within: 300)
        let cpu = squadron.child.cpu
        row(
            "\(size), restart",
            "\(format(restart.seconds)) s, CPU \(format(cpu.seconds)) s; bare lists \(format(lists.wall.seconds)) s, CPU \(format(lists.cpu.seconds)) s: "
                + "\(format(restart.seconds / lists.wall.seconds)) ×",
            "≤ 2 ×", restart.seconds <= 2 * lists.wall.seconds)
        squadron.child.kill()
    }

    private static let samples = 5
    /// After a change the statuses follow; they count as its cost.
    private static let pause = Duration.seconds(3)

    private func oneMore(_ servers: Servers, _ squadron: Squadron, _ size: String, _ idle: Double) async throws {
        let (start, cpu) = (ContinuousClock.now, squadron.child.cpu)
        let times = try await propagate(
            servers, over: servers.dataPlanes, samples: Self.samples, prefix: "n", pause: Self.pause)
        let spent = (squadron.child.cpu - cpu).seconds - idle * (ContinuousClock.now - start).seconds
        var bare: [WarmFloor.Result] = []
        for number in 1...Self.samples {
            bare.append(try await warmFloor(servers, project: "f\(number)"))
        }
        let (floorCPU, floorWall) = (bare.map(\.cpu).median, bare.map(\.wall).median)
        let one = spent / Double(Self.samples)
        row(
            "\(size), one more project-domain, CPU with statuses",
            "\(format(one, 3)) s, floor \(format(floorCPU, 3)) s: \(format(one / floorCPU)) ×", "≤ 2 ×",
            one <= 2 * floorCPU)
        row(
            "\(size), one more project-domain, to the last data plane",
            "\(format(times.median / 1000, 3)) s, floor \(format(floorWall, 3)) s: \(format(times.median / 1000 / floorWall)) ×",
            "≤ 1.5 ×", times.median / 1000 <= 1.5 * floorWall)
    }

    /// Changes that touch little: what they cost must not depend on the fleet.
    private func smallChanges(
        _ servers: Servers, _ squadron: Squadron, _ size: String, _ idle: Double, _ dataPlanes: Int
    ) async throws {
        let client = servers.controlPlane.client
        defer { client.close() }
        func cost(_ what: String, _ change: (Int) async throws -> Void) async throws {
            let (start, cpu) = (ContinuousClock.now, squadron.child.cpu)
            for number in 1...Self.samples {
                try await change(number)
                try await Task.sleep(for: Self.pause)
            }
            let spent = (squadron.child.cpu - cpu).seconds - idle * (ContinuousClock.now - start).seconds
            row("\(size), \(what), CPU", "\(format(spent / Double(Self.samples), 3)) s", "", nil)
        }
        try await cost("a value of one data plane") { number in
            try await patch(
                client, "DataPlane", "dataplane-1", ["spec": ["values": ["projectQuotaCpu": .string("\(number + 8)")]]])
        }
        try await cost("a new execution label") { number in
            let clusters: JSON = [["name": "dataplane_1", "weight": 1]]
            try await Setup.apply(
                Setup.resource("ExecutionLabel", "small-\(number)", ["clusters": clusters]), to: client)
        }
        try await cost("a weight of the label of all project-domains") { number in
            let weight = Double(number) / 10
            let clusters: JSON = [
                ["name": "dataplane_1", "weight": .double(weight)],
                ["name": "dataplane_2", "weight": .double(1 - weight)],
            ]
            try await patch(client, "ExecutionLabel", "label1", ["spec": ["clusters": clusters]])
        }
    }

    private func patch(_ client: KubeClient, _ kind: String, _ name: String, _ change: JSON) async throws {
        try await client.mergePatch(
            change, type: Setup.type(kind, "multicluster.flyte.org/v1alpha1"), namespace: "flyte", name: name,
            fieldManager: "bench", metadataOnlyAnswer: true)
    }

    private func settledFloor(_ servers: Servers) async throws -> Double {
        let child = try bare("settled-floor", SettledFloor.Plan(targets: servers.dataPlanes, seconds: settledSeconds))
        try await child.ends(within: settledSeconds + 60)
        guard let cpu = Double(child.output.split(separator: "\n").last ?? "") else {
            throw Child.Failure(description: child.output)
        }
        return cpu
    }

    private func warmFloor(_ servers: Servers, project: String) async throws -> WarmFloor.Result {
        let plan = WarmFloor.Plan(targets: servers.dataPlanes, controlPlane: servers.controlPlane, project: project)
        let child = try bare("warm-floor", plan)
        try await child.ends(within: 120)
        return try JSONDecoder().decode(WarmFloor.Result.self, from: Data(child.output.utf8))
    }

    /// Starts the bare program. Its plan has tokens, so only we may read the file.
    private func bare(_ command: String, _ plan: some Encodable) throws -> Child {
        let file = folder.appending(path: "\(command)-\(UUID().uuidString).json")
        guard
            FileManager.default.createFile(
                atPath: file.path, contents: try JSONEncoder().encode(plan), attributes: [.posixPermissions: 0o600])
        else { throw Child.Failure(description: "can't write \(file.path)") }
        return try Child("squadron-bench", [command, file.path], log: folder.appending(path: "\(command).log"))
    }

    /// Measures with the operator's default, without `connection.qps`.
    func outOfTheBox() async throws {
        let (dataPlanes, count) = (2, 279)
        let names = (1...dataPlanes).map { "dataplane-\($0)" }
        var walls: [Double] = [], floors: [Double] = []
        for _ in 0..<(real == nil ? repeats : 1) {
            do {
                let (servers, _) = try await servers(dataPlanes)
                defer { servers.end() }
                floors.append(try await floor(servers.dataPlanes, (1...count).map { "f\($0)" }).wall.seconds)
            }
            let (servers, setup) = try await servers(dataPlanes)
            defer { servers.end() }
            let client = servers.controlPlane.client
            for name in names {
                try await patch(client, "DataPlane", name, ["spec": ["connection": ["qps": 0, "burst": 0]]])
            }
            client.close()
            try await setup.want(count, prefix: "p")
            let squadron = try Squadron(kubeconfig: try await setup.kubeconfig(in: folder), folder: folder)
            walls.append(try await squadron.completes(names, count).seconds)
            squadron.child.kill()
        }
        let ratio = walls.median / floors.median
        row(
            "out of the box, cold sync 2 × 279, wall",
            "\(format(walls.median)) s, floor \(format(floors.median)) s: \(format(ratio)) ×", "≤ 1.5 ×", ratio <= 1.5)
    }
}
