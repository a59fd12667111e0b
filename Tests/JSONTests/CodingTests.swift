import Foundation
import JSON
import Testing

private struct Label: Codable, Equatable {
    struct Cluster: Codable, Equatable {
        var name: String
        var weight: Double
    }
    struct Spec: Codable, Equatable {
        var label: String
        var clusters: [Cluster]
        var note: String?
        var replicas: Int32?
        var labels: [String: String]?
    }
    var spec: Spec
    var rest: JSON?
}

@Suite("Decoding and encoding")
struct CodingTests {
    private let valid: JSON = [
        "spec": ["label": "l", "clusters": [["name": "a", "weight": 1]], "unknown": 1, "note": nil],
        "rest": ["any": [1, 0.5, nil]],
    ]

    private func failure(_ path: [String], _ value: JSON?) -> String? {
        var damaged = valid
        damaged[path: path] = value
        return #expect(throws: DecodingFailure.self) { try damaged.decode(Label.self) }?.description
    }

    @Test("A value decodes and encodes; unknown members are ignored, nil ones left out")
    func roundTrip() throws {
        let label = try valid.decode(Label.self)
        #expect(label.spec.clusters == [.init(name: "a", weight: 1)])
        #expect(label.spec.note == nil)
        #expect(label.rest == valid["rest"])
        var expected = valid
        expected[path: ["spec", "unknown"]] = nil
        expected[path: ["spec", "note"]] = nil
        expected[path: ["spec", "clusters"]] = [["name": "a", "weight": .double(1)]]
        #expect(try JSON(encoding: label) == expected)
    }

    @Test("Errors name the exact field and what was found there")
    func paths() {
        #expect(failure(["spec", "label"], nil) == "spec.label: required, but missing")
        #expect(failure(["spec", "label"], .null) == "spec.label: expected a string, found null")
        #expect(failure(["spec"], nil) == "spec: required, but missing")
        #expect(failure(["spec"], []) == "spec: expected an object, found an array")
        #expect(
            failure(["spec", "clusters"], [["name": "a", "weight": "1"]])
                == "spec.clusters[0].weight: expected a number, found a string")
        #expect(
            failure(["spec", "clusters"], [["name": "a", "weight": 1], [:]])
                == "spec.clusters[1].name: required, but missing")
        #expect(failure(["spec", "clusters"], ["a": 1]) == "spec.clusters: expected an array, found an object")
        #expect(failure(["spec", "replicas"], 1.5) == "spec.replicas: expected a whole number, found 1.5")
        #expect(
            failure(["spec", "replicas"], 3_000_000_000)
                == "spec.replicas: expected a number from -2147483648 to 2147483647, found 3000000000")
        #expect(
            failure(["spec", "labels"], ["example.org/a": 1])
                == "spec.labels[example.org/a]: expected a string, found a number")
    }

    @Test("Numbers convert only where nothing is lost")
    func numbers() throws {
        #expect(try JSON.double(3).decode(Int.self) == 3)
        #expect(try JSON.int(3).decode(Double.self) == 3)
        #expect(throws: DecodingFailure.self) { try JSON.double(3.5).decode(Int.self) }
        #expect(throws: DecodingFailure.self) { try JSON.double(1e300).decode(Int.self) }
        #expect(throws: DecodingFailure.self) { try JSON.int(-1).decode(UInt64.self) }
        #expect(throws: DecodingFailure.self) { try JSON.int(1).decode(Bool.self) }
        #expect(throws: DecodingFailure.self) { try JSON.bool(true).decode(Int.self) }
        #expect(try JSON(encoding: Float(0.1)) == 0.1)
        #expect(try JSON(encoding: UInt64.max) == .double(Double(UInt64.max)))
    }

    @Test("A failure from a nested decode keeps the outer path")
    func nestedFailure() {
        struct Inner: Decodable { var size: Int }
        struct Outer: Decodable {
            struct Wrapped: Decodable {
                init(from decoder: any Decoder) throws { _ = try JSON(from: decoder).decode(Inner.self) }
            }
            var items: [Wrapped]
        }
        let value: JSON = ["items": [["size": 1], ["size": "x"]]]
        let failure = #expect(throws: DecodingFailure.self) { try value.decode(Outer.self) }
        #expect(failure?.description == "items[1].size: expected a number, found a string")
    }

    @Test("A number that JSON can't write is refused with its path")
    func notFinite() {
        let label = Label(spec: .init(label: "l", clusters: [.init(name: "a", weight: .nan)]))
        let failure = #expect(throws: EncodingFailure.self) { try JSON(encoding: label) }
        #expect(failure?.description == "spec.clusters[0].weight: JSON can't express the number nan")
    }

    @Test("Hand-written nested containers and super encoders end up in place")
    func nested() throws {
        struct Custom: Codable, Equatable {
            enum Keys: String, CodingKey { case list, object }
            init() {}
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Keys.self)
                var list = try container.nestedUnkeyedContainer(forKey: .list)
                #expect(try list.decode(Int.self) == 1)
                let inner = try list.nestedContainer(keyedBy: Keys.self)
                #expect(try inner.decode(String.self, forKey: .list) == "x")
                #expect(try list.decodeNil())
                #expect(list.isAtEnd)
                #expect(throws: DecodingError.self) { try list.decode(Int.self) }
                let object = try container.nestedContainer(keyedBy: Keys.self, forKey: .object)
                #expect(try object.decode(Bool.self, forKey: .object))
            }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                var list = container.nestedUnkeyedContainer(forKey: .list)
                try list.encode(1)
                var inner = list.nestedContainer(keyedBy: Keys.self)
                try list.encodeNil()
                try inner.encode("x", forKey: .list)
                var object = container.nestedContainer(keyedBy: Keys.self, forKey: .object)
                try object.encode(true, forKey: .object)
            }
        }
        let value = try JSON(encoding: Custom())
        #expect(value == ["list": [1, ["list": "x"], nil], "object": ["object": true]])
        #expect(try value.decode(Custom.self) == Custom())
    }

    @Test("JSON is Codable through other coders too")
    func foreignCoders() throws {
        let value: JSON = ["a": [1, 2.5, true, nil, "x", [:], []], "b": ["c": .int(.max)]]
        let data = try JSONEncoder().encode(value)
        #expect(try JSON(parsing: Array(data)) == value)
        #expect(try JSONDecoder().decode(JSON.self, from: data) == value)
    }
}
