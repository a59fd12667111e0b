import JSON

/// The whole schema of a CRD's version: what the server does to its objects, and what it demands of them.
///
///     let schema = try CustomResourceSchema(version["schema"]["openAPIV3Schema"], at: path)   // at CRD creation
///     let (object, unknown) = schema.normalised(body)                                         // pruned, with defaults
///     let errors = schema.createErrors(object)                                                // or updateErrors
struct CustomResourceSchema: Sendable {
    let structure: StructuralSchema
    let rules: CELRules?

    struct Invalid: Error, Sendable {
        var errors: [FieldError]
    }

    /// Fails if the real server refuses the CRD. `path` is the schema's, for the messages:
    /// `spec.validation.openAPIV3Schema` for a CRD of one version, `spec.versions[i].schema.openAPIV3Schema` else.
    init(_ json: JSON, at path: FieldPath = FieldPath("spec.validation.openAPIV3Schema")) throws(Invalid) {
        var errors: [FieldError] = []
        let structure = StructuralSchema(json, at: path, errors: &errors)
        errors += SchemaChecks.errors(of: structure, json: json, at: path)
        guard errors.isEmpty else { throw Invalid(errors: errors) }
        let (rules, ruleErrors) = CELRules.compile(structure, at: path)
        guard ruleErrors.isEmpty else { throw Invalid(errors: ruleErrors) }
        self.structure = structure
        self.rules = rules
    }

    /// The object pruned, without forbidden nulls, with defaults; and the paths of pruned fields.
    func normalised(_ object: JSON) -> (value: JSON, unknown: [String]) { structure.normalised(object) }

    func defaulted(_ object: JSON) -> JSON {
        var object = object
        structure.removeNulls(from: &object)
        structure.applyDefaults(to: &object)
        return object
    }

    func pruned(_ object: JSON) -> JSON { structure.pruned(object, isResourceRoot: true).value }

    func createErrors(_ object: JSON) -> [FieldError] {
        var errors = SchemaValidator().errors(of: object, structure)
        errors += structure.embeddedResourceErrors(object)
        errors += structure.duplicateErrors(object)
        return errors + ruleErrors(object, old: nil, after: errors)
    }

    func updateErrors(_ object: JSON, old: JSON) -> [FieldError] {
        var errors = SchemaValidator().errors(of: object, structure, old: old)
        errors += structure.embeddedResourceErrors(object)
        if structure.duplicateErrors(old).isEmpty { errors += structure.duplicateErrors(object) }
        return errors + ruleErrors(object, old: old, after: errors)
    }

    /// For an update of the subresource: `object` is the stored object with the new status.
    func statusUpdateErrors(_ object: JSON, old: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        if let status = object["status"], let schema = structure.properties["status"] {
            errors = SchemaValidator(prefix: FieldPath("status")).errors(of: status, schema, old: old["status"])
        }
        if structure.duplicateErrors(old).isEmpty { errors += structure.duplicateErrors(object) }
        return errors + ruleErrors(object, old: old, after: errors)
    }

    /// Rules are not evaluated on an object with wrong types.
    private func ruleErrors(_ object: JSON, old: JSON?, after errors: [FieldError]) -> [FieldError] {
        guard let rules else { return [] }
        let isBlocked = errors.contains {
            switch $0.kind {
            case .notSupported, .required, .tooLong, .tooMany, .typeInvalid: true
            default: false
            }
        }
        guard !isBlocked else {
            let detail =
                "some validation rules were not checked because the object was invalid; "
                + "correct the existing errors to complete validation"
            return [FieldError(.invalid, .root, value: .null, detail)]
        }
        return rules.errors(object, old: old)
    }
}
