import JSON

/// What the schema of one version of a custom resource does to objects. `Schema/` implements it.
protocol SchemaProcessing: Sendable {
    /// Pruned and with defaults; and the paths of what was pruned ("spec.foo"). apiVersion, kind and metadata stay.
    func normalised(_ object: JSON) -> (value: JSON, unknown: [String])
    /// With defaults, and nothing pruned: what is read from the store gets those of the version that it was stored in.
    func defaulted(_ object: JSON) -> JSON
    /// Without what the schema does not know: what was stored in one version and is shown in another.
    func pruned(_ object: JSON) -> JSON
    /// Everything that is wrong with the object, CEL rules included.
    ///
    /// - Parameters:
    ///   - old: nil for a create.
    ///   - isStatusUpdate: only `status` is being written.
    func errors(_ object: JSON, old: JSON?, isStatusUpdate: Bool) -> [FieldError]
}

/// Makes `SchemaProcessing` from what a CRD holds.
protocol SchemaCompiling: Sendable {
    /// - Parameters:
    ///   - schema: `openAPIV3Schema`.
    ///   - path: where it stands, for errors: `spec.versions[0].schema.openAPIV3Schema`.
    func compile(schema: JSON, path: String) -> (schema: any SchemaProcessing, errors: [FieldError])
}

extension CustomResourceSchema: SchemaProcessing {
    func errors(_ object: JSON, old: JSON?, isStatusUpdate: Bool) -> [FieldError] {
        guard let old else { return createErrors(object) }
        return isStatusUpdate ? statusUpdateErrors(object, old: old) : updateErrors(object, old: old)
    }
}

/// Structural schemas with CEL rules, as `Schema/` has them.
struct StructuralCompiler: SchemaCompiling {
    func compile(schema: JSON, path: String) -> (schema: any SchemaProcessing, errors: [FieldError]) {
        do {
            return (try CustomResourceSchema(schema, at: FieldPath(path)), [])
        } catch {
            return (UncheckedSchema(), error.errors)
        }
    }
}

/// For a CRD that was put into the store around the API with a schema that is none: its objects are kept as they come.
struct UncheckedSchema: SchemaProcessing {
    func normalised(_ object: JSON) -> (value: JSON, unknown: [String]) { (object, []) }
    func defaulted(_ object: JSON) -> JSON { object }
    func pruned(_ object: JSON) -> JSON { object }
    func errors(_ object: JSON, old: JSON?, isStatusUpdate: Bool) -> [FieldError] { [] }
}
