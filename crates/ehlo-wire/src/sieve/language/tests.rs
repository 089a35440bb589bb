use super::*;

fn errors(script: &str) -> Vec<String> {
    check(script.as_bytes()).errors.iter().map(ToString::to_string).collect()
}

fn warnings(script: &str) -> Vec<String> {
    let checked = check(script.as_bytes());
    assert_eq!(checked.errors, [], "{script}");
    checked.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn scripts_that_are_fine() {
    for script in [
        "",
        "\r\n# nothing\r\n/* nothing\r\neither */",
        "keep;",
        "redirect \"frop@example.org\";\r\n\r\n",
        "REQUIRE [\"fileinto\", \"envelope\"];\nIF Envelope :All \"from\" \"a@b\" { FileInto \"x\"; } Else { discard; }",
        "if size :over 100K { discard; } elsif size :under 1M { keep; } else { stop; }",
        "if anyof (header :contains [\"from\", \"to\"] \"x\", not exists \"date\", allof (true, false)) { stop; }",
        "require \"vacation\";\r\nvacation :days 7 :addresses [\"a@b\"] text: # comment\r\nAway\r\n..dot\r\n.\r\n;\r\n",
        "require [\"relational\", \"comparator-i;ascii-numeric\"];\nif header :value \"ge\" :comparator \"i;ascii-numeric\" \"x-spam\" \"5\" { discard; }",
        "require [\"variables\", \"imap4flags\"]; set :lower :quotewildcard \"a.b\" \"${1}\"; addflag \"flags\" [\"\\\\Seen\"]; if hasflag :is \"flags\" \"x\" { keep :flags \"x\"; }",
        "require \"imap4flags\"; setflag \"\\\\Deleted\"; removeflag [\"a\", \"b\"];",
        "require [\"subaddress\", \"fileinto\", \"copy\", \"mailbox\"]; if address :detail \"to\" \"x\" { fileinto :copy :create \"x\"; }",
        "require [\"date\", \"relational\", \"index\"]; if date :index 1 :last :originalzone \"received\" \"hour\" \"09\" { stop; } if currentdate :value \"ge\" \"date\" \"2007-06-30\" { stop; }",
        "require [\"body\", \"duplicate\", \"editheader\"]; if body :content \"text\" :contains \"x\" { addheader :last \"X\" \"y\"; deleteheader \"X\"; deleteheader :index 1 :is \"X\" [\"y\"]; } if duplicate :seconds 60 { discard; }",
        "require \"ihave\"; if ihave \"nonsense\" { error \"x\"; }",
        "require \"comparator-i;octet\"; if header :comparator \"i;octet\" \"a\" \"b\" { stop; }",
        "require [\"enotify\", \"include\", \"environment\", \"reject\", \"ereject\"]; include :global \"x\"; notify :importance \"1\" \"mailto:a@b\"; if environment \"name\" \"x\" { reject \"no\"; } else { ereject \"no\"; return; }",
    ] {
        assert_eq!(errors(script), [] as [String; 0], "{script}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (script, expected) in [
        ("keep", "line 1, column 5: a semicolon is needed here, not the end of the script"),
        ("keep;\nkee\u{70}e;", "line 2, column 1: there is no command keepe"),
        ("\r\n  redirect \"ä;\r\n", "line 2, column 12: this string is never closed"),
        ("\"ä\" ;", "line 1, column 1: a command is needed here, not a string"),
        ("# ä\nif \"ä\" ä", "line 2, column 8: 'ä' cannot stand here"),
        ("/* x", "line 1, column 1: this comment is never closed"),
        (
            "redirect text:\nx\n",
            "line 1, column 10: this text never ends: a line with a dot alone is missing",
        ),
        ("if true keep;", "line 1, column 1: if needs a block in braces"),
        ("if true;", "line 1, column 1: if needs a block in braces"),
        ("if true", "line 1, column 1: if needs a block in braces"),
        ("if { keep; }", "line 1, column 1: if takes one test"),
        ("if true { keep;", "line 1, column 9: } is missing for what was opened here"),
        ("if allof (true { keep; }", "line 1, column 16: a comma or ) is needed here, not {"),
        (
            "if allof true { keep; }",
            "line 1, column 4: allof takes tests in round brackets, separated by commas",
        ),
        ("if anyof () { keep; }", "line 1, column 11: a test is needed here, not )"),
        ("if exists [\"a\" \"b\"] { }", "line 1, column 16: a comma or ] is needed here, not a string"),
        ("elsif true { keep; }", "line 1, column 1: elsif must follow the block of if or elsif"),
        (
            "if true { keep; } else { } else { }",
            "line 1, column 28: else must follow the block of if or elsif",
        ),
        ("keep { stop; }", "line 1, column 1: keep takes no block"),
        ("keep; }", "line 1, column 7: a command is needed here, not }"),
        ("true;", "line 1, column 1: true is a test, not a command"),
        ("if keep { stop; }", "line 1, column 4: keep is a command, not a test"),
        ("if frob { stop; }", "line 1, column 4: there is no test frob"),
        ("keep; require \"fileinto\";", "line 1, column 7: require must stand before all other commands"),
        ("require \"regex\";", "line 1, column 9: there is no extension \"regex\" here"),
        ("fileinto \"x\";", "line 1, column 1: fileinto needs: require \"fileinto\";"),
        ("redirect :copy \"a@b\";", "line 1, column 10: :copy needs: require \"copy\";"),
        (
            "if header :value \"ge\" \"a\" \"1\" { }",
            "line 1, column 11: :value needs: require \"relational\";",
        ),
        ("redirect;", "line 1, column 1: redirect needs a string"),
        ("redirect 5;", "line 1, column 10: redirect needs a string here"),
        ("redirect [\"a@b\"];", "line 1, column 10: redirect needs a string here"),
        ("redirect \"a@b\" \"c@d\";", "line 1, column 16: redirect takes no further argument"),
        (
            "redirect \"nobody\";",
            "line 1, column 10: \"nobody\" is not possible here: a mail address is wanted",
        ),
        ("stop 5;", "line 1, column 6: stop takes no further argument"),
        ("if size 100 { }", "line 1, column 4: size needs :over or :under with a number"),
        ("if size :over \"1\" { }", "line 1, column 9: :over takes a number"),
        ("if size :over 1 :under 2 { }", "line 1, column 17: :over and :under exclude each other"),
        ("if header :is :is \"a\" \"b\" { }", "line 1, column 15: :is stands here twice"),
        ("if header \"a\" :is \"b\" { }", "line 1, column 15: :is must stand before the other arguments"),
        ("if header :frob \"a\" \"b\" { }", "line 1, column 11: header has no argument :frob"),
        ("if header \"a\" { }", "line 1, column 4: header needs a string or a list of strings"),
        ("if size :over 1T { }", "line 1, column 15: 1T is no number"),
        ("if size :over 99999999999999999999 { }", "line 1, column 15: 99999999999999999999 is no number"),
        (
            "if header :comparator \"i;frob\" \"a\" \"b\" { }",
            "line 1, column 23: \"i;frob\" is not possible here: i;octet, i;ascii-casemap or i;ascii-numeric",
        ),
        (
            "require \"envelope\"; if envelope \"cc\" \"x\" { }",
            "line 1, column 33: \"cc\" is not possible here: \"from\" or \"to\" is wanted",
        ),
        (
            "require \"imap4flags\"; addflag \"v\" \"x\";",
            "line 1, column 23: addflag with two arguments needs: require \"variables\";",
        ),
    ] {
        assert_eq!(errors(script).first().map(String::as_str), Some(expected), "{script}");
    }
}

#[test]
fn several_problems_are_told_and_each_extension_once() {
    let found = errors("fileinto \"a\";\nfileinto \"b\";\nfrob;\nvacation;");
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(errors(&"frob;\n".repeat(100)).len(), MOST_PROBLEMS);
    assert_eq!(check(b"keep;\n\xff").errors[0].to_string(), "line 2, column 1: this is not UTF-8");
}

#[test]
fn warnings_are_for_what_works_all_the_same() {
    assert_eq!(
        warnings("require [\"fileinto\", \"vacation\"];\nvacation \"away\";\nstop;\nkeep;\n"),
        [
            "line 1, column 10: the extension \"fileinto\" is required, but not used",
            "line 4, column 1: this is never reached, since stop stands before it"
        ]
    );
    assert_eq!(warnings("require \"variables\"; if header \"a\" \"${b}\" { stop; }"), [] as [String; 0]);
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "if true { ".repeat(depth), "} ".repeat(depth));
    assert_eq!(errors(&nested(60)), [] as [String; 0]);
    assert!(errors(&nested(100_000))[0].contains("nested too deep"));
    assert!(errors(&format!("if {} true {{ }}", "not ".repeat(100_000)))[0].contains("nested too deep"));
}

#[test]
fn no_script_makes_it_panic() {
    // Every beginning of a script that has everything in it.
    let whole = "require [\"fileinto\",\"a\\\"b\"]; # c\r\n/* x */ if anyof (not size :over 1K, header :is [\"ä\"] text:\r\n..x\r\n.\r\n) { fileinto \"ö\"; } else { stop; }";
    for end in 0..=whole.len() {
        let _ = check(&whole.as_bytes()[..end]);
    }
}
