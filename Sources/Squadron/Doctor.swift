import ArgumentParser
import Console
import Fleet
import FlyteAdmin
import Operator

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the whole installation, and say what to do about each finding.",
        discussion: Help.discussion(
            """
            Checks what a support engineer would: the CRDs, the operator and its rights, the clocks, the conditions, the \
            endpoints, credentials that end soon, propeller, and flyteadmin with its mounts and ConfigMaps. It also finds what \
            Flyte's chart has left behind, and what an upgrade from 0.1 would cut off. It reads the control plane with your own \
            rights, and the data planes with the credentials that their DataPlanes name. It changes nothing.
            """,
            examples: [
                "squadron doctor",
                "squadron doctor -o json | jq -r '.checks[].findings[] | .subject + \": \" + .action'",
            ],
            codes: [
                (0, "all is well"), (1, "failed, or something could not be checked"), (2, "wrong usage"),
                (3, "there are findings"),
            ]))

    @OptionGroup var options: ConsoleOptions
    @OptionGroup var cloud: CloudOptions

    func run() async throws {
        let cloud = try cloud.access("squadron doctor")
        try await options.run("doctor") { reader, screen in
            let access = DataPlaneAccess(reader, userAgent: SquadronVersion.userAgent, cloud: cloud)
            let facts = try await DoctorReading(reader, access).facts(
                names: { facts in
                    let references = References(
                        dataPlanes: facts.planes, projects: facts.projects, registry: facts.registry)
                    return NeededRights.Names(secrets: references.secrets, configMaps: references.configMaps)
                }, askFlyteAdmin: Self.ask)
            return screen.show(DoctorReport(facts), as: options.output)
        }
    }

    private static func ask(_ settings: FlyteAdmin, _ secrets: [String: Seen<SecretContent>]) async -> FlyteAdminAnswer
    {
        var readings: [String: FlyteAdminReach.SecretReading] = [:]
        for name in FlyteAdminReach.secretNames(settings) {
            switch secrets[name] {
            case .present(let content)?: readings[name] = .present(content)
            case .absent?: readings[name] = .absent
            case .unreadable(let why)?: readings[name] = .unreadable(why)
            case .unasked?, nil: break
            }
        }
        let reach: FlyteAdminReach
        do throws(FlyteAdminReach.Refusal) {
            reach = try FlyteAdminReach(settings, secrets: readings, userAgent: SquadronVersion.userAgent)
        } catch {
            return error.isNotAllowed ? .notAllowed(error.message) : .notAsked(error.message)
        }
        do throws(FlyteAdminError) {
            _ = try await reach.client.labels()
            return .answered
        } catch {
            return .failed(reach.explained(error))
        }
    }
}
