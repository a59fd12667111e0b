import JSON

/// The work of one version's schema on objects of a custom resource. `Schema/` implements it.
protocol SchemaProcessing: Sendable {
    /// The object pruned and with defaults, and the paths of pruned fields ("spec.foo"). apiVersion, kind and metadata
    /// stay.
    func normalised(_ object: JSON) -> (value: JSON, unknown: [String])
    /// The object with defaults, and nothing pruned. Objects from the store get the defaults of the version in which
    /// they were stored.
    func defaulted(_ object: JSON) -> JSON
    /// The object without fields that the schema does not have. It is for objects that were stored in another version.
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
    ///   - path: its place, for errors: `spec.versions[0].schema.openAPIV3Schema`.
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

/// For a CRD that was put into the store around the API with an unusable schema. Its objects are kept as they come.
struct UncheckedSchema: SchemaProcessing {
    func normalised(_ object: JSON) -> (value: JSON, unknown: [String]) { (object, []) }
    func defaulted(_ object: JSON) -> JSON { object }
    func pruned(_ object: JSON) -> JSON { object }
    func errors(_ object: JSON, old: JSON?, isStatusUpdate: Bool) -> [FieldError] { [] }
}
