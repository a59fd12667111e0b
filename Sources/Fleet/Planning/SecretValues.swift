import Support

/// The template values that came from Secrets, to be hidden in what a data plane says: a webhook may repeat what it was
/// sent.
public final class SecretValues: Sendable {
    public static let none = SecretValues([:])

    private let readings: [ValueSource: ValueReading]
    /// Made at the first use, since most plans see no failure.
    private let redaction = Locked<Redaction?>(nil)

    public init(_ readings: [ValueSource: ValueReading]) {
        self.readings = readings.filter { $0.key.secretKeyRef != nil }
    }

    /// The text without these values. Unchanged if there are none.
    public func clean(_ text: String) -> String {
        if readings.isEmpty { return text }
        let known = redaction.withLock { known in
            let made = known ?? Redaction(secretsIn: readings)
            known = made
            return made
        }
        return known.clean(text)
    }
}

extension Redaction {
    /// Hides the values that came from Secrets.
    public init(secretsIn readings: [ValueSource: ValueReading]) {
        self.init(
            readings.compactMap { source, reading in
                guard source.secretKeyRef != nil, case .text(let text) = reading else { return nil }
                return Sensitive(text)
            })
    }
}
