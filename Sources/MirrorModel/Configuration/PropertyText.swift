/// Text rules that Kafka's configuration shares with Java, by bytes or by code units rather than by Unicode equivalence.
extension String {
    /// Whether this text begins with the bytes of `prefix`.
    package func hasBytePrefix(_ prefix: String) -> Bool {
        utf8.starts(with: prefix.utf8)
    }

    /// Whether this text ends with the bytes of `suffix`.
    package func hasByteSuffix(_ suffix: String) -> Bool {
        utf8.count >= suffix.utf8.count && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// What follows `prefix`, or `nil` when this text does not begin with it or has nothing after it.
    package func remainder(afterPrefix prefix: String) -> String? {
        guard utf8.count > prefix.utf8.count, hasBytePrefix(prefix) else { return nil }
        return String(decoding: utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }

    /// Without leading and trailing characters up to U+0020, as Java's `trim`.
    package var trimmedAsJava: String {
        var scalars = unicodeScalars[...]
        while let first = scalars.first, first.value <= 0x20 { scalars.removeFirst() }
        while let last = scalars.last, last.value <= 0x20 { scalars.removeLast() }
        return String(scalars)
    }

    /// With escapes for control characters, which would break lines or do something to a terminal.
    package var withVisibleControls: String {
        var visible = ""
        for scalar in unicodeScalars {
            if scalar.properties.generalCategory == .control {
                visible += scalar.escaped(asASCII: true)
            } else {
                visible.unicodeScalars.append(scalar)
            }
        }
        return visible
    }

    /// The elements of a LIST value: split at commas, blanks around each dropped; blank text has no elements.
    package var configurationList: [String] {
        let trimmed = trimmedAsJava
        guard !trimmed.isEmpty else { return [] }
        return trimmed.unicodeScalars.split(separator: ",", omittingEmptySubsequences: false).map { piece in
            var piece = piece
            while let first = piece.first, first.isRegexBlank { piece.removeFirst() }
            while let last = piece.last, last.isRegexBlank { piece.removeLast() }
            return String(piece)
        }
    }
}

extension Unicode.Scalar {
    /// What `\s` matches in a Java regular expression.
    fileprivate var isRegexBlank: Bool {
        switch value {
        case 9...13, 32: true
        default: false
        }
    }
}
