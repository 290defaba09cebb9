/// A large value that stands in an optional.
///
/// An optional chain copies the whole value to read one property of it or to call a method that does not change it; to
/// edit it does not.
protocol EditedInPlace {}

extension EditedInPlace {
    /// Reads or changes the value where it stands.
    @inline(__always)
    mutating func edit<Result>(_ body: (inout Self) -> Result) -> Result { body(&self) }
}
