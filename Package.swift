// swift-tools-version: 6.2
import PackageDescription

/// Every module of ours is Swift 6 with complete concurrency checking.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
]

let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let collections: Target.Dependency = .product(name: "Collections", package: "swift-collections")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let nioHTTP1: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
]
let nio: [Target.Dependency] =
    nioHTTP1 + [
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
    ]

func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}
/// The laboratory: servers in memory, certificates, real servers, benchmarks. Never part of the operator.
func lab(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/Lab/\(name)", exclude: exclude, swiftSettings: settings)
}
func labCommand(_ name: String, folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Sources/Lab/\(folder)", swiftSettings: settings)
}
/// `fixtures`: files that the tests read from beside their sources.
func tests(_ name: String, _ dependencies: [Target.Dependency], fixtures: Bool = false) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport"], exclude: fixtures ? ["Fixtures"] : [],
        swiftSettings: settings)
}

let package = Package(
    name: "squadron",
    // Exact versions, so that what was tested is what is built. `hack/versions` holds those that these bring along as well.
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.0"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.3"),
        .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // System libraries, with the shims that variadic C needs.
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CMalloc"),
        .target(name: "CProcess"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

        // Foundations: know neither Kubernetes nor Flyte.
        library("Support", ["CMalloc", "CProcess"]),
        library("JSON", []),
        library("YAML", ["CYAML", "JSON"]),
        library("HTTP", ["CCurl", "Support"]),

        // Kubernetes, without controllers and without Flyte.
        library("KubeObjects", ["JSON", "Support"]),
        library("Kube", ["HTTP", "JSON", "KubeObjects", "Support", "YAML"]),

        // flyteadmin's REST API: knows no Kubernetes and no controllers.
        library("FlyteAdmin", ["HTTP", "JSON", "Support"]),

        // Pages over HTTP/1.1 within limits: for the operator's metrics and for `squadron ui`.
        library("Serving", ["Support"] + nioHTTP1),

        // The loop: knows no Flyte.
        library("ControlLoop", ["Kube", "KubeObjects", "JSON", "Support", collections, log]),

        // Flyte's rules as pure values: no I/O.
        library("Fleet", ["JSON", "KubeObjects", "Support", "YAML", crypto, x509]),

        // Tokens of data planes that renew themselves: their providers, and when they are asked.
        library("TokenSources", ["ControlLoop", "Fleet", "HTTP", "JSON", "Kube", "KubeObjects", "Support", crypto]),

        // One data plane at work: knows no custom resource.
        library(
            "DataPlaneAgent",
            ["ControlLoop", "Fleet", "HTTP", "JSON", "Kube", "KubeObjects", "Support", "TokenSources", log]),

        library(
            "Operator",
            [
                "ControlLoop", "DataPlaneAgent", "Fleet", "FlyteAdmin", "HTTP", "JSON", "Kube", "KubeObjects",
                "Serving", "Support", "TokenSources", "YAML", log,
            ]),
        // What the commands beside `run` show.
        library(
            "Console",
            [
                "ControlLoop", "Fleet", "HTTP", "JSON", "Kube", "KubeObjects", "Serving", "Support", "TokenSources",
                "YAML",
                crypto,
            ]),
        .executableTarget(
            name: "squadron",
            dependencies: [
                "Console", "Fleet", "FlyteAdmin", "JSON", "Kube", "KubeObjects", "Operator", "Serving", "Support",
                "TokenSources", arguments, log, unixSignals,
            ], path: "Sources/Squadron", swiftSettings: settings),

        // For the demo, the tests and the benchmarks.
        lab("DevPKI", ["Support", x509, crypto]),
        lab(
            "DevCluster",
            ["DevPKI", "JSON", "KubeObjects", "Support", "YAML", collections, crypto, x509] + nio,
            exclude: ["README.md"]),
        lab("DevFlyteAdmin", ["DevPKI", "Fleet", "JSON", "KubeObjects", "Support", "YAML"] + nio),
        // Real etcd and kube-apiserver as child processes.
        lab("RealCluster", ["DevPKI", "HTTP", "Support", crypto]),
        labCommand("devcluster", folder: "DevClusterCommand", ["DevCluster", arguments, unixSignals]),
        labCommand("devflyteadmin", folder: "DevFlyteAdminCommand", ["DevFlyteAdmin", arguments, unixSignals]),
        labCommand(
            "squadron-bench", folder: "Bench",
            ["HTTP", "JSON", "Kube", "KubeObjects", "RealCluster", "Support", "TokenSources", "YAML", arguments]),

        // Clocks, probes and patience for the tests.
        .target(
            name: "TestSupport", dependencies: ["Support"], path: "Tests/TestSupport", swiftSettings: settings),
        // A Kubernetes API without a network, for the tests of what talks to one.
        .target(
            name: "TestAPI",
            dependencies: ["DevCluster", "HTTP", "JSON", "Kube", "KubeObjects", "Support", "TestSupport"],
            path: "Tests/TestAPI", swiftSettings: settings),
        tests("SupportTests", ["Support"]),
        tests("JSONTests", ["JSON"]),
        tests("YAMLTests", ["JSON", "YAML"]),
        tests("DevPKITests", ["DevPKI", "Support", x509]),
        tests("RealClusterTests", ["HTTP", "RealCluster", "Support"]),
        tests("HTTPTests", ["CCurl", "DevPKI", "HTTP", "Support"] + nio),
        tests("KubeObjectsTests", ["JSON", "KubeObjects", "Support"]),
        tests("KubeTests", ["HTTP", "JSON", "Kube", "KubeObjects", "Support", "YAML"], fixtures: true),
        tests("FlyteAdminTests", ["DevFlyteAdmin", "DevPKI", "FlyteAdmin", "HTTP", "JSON", "Support"]),
        tests(
            "ControlLoopTests",
            ["ControlLoop", "HTTP", "JSON", "Kube", "KubeObjects", "Support", collections]),
        tests(
            "DevClusterTests", ["DevCluster", "DevPKI", "HTTP", "JSON", "KubeObjects", "Support"] + nio,
            fixtures: true),
        // What we assume of Kubernetes, checked on devcluster and on real API servers.
        tests(
            "KubernetesContractTests",
            ["DevCluster", "HTTP", "JSON", "Kube", "KubeObjects", "RealCluster", "Support", "YAML"]),
        tests("FleetTests", ["Fleet", "JSON", "KubeObjects", "Support", "YAML", x509, crypto], fixtures: true),
        tests(
            "TokenSourcesTests", ["ControlLoop", "Fleet", "HTTP", "JSON", "Kube", "Support", "TokenSources", crypto]),
        tests(
            "ConsoleTests",
            [
                "Console", "ControlLoop", "Fleet", "HTTP", "JSON", "Kube", "KubeObjects", "Serving", "Support", "YAML",
            ]),
        tests(
            "DataPlaneAgentTests",
            [
                "ControlLoop", "DataPlaneAgent", "Fleet", "HTTP", "JSON", "Kube", "KubeObjects", "Support", "TestAPI",
                log,
            ]),
        tests(
            "OperatorTests",
            [
                "ControlLoop", "DataPlaneAgent", "DevCluster", "DevFlyteAdmin", "DevPKI", "Fleet", "FlyteAdmin", "HTTP",
                "JSON", "Kube", "KubeObjects", "Operator", "Serving", "Support", "TestAPI", "TokenSources", "YAML", log,
            ]),
        tests(
            "EndToEndTests",
            [
                "Console", "ControlLoop", "DataPlaneAgent", "DevCluster", "DevFlyteAdmin", "Fleet", "HTTP", "JSON",
                "Kube", "KubeObjects", "Operator", "RealCluster", "Serving", "Support", "TestAPI", "TokenSources",
                "YAML",
                log,
            ] + nio),
    ]
)
