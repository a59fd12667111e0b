import Fleet
import JSON
import Kube
import KubeObjects

extension CordonPlan {
    /// Takes the steps with the user's own rights.
    public func apply(_ reader: ControlPlaneReader) async throws(KubeError) {
        guard refusal == nil else { return }
        for step in steps {
            let (change, type, object) = change(of: step)
            try await reader.client.mergePatch(
                change, type: type, namespace: reader.namespace, name: object, fieldManager: "squadron-cordon",
                metadataOnlyAnswer: true)
        }
    }

    /// Why the plan can't be carried out. Nil if it can.
    public var objection: String? { refusal }

    private func change(of step: Step) -> (JSON, ResourceType, name: String) {
        switch step {
        case .setUnschedulable(let isCordoned):
            return (["spec": ["unschedulable": .bool(isCordoned)]], .dataPlanes, name)
        case .setAllowEmpty(let label, let isAllowed):
            let value: JSON = isAllowed ? "true" : .null
            let annotations: JSON = .object([ExecutionLabel.allowEmptyAnnotation: value])
            return (["metadata": ["annotations": annotations]], .executionLabels, label)
        }
    }
}
