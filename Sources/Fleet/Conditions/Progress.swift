import KubeObjects

// The progress of an object for kstatus (Flux, Argo CD, kpt, `kubectl wait`):
// https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md. To kstatus, `Reconciling` means "in
// progress" and `Stalled` means "failed". Both exist only while they are True. Without them, a `Ready` that is not True
// means "in progress".

extension [ConditionFinding] {
    /// Adds `Reconciling` or `Stalled` if `Ready` is not True.
    func withProgress() -> [ConditionFinding] {
        guard let ready = first(where: { $0.type == .ready }), ready.status != .isTrue else { return self }
        // The user disabled it, and nothing is in progress.
        if ready.status == .isFalse, ready.reason == Reason.disabled { return self }
        let type: ConditionType = ready.status == .isFalse && ready.needsPerson ? .stalled : .reconciling
        return self + [.yes(type, ready.reason, ready.message)]
    }
}

extension ConditionFinding {
    /// Only a person can help: neither a server that comes back nor another object that becomes Ready ends it.
    var needsPerson: Bool { waitsForPerson || Self.reasonsForPersons.contains(reason) }

    private static let reasonsForPersons: Set<String> = {
        // A renewal also fails while the token service is away.
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
