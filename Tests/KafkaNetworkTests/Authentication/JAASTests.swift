import Testing

@testable import KafkaNetwork

@Suite("sasl.jaas.config")
struct JAASTests {
    @Test("Java's syntax: quotes, escapes, comments, line ends, words")
    func accepted() throws {
        let cases: [(String, String, [String: String])] = [
            (#"a.b.C required username="u" password="p";"#, "a.b.C", ["username": "u", "password": "p"]),
            (#"C required username='u' password='it"s';"#, "C", ["username": "u", "password": #"it"s"#]),
            (#"C required password="a\"b\\c\td\101\60";"#, "C", ["password": "a\"b\\c\tdA0"]),
            ("C\n  REQUIRED\n  x=word-1_$.y\n;", "C", ["x": "word-1_$.y"]),
            ("/* why */ C required // so\n a=\"=;,\";", "C", ["a": "=;,"]),
            ("C required;", "C", [:]),
            ("C optional a=\"1\" a=\"2\";", "C", ["a": "2"]),
            (#"C required p="grüße 🚀";"#, "C", ["p": "grüße 🚀"]),
            (
                #"on.C required username="mirror" password="on prem=1;\"x\"";"#, "on.C",
                [
                    "username": "mirror", "password": #"on prem=1;"x""#,
                ]
            ),
        ]
        for (text, module, options) in cases {
            let parsed = try JAASConfiguration(parsing: text)
            #expect(parsed.loginModule == module)
            #expect(parsed.options == options, "\(text)")
        }
    }

    @Test(
        "What Kafka refuses is refused, and the text is never shown",
        arguments: [
            "", "C", "C required", "C required a=\"secret\"", "C sometimes a=\"secret\";", "C required a;",
            "C required a=;", "C required a=1;", "C required a=\"secret;", "C required; D required a=\"secret\";",
            "\"", "; ;", "C required =\"secret\";", "C required a=\"x\" ,b=\"secret\";",
        ]
    )
    func refused(_ text: String) throws {
        let error = #expect(throws: ConfigurationError.self, "\(text)") { try JAASConfiguration(parsing: text) }
        #expect(!(try #require(error).description.contains("secret")))
        #expect(try #require(error).key == "sasl.jaas.config")
    }
}
