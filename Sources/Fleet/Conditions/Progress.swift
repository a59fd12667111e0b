import KubeObjects

// Where an object is on its way, as kstatus reads it (Flux, Argo CD, kpt, `kubectl wait`):
// https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md. There, `Reconciling` says "in progress"
// and `Stalled` says "failed"; both are there only while they are True. Without them a `Ready` that is not True reads as
// in progress.

extension [ConditionVerdict] {
    /// With `Reconciling` or `Stalled` added where `Ready` is not True.
    func withProgress() -> [ConditionVerdict] {
        guard let ready = first(where: { $0.type == .ready }), ready.status != .isTrue else { return self }
        // It was asked for, and nothing is on its way.
        if ready.status == .isFalse, ready.reason == Reason.disabled { return self }
        let type: ConditionType = ready.status == .isFalse && ready.needsPerson ? .stalled : .reconciling
        return self + [.yes(type, ready.reason, ready.message)]
    }
}

extension ConditionVerdict {
    /// Only a person can help: it does not pass with a server that comes back, nor with another object that becomes Ready.
    var needsPerson: Bool { waitsForPerson || Self.reasonsForPersons.contains(reason) }

    private static let reasonsForPersons: Set<String> = {
        // A renewal fails also where the server that gives tokens is away.
        let credentials = CredentialsReason.allCases.filter { $0 != .renewalFailed }.map(\.rawValue)
        let connection: [ReachableReason] = [.tlsUntrusted, .tlsNameMismatch, .tlsExpired]
        let labels: [LabelReason] = [.invalid, .weightsInvalid, .duplicateLabel, .unknownCluster, .clusterDisabled]
        let rest = [
            Reason.permissionsMissing, Reason.duplicateCluster, Reason.identityChanged, Reason.conflict,
            Reason.pruneHeld, Reason.sourceNotAllowed, Reason.invalidName, Reason.unknownDomain, Reason.valueLocked,
            Reason.valuesInvalid, Reason.labelNotFound, Reason.flyteAdminRefused, Reason.duplicateAssignment,
            Reason.duplicateProject, Reason.configMapNotFound, Reason.templateInvalid, Reason.identityUnknown,
            Reason.invalid, Reason.ignored, Reason.kindMissing, Reason.labelWouldBeEmpty,
            Reason.rolloutInvalid,
        ]
        return Set(credentials).union(connection.map(\.rawValue)).union(labels.map(\.rawValue)).union(rest)
    }()
}

extension FailureReason {
    /// It fails until somebody changes something.
    var needsPerson: Bool {
        switch self {
        case .namespaceNotOurs, .namespaceNotAdopted, .placeholderUnresolved, .templateInvalid, .forbidden, .conflict,
            .invalid:
            true
        default: false
        }
    }
}
