//! Hostile scripts: each is stopped, soon, with a clear word.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;
use slowgrad_script::{Diagnostic, Limits};
use std::time::{Duration, Instant};

fn stopped(text: &str) -> Diagnostic {
    let start = Instant::now();
    // Time enough that on a slow machine, too, it is the limit in question that stops the script.
    let limits = Limits { time: Duration::from_secs(20), making_time: Duration::from_secs(3), ..Limits::default() };
    let mut found = common::sandbox_within(&[("t.rhai", text)], limits).check("t.rhai");
    assert!(start.elapsed().as_secs() < 60, "{text} took {:?}", start.elapsed());
    assert_eq!(found.len(), 1, "{text}: {found:#?}");
    found.remove(0)
}

fn expect(body: &str, codes: &[&str], message: &str) {
    let found = stopped(&format!("fn bomb(x) {{ {body} }}\nfn activation(z) {{ bomb(z) }}"));
    assert!(codes.contains(&found.code), "{body}: {found:#?}");
    assert!(found.message.contains(message), "{body}: {found:#?}");
    assert!(found.location.is_some(), "{body}: {found:#?}");
}

#[test]
fn loops_without_an_end_are_stopped() {
    expect("loop {}", &["too-many-operations", "too-slow"], "the script was stopped after");
    expect("while true { let y = 1; }", &["too-many-operations", "too-slow"], "stopped");
    expect("for i in 0..9000000000 { let y = i; } x", &["too-many-operations", "too-slow"], "stopped");
    expect("[1, 2].map(|v| { loop {} }); x", &["too-many-operations", "too-slow"], "stopped");
    let deep =
        "let a = []; for i in 0..1000 { a.push(i); } let b = a; let c = a; a.map(|v| b.map(|w| c.map(|u| u))); x";
    expect(deep, &["too-many-operations", "too-slow", "too-large"], "");
}

#[test]
fn recursion_is_stopped() {
    expect("bomb(x)", &["too-deep"], "too many functions called each other");
    expect("let f = |g| g.call(g); f.call(f)", &["too-deep", "wrong-type", "unknown-function", "thrown", "script"], "");
}

#[test]
fn growing_values_are_stopped() {
    expect("let a = []; loop { a.push(1); }", &["too-large"], "array");
    expect("let a = []; a.pad(50000000, 0); x", &["too-large"], "array");
    expect("let a = [1]; loop { a += a; }", &["too-large"], "array");
    expect("let s = \"aaaaaaaa\"; loop { s += s; }", &["too-large"], "string");
    expect("let s = \"a\"; s.pad(500000000, 'b'); x", &["too-large"], "string");
    expect("let m = #{}; let i = 0; loop { m[`${i}`] = 1; i += 1; }", &["too-large", "too-many-operations"], "");
    expect("let a = []; loop { a = [a, a]; }", &["too-large"], "array");
}

#[test]
fn a_tape_that_grows_without_an_end_is_stopped() {
    expect("let y = x; loop { y = y * 1.5; }", &["tape-full"], "more than 100000 operations in one call");
    expect("let y = x; loop { if y > 100.0 { } }", &["tape-full"], "more than 100000");
    expect("let n = 0.0; loop { n += 1.0; let y = x + n; }", &["tape-full"], "more than 100000");
}

#[test]
fn prints_and_cues_are_bounded() {
    expect("loop { print(\"again\"); }", &["too-many-prints"], "more than 1000 lines");
    let text = "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\" } }\nfn perform(stage) { loop { stage.wait(); } }";
    assert_eq!(stopped(text).code, "too-many-cues");
}

#[test]
fn deep_texts_and_many_modules_are_refused() {
    for text in [
        format!("fn activation(z) {{ {}z{} }}", "(".repeat(500), ")".repeat(500)),
        format!("fn activation(z) {{ {}z }}", "- ".repeat(20_000)),
        format!("fn activation(z) {{ z{} }}", " + z".repeat(500)),
        format!("fn activation(z) {{ {} z {} }}", "if z > 0.0 {".repeat(500), "} else { z }".repeat(500)),
    ] {
        let found = stopped(&text);
        assert_eq!(found.code, "too-deep", "{found:#?}");
    }
    let modules = (0..100).map(|i| format!("import \"shared/m\" as m{i};")).collect::<Vec<_>>().join("\n");
    let text = format!("{modules}\nfn activation(z) {{ z }}");
    let found = common::sandbox(&[("shared/m.rhai", "fn f(x) { x }"), ("t.rhai", &text)]).check("t.rhai");
    assert_eq!(found[0].code, "too-many-modules", "{found:#?}");
}

#[test]
fn making_data_and_weights_is_bounded_too() {
    for text in [
        "fn dataset(ctx) { loop {} }",
        "fn dataset(ctx) { let a = []; loop { a.push(1.0); } }",
        "fn init(ctx) { loop {} }",
        "fn lesson() { loop {} }",
        "fn state() { loop {} }\nfn update(w, grad, state, ctx) { w }",
        "fn params() { loop {} }\nfn activation(z) { z }",
    ] {
        let found = stopped(text);
        assert!(["too-many-operations", "too-slow", "too-large"].contains(&found.code), "{found:#?}");
    }
    let text = "fn lesson() { #{ title: \"t\", layers: [2, 90000, 90000], data: \"xor\" } }";
    assert!(stopped(text).message.contains("5000000 are possible"));
}

#[test]
fn the_clock_stops_what_the_counter_does_not() {
    let limits = Limits { operations: u64::MAX, time: Duration::from_millis(30), ..Limits::default() };
    let sandbox = common::sandbox_within(&[("t.rhai", "fn activation(z) { loop {} }")], limits);
    let start = Instant::now();
    let found = sandbox.check("t.rhai");
    assert_eq!(found[0].message, "the script was stopped after 30 ms");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_lesson_may_lower_its_limits_only() {
    let lesson = |limits: &str| {
        format!(
            "fn lesson() {{ #{{ title: \"t\", layers: [2, 1], data: \"xor\", output: \"own\", limits: {limits} }} }}\n"
        )
    };
    let own = "fn activation(z) { let y = z; for i in 0..100 { y = y * 0.5; } y }";
    let open = |limits: &str| {
        common::sandbox(&[("own.rhai", own), ("mine.rhai", &lesson(limits))]).open("mine.rhai").map(drop)
    };
    open("#{ tape: 1000 }").unwrap();
    assert_eq!(open("#{ tape: 50 }").unwrap_err()[0].message, "more than 50 operations in one call");
    assert_eq!(open("#{ operations: 50 }").unwrap_err()[0].code, "too-many-operations");
    let limits = Limits { tape: 50, ..Limits::default() };
    let text = lesson("#{ tape: 100000 }");
    let sandbox = common::sandbox_within(&[("own.rhai", own), ("mine.rhai", &text)], limits);
    assert_eq!(sandbox.open("mine.rhai").unwrap_err()[0].code, "tape-full");
}
