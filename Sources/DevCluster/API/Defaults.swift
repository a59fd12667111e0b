import JSON

extension APIServer {
    /// What checks the objects of CRDs.
    static var defaultCompiler: any SchemaCompiling { PlainSchema() }
}

extension ApplyConfiguration {
    /// Apply bodies may be YAML.
    static func parseYAML(_ body: [UInt8]) throws(APIError) -> JSON {
        throw .badRequest("error decoding YAML: only JSON is read here")
    }
}
