// swift-tools-version: 6.2
import PackageDescription

/// The load side of the benchmarks and the micro benchmarks; `scripts/bench` builds and drives them.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let formats = Target.Dependency.product(name: "KafkaFormats", package: "kafka-mirror")
let client = Target.Dependency.product(name: "KafkaClient", package: "kafka-mirror")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")

let package = Package(
    name: "Benchmarks",
    dependencies: [
        .package(name: "kafka-mirror", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .target(name: "BenchBroker", dependencies: [formats, nioCore, nioPosix], swiftSettings: settings),
        .executableTarget(
            name: "bench-broker",
            dependencies: ["BenchBroker", formats, nioCore, nioPosix, nioSSL],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "bench-micro",
            dependencies: ["BenchBroker", formats, client, logging, nioCore, nioPosix],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
