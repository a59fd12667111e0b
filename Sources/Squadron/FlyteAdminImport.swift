import Console
import Fleet
import FlyteAdmin
import JSON
import Kube
import KubeObjects
import Operator

/// Reads the configuration of a running flyteadmin as sources of an import.
struct FlyteAdminImport {
    private let reader: ControlPlaneReader
    private let address: String?

    /// - Parameter address: used instead of the registry's address, and without its login.
    init(_ reader: ControlPlaneReader, address: String?) { (self.reader, self.address) = (reader, address) }

    func add(to sources: inout ImportSources) async throws {
        let reach = try await reach(sources.registry)
        do throws(FlyteAdminError) {
            let projects = try await reach.client.projects().active
            sources.projects = projects.map(\.id)
            // Each project lists the same domains.
            if let domains = projects.first?.domains, !domains.isEmpty { sources.domains = domains }
            for kind in AttributeKind.allCases {
                for row in try await reach.client.rows(kind) { sources.rows.append(Self.row(row, kind)) }
            }
        } catch {
            throw ImportFailure("flyteadmin: \(reach.explained(error))")
        }
    }

    private static func row(_ row: AttributeRow, _ kind: AttributeKind) -> ImportedRow {
        var content = ImportedRow.Content.label(row.value)
        if kind != .executionClusterLabel {
            content = ImportedRow.content(matching: (try? JSON(parsing: row.value)) ?? [:])
        }
        if !row.launchPlan.isEmpty { content = .other("an attribute of a launch plan") }
        return ImportedRow(
            place: "flyteadmin", project: row.project, domain: row.domain, workflow: row.workflow, content: content)
    }

    private func reach(_ registry: JSON?) async throws -> FlyteAdminReach {
        let settings: FlyteAdmin
        if let address {
            settings = FlyteAdmin(endpoint: address)
        } else if let json = registry?["flyteAdmin"] {
            do throws(DecodingFailure) {
                settings = try json.decode(FlyteAdmin.self)
            } catch {
                throw ImportFailure("ClusterRegistry flyte, spec.flyteAdmin: \(error)")
            }
        } else {
            throw ImportFailure(
                "no ClusterRegistry in namespace \(reader.namespace) has spec.flyteAdmin: set it, or give --flyteadmin")
        }
        let secrets = await FlyteAdminReach.secrets(FlyteAdminReach.secretNames(settings), reader)
        do throws(FlyteAdminReach.Refusal) {
            return try FlyteAdminReach(settings, secrets: secrets, userAgent: SquadronVersion.userAgent)
        } catch {
            throw ImportFailure("flyteadmin: \(error.message)")
        }
    }
}
