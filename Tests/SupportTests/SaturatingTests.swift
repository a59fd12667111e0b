import Support
import Testing

@Suite("Arithmetic on numbers from outside")
struct SaturatingTests {
    @Test("A floating-point number becomes the nearest integer that fits, towards zero")
    func conversions() {
        #expect(Int(saturating: 1.9) == 1 && Int(saturating: -1.9) == -1)
        #expect(Int64(saturating: 1e300) == .max && Int64(saturating: -1e300) == .min)
        #expect(Int64(saturating: 0x1p63) == .max && Int64(saturating: -0x1p63) == .min)
        #expect(UInt64(saturating: 1.8446744074e19) == .max && UInt64(saturating: -1) == 0)
        #expect(UInt64(saturating: .infinity) == .max && Int(saturating: -.infinity) == .min)
        #expect(Int(saturating: .nan) == 0 && UInt8(saturating: 255.9) == 255)
    }

    @Test("Sums and differences stay at the end of the range")
    func sums() {
        #expect(Int64.max.saturatingAdd(1) == .max && Int64.min.saturatingAdd(-1) == .min)
        #expect(Int64.max.saturatingSubtract(-5) == .max && Int64.min.saturatingSubtract(5) == .min)
        #expect(UInt64.max.saturatingAdd(1) == .max && UInt64(3).saturatingSubtract(5) == 0)
        #expect(Int64(2).saturatingAdd(3) == 5 && Int64(2).saturatingSubtract(3) == -1)
    }
}
