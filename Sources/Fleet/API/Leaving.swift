import KubeObjects

extension CustomResource<DataPlaneSpec> {
    /// `squadron leave` sets it once nothing of flyteadmin's runs there any more: the cluster then leaves what flyteadmin
    /// reads, while the object still says which credentials and accounts are its own. It is deleted last.
    public static let leavingAnnotation = FleetGroup.name + "/leaving"

    public var isLeaving: Bool { metadata.annotations?[Self.leavingAnnotation] == "true" }
}
