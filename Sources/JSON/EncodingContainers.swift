struct KeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let slot: EncodingSlot
    let path: CodingPath
    var codingPath: [any CodingKey] { path.keys }

    private func set(_ value: JSON, _ key: Key) { slot.set(value, key.stringValue) }

    func encodeNil(forKey key: Key) { set(.null, key) }
    func encode(_ value: Bool, forKey key: Key) { set(.bool(value), key) }
    func encode(_ value: String, forKey key: Key) { set(.string(value), key) }
    func encode(_ value: Double, forKey key: Key) throws {
        set(try ValueEncoder.number(value, at: path.appending(key)), key)
    }
    func encode(_ value: Float, forKey key: Key) throws {
        set(try ValueEncoder.number(value, at: path.appending(key)), key)
    }
    func encode(_ value: Int, forKey key: Key) { set(ValueEncoder.number(value), key) }
    func encode(_ value: Int8, forKey key: Key) { set(ValueEncoder.number(value), key) }
    func encode(_ value: Int16, forKey key: Key) { set(ValueEncoder.number(value), key) }
    func encode(_ value: Int32, forKey key: Key) { set(ValueEncoder.number(value), key) }
    func encode(_ value: Int64, forKey key: Key) { set(ValueEncoder.number(value), key) }
    func encode(_ value: UInt, forKey key: Key) { set(ValueEncoder.number(value), key) }
    func encode(_ value: UInt8, forKey key: Key) { set(ValueEncoder.number(value), key) }
    func encode(_ value: UInt16, forKey key: Key) { set(ValueEncoder.number(value), key) }
    func encode(_ value: UInt32, forKey key: Key) { set(ValueEncoder.number(value), key) }
    func encode(_ value: UInt64, forKey key: Key) { set(ValueEncoder.number(value), key) }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        set(try ValueEncoder.encode(value, at: path.appending(key)), key)
    }

    private func nested(_ key: any CodingKey) -> ValueEncoder {
        ValueEncoder(slot: slot.nest(key.stringValue), path: path.appending(key))
    }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        nested(key).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { nested(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { nested(DynamicKey.super) }
    func superEncoder(forKey key: Key) -> any Encoder { nested(key) }
}

struct UnkeyedWriter: UnkeyedEncodingContainer {
    let slot: EncodingSlot
    let path: CodingPath
    var codingPath: [any CodingKey] { path.keys }
    var count: Int { slot.count }

    func encodeNil() { slot.append(.null) }
    func encode(_ value: Bool) { slot.append(.bool(value)) }
    func encode(_ value: String) { slot.append(.string(value)) }
    func encode(_ value: Double) throws { slot.append(try ValueEncoder.number(value, at: path.appending(count))) }
    func encode(_ value: Float) throws { slot.append(try ValueEncoder.number(value, at: path.appending(count))) }
    func encode(_ value: Int) { slot.append(ValueEncoder.number(value)) }
    func encode(_ value: Int8) { slot.append(ValueEncoder.number(value)) }
    func encode(_ value: Int16) { slot.append(ValueEncoder.number(value)) }
    func encode(_ value: Int32) { slot.append(ValueEncoder.number(value)) }
    func encode(_ value: Int64) { slot.append(ValueEncoder.number(value)) }
    func encode(_ value: UInt) { slot.append(ValueEncoder.number(value)) }
    func encode(_ value: UInt8) { slot.append(ValueEncoder.number(value)) }
    func encode(_ value: UInt16) { slot.append(ValueEncoder.number(value)) }
    func encode(_ value: UInt32) { slot.append(ValueEncoder.number(value)) }
    func encode(_ value: UInt64) { slot.append(ValueEncoder.number(value)) }
    func encode<T: Encodable>(_ value: T) throws {
        slot.append(try ValueEncoder.encode(value, at: path.appending(count)))
    }

    private func nested() -> ValueEncoder {
        let index = count
        return ValueEncoder(slot: slot.nestElement(), path: path.appending(index))
    }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        nested().container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
    func superEncoder() -> any Encoder { nested() }
}
