import JSON
import YAML

extension APIServer {
    /// What checks the objects of CRDs.
    static var defaultCompiler: any SchemaCompiling { StructuralCompiler() }
}

extension ApplyConfiguration {
    /// Apply bodies may be YAML.
    static func parseYAML(_ body: [UInt8]) throws(APIError) -> JSON {
        do {
            return try YAML.parse(body)
        } catch {
            throw .badRequest(
                "error decoding YAML: error converting YAML to JSON: yaml: line \(error.line): \(error.message)")
        }
    }
}
