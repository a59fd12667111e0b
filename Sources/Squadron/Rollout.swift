import ArgumentParser
import Console
import Fleet
import KubeObjects
import Support

struct Rollout: AsyncParsableCommand {
    static let configuration: CommandConfiguration = CommandConfiguration(
        abstract: "See and steer how a change of templates or values reaches the data planes.",
        discussion: Help.discussion(
            """
            It is for a ClusterRegistry with spec.rollout.type: Progressive. There, each change of the templates, of the \
            registry's values or of its workloadIdentity is a revision. The data planes get a revision group by group.
            """,
            examples: [
                "squadron rollout status", "squadron rollout pause", "squadron rollout resume",
                "squadron rollout undo", "squadron rollout undo --to-revision 3",
            ],
            codes: Help.usualCodes),
        subcommands: [Show.self, Pause.self, Resume.self, Undo.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status",
            abstract: "Show how far the last change is, and which data plane has which revision.",
            discussion: Help.discussion("", examples: ["squadron rollout status -o json"], codes: Help.usualCodes))
        @OptionGroup var options: ConsoleOptions

        func run() async throws {
            try await options.run("rollout status") { reader, screen in
                let objects = try await reader.objects(of: [.clusterRegistries, .dataPlanes])
                return screen.show(RolloutReport(objects), as: options.output)
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop before the next data plane. Those whose turn it is go on.",
            discussion: Help.discussion(
                "Sets spec.rollout.paused.", examples: ["squadron rollout pause"], codes: Help.usualCodes))
        @OptionGroup var options: ConsoleOptions
        func run() async throws { try await options.steer("pause", .pause) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Go on, even after failures or a missed deadline. Data planes that fail now count no more.",
            discussion: Help.discussion(
                "Unsets spec.rollout.paused and sets the annotation \(RolloutNames.resumedAt).",
                examples: ["squadron rollout resume"], codes: Help.usualCodes))
        @OptionGroup var options: ConsoleOptions
        func run() async throws {
            try await options.steer("resume", .resume(now: Timestamp(WallClock.system.now)))
        }
    }

    struct Undo: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring all data planes back to an earlier revision, at once.",
            discussion: Help.discussion(
                """
                All data planes get the last revision that was complete, or the one that you name. They keep it until the \
                next change. The command sets the annotation \(RolloutNames.pinned), and changes nothing else in the registry.
                """,
                examples: ["squadron rollout undo", "squadron rollout undo --to-revision 3"], codes: Help.usualCodes))
        @Option(help: "The number of the revision. By default the last one that was complete.")
        var toRevision: Int64?
        @OptionGroup var options: ConsoleOptions
        func run() async throws { try await options.steer("undo", .undo(to: toRevision)) }
    }
}

extension ConsoleOptions {
    fileprivate func steer(_ name: String, _ action: RolloutSteering.Action) async throws {
        try await run("rollout \(name)") { reader, screen in
            let objects = try await reader.objects(of: [.clusterRegistries])
            let revisions = if case .undo = action { try await reader.rolloutRevisions() } else { [DynamicObject]() }
            let steering = RolloutSteering(action, objects, revisions: revisions)
            try await steering.apply(reader)
            if let refusal = steering.refusal {
                screen.note("squadron rollout \(name): \(refusal)")
                if output == .text { return .failed }
            }
            return screen.show(steering, as: output)
        }
    }
}
