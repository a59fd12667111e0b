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
            For a ClusterRegistry with spec.rollout.type: Progressive. Each change of templates, of the registry's values or \
            of its workloadIdentity is a revision, which the data planes get group by group.
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
            abstract: "Let no further data plane get the change; those whose turn it is go on.",
            discussion: Help.discussion(
                "Sets spec.rollout.paused.", examples: ["squadron rollout pause"], codes: Help.usualCodes))
        @OptionGroup var options: ConsoleOptions
        func run() async throws { try await options.steer("pause", .pause) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Go on, also after failures or a deadline; what fails now is let pass.",
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
                Goes to the last revision that all data planes had, or to the one that is named, and stays there until the \
                next change. It sets the annotation \(RolloutNames.pinned) and changes nothing else of the registry.
                """,
                examples: ["squadron rollout undo", "squadron rollout undo --to-revision 3"], codes: Help.usualCodes))
        @Option(help: "The number of the revision; by default the last completed one.")
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
