//! The spans of operators, calls and functions, and texts that cannot be parsed.

use super::*;
use crate::text::lexer::tokens;

/// The expression of the n-th occurrence of `token`, and its name.
fn whole<'t>(text: &'t str, token: &str, nth: usize) -> (&'t str, Option<String>) {
    let cut = tokens(text);
    let found = parse(text, &cut);
    let places: Vec<&Token> = cut.iter().filter(|t| &text[t.start..t.end] == token).collect();
    let extent = found.expressions.get(&places[nth].start).unwrap_or_else(|| panic!("no extent for {token}"));
    (&text[extent.start..extent.end], extent.name.clone())
}

fn expression<'t>(text: &'t str, token: &str) -> &'t str {
    whole(text, token, 0).0
}

#[test]
fn spans_follow_operator_precedence() {
    assert_eq!(expression("a + b * c", "+"), "a + b * c");
    assert_eq!(expression("a + b * c", "*"), "b * c");
    assert_eq!(whole("a - b - c", "-", 0).0, "a - b");
    assert_eq!(whole("a - b - c", "-", 1).0, "a - b - c");
    assert_eq!(whole("a ** b ** c", "**", 0).0, "a ** b ** c");
    assert_eq!(whole("a ** b ** c", "**", 1).0, "b ** c");
    assert_eq!(expression("if a + b < c * d && e { }", "<"), "a + b < c * d");
    assert_eq!(expression("x % 2.0 + 1", "%"), "x % 2.0");
}

#[test]
fn unary_minus_binds_tighter_than_the_power() {
    let text = "-x ** 2";
    assert_eq!(expression(text, "-"), "-x");
    assert_eq!(expression(text, "**"), "-x ** 2");
    assert_eq!(parse(text, &tokens(text)).negated_bases, [(0, 7)]);
    let apart = "-(x ** 2)";
    assert_eq!(expression(apart, "-"), apart);
    assert!(parse(apart, &tokens(apart)).negated_bases.is_empty());
    assert_eq!(whole("a - -b", "-", 1).0, "-b");
    assert_eq!(expression("2 ** -x", "**"), "2 ** -x");
}

#[test]
fn calls_methods_and_indices_span_their_arguments() {
    assert_eq!(expression("1.0 / (1.0 + exp(-z))", "exp"), "exp(-z)");
    assert_eq!(expression("1.0 / (1.0 + exp(-z))", "/"), "1.0 / (1.0 + exp(-z))");
    assert_eq!(expression("let y = (a + b).exp().ln();", "exp"), "(a + b).exp()");
    assert_eq!(expression("let y = (a + b).exp().ln();", "ln"), "(a + b).exp().ln()");
    assert_eq!(expression("output[i] - target[i + 1]", "-"), "output[i] - target[i + 1]");
    assert_eq!(expression("m::f(x, y) * 2", "f"), "m::f(x, y)");
    assert_eq!(expression("z.map(|v| exp(v - m)).sum()", "exp"), "exp(v - m)");
    assert_eq!(expression("z.map(|v| exp(v - m)).sum()", "sum"), "z.map(|v| exp(v - m)).sum()");
    assert_eq!(expression("f(a, b\n  , c) + 1", "f"), "f(a, b\n  , c)");
    assert_eq!(expression("state.v * 2.0", "*"), "state.v * 2.0");
}

#[test]
fn an_expression_is_named_after_its_variable() {
    assert_eq!(whole("let d = a - b;", "-", 0), ("a - b", Some("d".into())));
    assert_eq!(whole("let d = (a - b);", "-", 0), ("a - b", Some("d".into())));
    assert_eq!(whole("d = exp(a);", "exp", 0), ("exp(a)", Some("d".into())));
    assert_eq!(whole("let d = a - b + c;", "-", 0), ("a - b", None));
    assert_eq!(whole("s += d ** 2;", "+=", 0), ("s += d ** 2", Some("s".into())));
    assert_eq!(whole("s += d ** 2;", "**", 0), ("d ** 2", None));
    assert_eq!(whole("state.v = b * state.v + g;", "+", 0).1, Some("state.v".into()));
    assert_eq!(whole("state.v -= g;", "-=", 0), ("state.v -= g", Some("state.v".into())));
    assert_eq!(whole("a[i] = x * y;", "*", 0).1, None);
    assert_eq!(whole("let d = if c { a + b } else { a };", "+", 0), ("a + b", None));
}

#[test]
fn spans_end_at_statement_boundaries() {
    let text = "fn f(x) { if x > 0 { x } else { -x } - 1 }";
    assert_eq!(expression(text, ">"), "x > 0");
    assert_eq!(whole(text, "-", 0).0, "-x");
    let text = "fn loss(o, t) {\n let s = 0.0;\n for i in 0..o.len() { s += (o[i] - t[i]) ** 2 }\n s / o.len()\n}";
    assert_eq!(expression(text, "+="), "s += (o[i] - t[i]) ** 2");
    assert_eq!(expression(text, "/"), "s / o.len()");
    assert_eq!(expression(text, ".."), "0..o.len()");
    let functions = parse(text, &tokens(text)).functions;
    assert_eq!(functions[0].name, "loss");
    assert_eq!(&text[functions[0].start..functions[0].end], text);
}

#[test]
fn switches_maps_closures_and_templates_are_parsed() {
    let text = "switch k { 0 | 1 => a + b, 2 if c > d => { x * y } _ => z - 1 }";
    assert_eq!(expression(text, "+"), "a + b");
    assert_eq!(expression(text, ">"), "c > d");
    assert_eq!(expression(text, "*"), "x * y");
    assert_eq!(expression(text, "-"), "z - 1");
    assert_eq!(parse(text, &tokens(text)).switches, [(7, 8)]);
    assert_eq!(expression("#{ a: x + y, \"b\": 2 }", "+"), "x + y");
    assert_eq!(expression("`v = ${x + y} and ${z}` + w", "+"), "x + y");
    assert_eq!(whole("`v = ${x + y} and ${z}` + w", "+", 1).0, "`v = ${x + y} and ${z}` + w");
    assert_eq!(expression("let f = |a, b| a * b;", "*"), "a * b");
    assert_eq!(expression("let f = || a * b;", "*"), "a * b");
}

#[test]
fn non_ascii_characters_do_not_shift_spans() {
    assert_eq!(expression("/* é */ let ß = \"→\"; ß + α * 2", "*"), "α * 2");
    assert_eq!(expression("/* é */ let ß = \"→\"; ß + α * 2", "+"), "ß + α * 2");
}

#[test]
fn parsing_terminates_on_invalid_texts() {
    for text in
        ["((((", "fn", "fn f(", "let = ; } } x + ", "#{ a: , }", "switch {", "|", "a + + +", "f(;)", "`${", "if if if"]
    {
        parse(text, &tokens(text));
    }
    // Quotes that open and close plain and raw strings in turn.
    let quotes = "\" #\" [ //";
    assert!(crate::text::ScriptText::new("t", quotes).compiled().len() >= quotes.len());
    for open in [
        "(",
        "-",
        "[",
        "#{a:",
        "{",
        "f(",
        "if ",
        "|",
        "switch ",
        "!",
        "`${",
        "a ** ",
        "do ",
        "else ",
        "if a {} else ",
        "loop {",
        "fn f() {",
        "for i in {",
        "`${`",
    ] {
        let text = open.repeat(20_000);
        parse(&text, &tokens(&text));
    }
}

proptest::proptest! {
    /// In any text, all tokens and spans are in bounds, in order and on character boundaries.
    #[test]
    fn any_text_is_parsed_within_bounds(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "fn", "f", "(", ")", "{", "}", "[", "]", "#{", "`", "${", "\"", "'", "let", "x", "=", "+=", "-", "**", "+", ",", ";",
            ":", "::", ".", "|", "||", "if", "else", "switch", "=>", "for", "in", "while", "1.5", "//", "/*", "*/", "\n", "é", "→", "#\"",
        ]), 0..60)) {
        let text = words.join(" ");
        let cut = tokens(&text);
        for pair in cut.windows(2) {
            proptest::prop_assert!(pair[0].end <= pair[1].start);
        }
        for (key, extent) in &parse(&text, &cut).expressions {
            proptest::prop_assert!(extent.start <= *key && *key < extent.end, "{text} {key} {extent:?}");
            proptest::prop_assert!(text.get(extent.start..extent.end).is_some());
        }
        let whole = crate::text::ScriptText::new("t", text.clone());
        proptest::prop_assert!(whole.compiled().len() >= text.len());
    }
}
