import Support
import TestSupport

/// Makes a script from a number: one of the kept cases, changed at random. Frames stay frames most of the time, so that the
/// changes get past the check of the lengths.
struct FrameMutator {
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    static func script(_ seed: UInt64) -> FrameScript {
        var mutator = FrameMutator(seed: seed)
        return mutator.make()
    }

    private mutating func make() -> FrameScript {
        var script = FrameCase.all.randomElement(using: &random)?.script ?? FrameScript()
        for _ in 0..<number(1...5) { change(&script.once) }
        if !script.endless.isEmpty {
            if one(in: 2) { script.endless = [] } else if one(in: 2) { change(&script.endless) }
        }
        script.closes = one(in: 3)
        if one(in: 4) { script.piece = number(1...64) }
        if one(in: 4) {
            let count = script.once.reduce(0) { $0 + 9 + $1.payload.count }
            for _ in 0..<number(1...4) where count > 0 {
                script.noise[number(0...(count - 1))] = .random(in: .min ... .max, using: &random)
            }
        }
        return script
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &random) }
    private mutating func one(in count: Int) -> Bool { number(1...count) == 1 }

    private mutating func change(_ frames: inout [Frame]) {
        let place = number(0...frames.count)
        guard place < frames.count else { return frames.append(frame()) }
        switch number(0...10) {
        case 0: frames.insert(frame(), at: place)
        case 1: frames.remove(at: place)
        case 2: frames.insert(contentsOf: [Frame](repeating: frames[place], count: number(1...300)), at: place)
        case 3: frames.swapAt(place, number(0...(frames.count - 1)))
        case 4: frames[place].type = UInt8(number(0...12))
        case 5: frames[place].flags = .random(in: .min ... .max, using: &random)
        case 6: frames[place].flags ^= [1, 4, 8, 32].randomElement(using: &random) ?? 0
        case 7: frames[place].stream = stream()
        case 8: frames[place].stated = one(in: 2) ? number(0...0xff_ffff) : number(0...32)
        default: change(&frames[place].payload)
        }
    }

    private mutating func stream() -> UInt32 {
        [0, 1, 2, 3, 5, 7, 0x7fff_ffff, 0x8000_0001, .random(in: .min ... .max, using: &random)]
            .randomElement(using: &random) ?? 1
    }

    /// One of the kept ones, or any.
    private mutating func frame() -> Frame {
        if !one(in: 4) {
            let script = FrameCase.all.randomElement(using: &random)?.script
            return ((script?.once ?? []) + (script?.endless ?? [])).randomElement(using: &random) ?? .ping()
        }
        return Frame(
            type: UInt8(number(0...12)), flags: .random(in: .min ... .max, using: &random), stream: stream(),
            payload: (0..<number(0...300)).map { _ in .random(in: .min ... .max, using: &random) })
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = number(0...bytes.count)
        let range = place..<min(place + number(1...16), bytes.count)
        switch number(0...5) {
        case 0 where !range.isEmpty: bytes[place] ^= 1 << UInt8(number(0...7))
        case 1 where !range.isEmpty: bytes[place] = .random(in: .min ... .max, using: &random)
        case 2: bytes.removeSubrange(range)
        case 3: bytes.insert(contentsOf: [UInt8](repeating: 0xff, count: number(1...40)), at: place)
        case 4: bytes.insert(contentsOf: Array(bytes[range]), at: place)
        default: bytes.insert(.random(in: .min ... .max, using: &random), at: place)
        }
        if bytes.count > 64 << 10 { bytes.removeSubrange((64 << 10)...) }
    }
}
