import JSON
import KubeObjects
import Testing
import YAML

@testable import Fleet

@Suite("What pruning needs")
struct PruningPermissionTests {
    @Test("Every kind that is looked through may be listed, watched and deleted from")
    func kinds() {
        let required = Set(Permissions.required(by: .standard, deletes: true))
        for type in Pruning.kinds {
            for verb in ["list", "watch", "delete"] {
                #expect(required.contains(Permission(verb: verb, group: type.group, resource: type.plural)))
            }
        }
        #expect(!required.contains(Permission(verb: "delete", group: "", resource: "namespaces")))
        #expect(!required.contains(Permission(verb: "create", group: "", resource: "secrets")))
    }
}

@Suite("Permissions in a data plane")
struct PermissionTests {
    let required = Permissions.required(by: .standard)

    @Test("The default set needs two kinds, with the verbs of server-side apply and watches")
    func standard() {
        #expect(
            Permissions.text(required)
                == "get, list, watch, create, patch namespaces; get, list, watch, create, patch serviceaccounts")
    }

    @Test("Templates add the kinds that they are made of")
    func templates() throws {
        let set = TemplateSet(files: flyteTemplates)
        #expect(
            Permissions.required(by: set).contains(Permission(verb: "patch", group: "", resource: "resourcequotas")))
    }

    func review(_ rules: JSON, incomplete: Bool = false) -> RulesReview {
        RulesReview(json: ["status": ["resourceRules": rules, "nonResourceRules": [], "incomplete": .bool(incomplete)]])
    }
    static let all: JSON = ["get", "list", "watch", "create", "patch"]

    @Test("Exact rules and wildcards grant; names, subresources and other groups don't")
    func rules() {
        #expect(
            review([["verbs": Self.all, "apiGroups": [""], "resources": ["namespaces", "serviceaccounts"]]]).check(
                required) == .granted)
        #expect(review([["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]]).check(required) == .granted)
        #expect(
            review([
                ["verbs": Self.all, "apiGroups": [""], "resources": ["namespaces"]],
                ["verbs": ["*"], "apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": []],
            ]).check(required) == .granted)
        let none: [JSON] = [
            [], nil, [["verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]]],
            [["verbs": ["*"], "apiGroups": [""], "resources": ["namespaces/status", "serviceaccounts/*", "*/token"]]],
            [["verbs": ["*"], "apiGroups": [""], "resources": ["*"], "resourceNames": ["default"]]],
        ]
        for rules in none { #expect(review(rules).check(required) == .missing(required), "\(rules)") }
    }

    @Test("What is missing is said verb by verb, with the rule to add")
    func missing() throws {
        let answer = review([
            ["verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["namespaces", "serviceaccounts"]],
            ["verbs": ["create"], "apiGroups": [""], "resources": ["namespaces"]],
        ]).check(required)
        guard case .missing(let missing) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(Permissions.text(missing) == "patch namespaces; create, patch serviceaccounts")
        #expect(
            try YAML.parse(Permissions.rules(adding: missing)) == [
                ["apiGroups": [""], "resources": ["namespaces"], "verbs": ["patch"]],
                ["apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["create", "patch"]],
            ])
    }

    @Test("An incomplete or unreadable review leaves the question open")
    func incomplete() {
        #expect(review([], incomplete: true).check(required) == .undecided(required))
        #expect(review([["verbs": "all"]]).check(required) == .undecided(required))
        #expect(RulesReview(json: [:]).check(required) == .undecided(required))
        #expect(RulesReview(json: "<html>").check(required) == .undecided(required))
        #expect(
            review([["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]], incomplete: true).check(required)
                == .granted)
    }
}
