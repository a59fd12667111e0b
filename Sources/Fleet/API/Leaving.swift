import KubeObjects

extension CustomResource<DataPlaneSpec> {
    /// `squadron leave` sets it when flyteadmin runs nothing there any more. Then the cluster leaves what is published
    /// for flyteadmin, while the object still names its credentials and accounts. The object is deleted last.
    public static let leavingAnnotation = FleetGroup.name + "/leaving"

    public var isLeaving: Bool { metadata.annotations?[Self.leavingAnnotation] == "true" }
}
