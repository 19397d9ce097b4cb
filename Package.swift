// swift-tools-version: 6.0
import PackageDescription

/// The engine is guarded by one lock, so the run-time exclusivity checks of release builds
/// only cost; debug builds (all unit tests) keep them.
let engineSettings: [SwiftSetting] = [
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

/// Calls into Swift's runtime are direct, and the server runs where no toolchain is. (firn-dump
/// uses Foundation, which does not link that way.)
let serverLinking: [LinkerSetting] = [
    .unsafeFlags(["-static-stdlib"], .when(configuration: .release))
]

let package = Package(
    name: "firn",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "firn-server", targets: ["firn-server"]),
        .executable(name: "firn-dump", targets: ["firn-dump"]),
        .executable(name: "firn-check", targets: ["firn-check"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CLZF", providers: [.apt(["liblzf-dev"])]),
        .systemLibrary(name: "CXXHash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(
            name: "CJemalloc", pkgConfig: "jemalloc", providers: [.apt(["libjemalloc-dev"])]),
        .target(name: "LMDB", dependencies: ["CLMDB"]),
        .target(
            name: "Engine", dependencies: ["LMDB", "CLZF", "CXXHash", "CJemalloc", "CLinux"],
            swiftSettings: engineSettings),
        .target(
            name: "Server",
            dependencies: [
                "Engine",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: engineSettings),
        .executableTarget(
            name: "firn-server", dependencies: ["Server"], linkerSettings: serverLinking),
        .target(name: "ToolOutput", dependencies: ["Engine"], path: "tools/shared"),
        .executableTarget(
            name: "firn-dump",
            dependencies: [
                "Engine", "ToolOutput",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "tools/firn-dump"),
        .executableTarget(
            name: "firn-check",
            dependencies: [
                "Engine", "ToolOutput",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "tools/firn-check"),
        .testTarget(name: "LMDBTests", dependencies: ["LMDB"]),
        .target(
            name: "TestSupport", dependencies: ["Engine"], path: "Tests/TestSupport"),
        .testTarget(name: "EngineTests", dependencies: ["Engine", "TestSupport"]),
        .testTarget(name: "SimulationTests", dependencies: ["Engine", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
