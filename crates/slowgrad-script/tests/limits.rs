//! Limits: hostile scripts are stopped quickly and with a clear error.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;

#[global_allocator]
static ALLOCATOR: slowgrad_script::CountingAllocator = slowgrad_script::CountingAllocator;

use slowgrad_script::{Diagnostic, Limits};
use std::time::{Duration, Instant};

fn stopped(text: &str) -> Diagnostic {
    let start = Instant::now();
    // The time limit is generous, so that even on a slow machine the tested limit stops the script.
    let limits = Limits { time: Duration::from_secs(20), setup_time: Duration::from_secs(3), ..Limits::default() };
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
fn endless_loops_are_stopped() {
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
    expect("bomb(x)", &["too-deep"], "function calls are nested too deeply");
    expect("let f = |g| g.call(g); f.call(f)", &["too-deep", "wrong-type", "unknown-function", "thrown", "script"], "");
}

#[test]
fn growing_values_are_stopped() {
    expect("let a = []; loop { a.push(1); }", &["too-large"], "array");
    expect("let a = []; a.pad(50000000, 0); x", &["too-large"], "array");
    expect("let a = [1]; loop { a += a; }", &["too-large"], "array");
    expect("let s = \"aaaaaaaa\"; loop { s += s; }", &["too-large"], "text");
    expect("let s = \"a\"; s.pad(500000000, 'b'); x", &["too-large"], "text");
    expect("let m = #{}; let i = 0; loop { m[`${i}`] = 1; i += 1; }", &["too-large", "too-many-operations"], "");
    expect("let a = []; loop { a = [a, a]; }", &["too-large"], "array");
    expect("let a = []; a.pad(9000, 0); let b = a; a.map(|v| b); x", &["too-large"], "array");
    // A single call would allocate gigabytes before any check.
    expect("let s = \"a\"; s.pad(60000, 'a'); let t = s; s.replace(\"a\", t); x", &["too-large"], "text");
    expect("let s = \"a\"; s.pad(60000, 'a'); let t = s; s.replace('a', t); x", &["too-large"], "text");
}

#[test]
fn nested_values_are_stopped_before_the_stack_overflows() {
    // The interpreter visits nested arrays recursively, as deep as their size allows: see the crate docs on stacks.
    let deep = || {
        expect("let a = []; loop { a = [a]; }", &["too-large", "too-slow", "too-many-operations"], "");
        expect("let m = #{}; loop { m = #{ m: m }; }", &["too-large", "too-slow", "too-many-operations"], "");
        let making = stopped("fn dataset(ctx) { let a = []; loop { a = [a]; } }");
        assert!(["too-slow", "too-large"].contains(&making.code), "{making:#?}");
    };
    std::thread::Builder::new().stack_size(32 << 20).spawn(deep).unwrap().join().unwrap();
    expect("let f = |q| q; loop { let g = f; f = |q| g.call(q); }", &["too-large"], "closures capture each other");
    expect("let m = #{}; loop { let n = m; m = #{ f: || n }; }", &["too-large"], "closures capture each other");
    let many = "let l = []; for i in 0..9000 { let a = []; a.pad(9000, 0); l.push(|| a); } x";
    expect(many, &["too-large"], "closures have captured too much");
    expect("let f = Fn(\"bomb\"); loop { f = curry(f, f); }", &["too-large"], "`curry` holds more than 10000 elements");
    expect("let f = Fn(\"bomb\"); loop { f = f.curry([f, f]); }", &["too-large"], "`curry` holds more than");
    expect("let f = Fn(\"bomb\"); loop { f = curry(Fn(\"bomb\"), f); }", &["too-large"], "too deeply");
}

#[test]
fn sorting_ends_with_inconsistent_comparisons() {
    let unsteady = "let a = []; for i in 0..300 { a.push(i * 7919 % 1009); } let k = 0;
        a.sort(|p, q| { k += 1; k * 7919 % 3 - 1 }); x";
    let sandbox = common::sandbox(&[("t.rhai", &format!("fn activation(x) {{ {unsteady} }}"))]);
    assert!(sandbox.check("t.rhai").is_empty());
    expect("[3, 1, 2].sort(|a, b| { loop {} }); x", &["too-many-operations", "too-slow"], "stopped");
}

#[test]
fn long_operations_in_a_loop_are_stopped_by_the_clock() {
    for body in ["a.sort();", "let b = a;", "let b = a + [1.0];", "a.norm();", "print(a);"] {
        let text = format!("fn dataset(ctx) {{ let a = []; a.pad(1000000, 1.0); loop {{ {body} }} }}");
        let limits = Limits { setup_time: Duration::from_millis(200), ..Limits::default() };
        let start = Instant::now();
        let found = common::sandbox_within(&[("t.rhai", &text)], limits).check("t.rhai");
        assert!(["too-slow", "too-many-prints"].contains(&found[0].code), "{found:#?}");
        assert!(start.elapsed() < Duration::from_secs(10), "{body} took {:?}", start.elapsed());
    }
}

#[test]
fn unread_console_output_stays_bounded() {
    let text = "fn activation(z) { let s = \"\"; s.pad(30000, 'é'); for i in 0..900 { print(s); } let a = []; a.pad(9000, z); print(a); z }";
    let sandbox = common::sandbox(&[("t.rhai", text)]);
    let activation = sandbox.activation(&slowgrad_engine::spec::PluginRef::named("t.rhai"), 1).unwrap();
    for _ in 0..5 {
        activation.function.borrow_mut().call(&[1.0]).unwrap();
    }
    let lines = sandbox.console();
    assert_eq!(lines.len(), 2_000);
    assert!(lines.iter().all(|line| line.text.chars().count() <= 2_001 && line.text.ends_with('…')));
    assert!(sandbox.console().is_empty());
}

#[test]
fn results_are_only_collected_from_the_expecting_loop() {
    let text = "fn activation(z) { for i in 0..1000 { __emit(z); } z }\nfn init(ctx) { for i in 0..100000 { __emit(2.0); } 1.0 }";
    let sandbox = common::sandbox(&[("t.rhai", text)]);
    let plugin = slowgrad_engine::spec::PluginRef::named("t.rhai");
    sandbox.activation(&plugin, 1).unwrap().function.borrow_mut().call(&[1.0]).unwrap();
    let drawn = sandbox.initializer(&plugin, &slowgrad_engine::shape::Shape::new(2, &[3]), 0).unwrap();
    assert_eq!(drawn.len(), 9);
}

#[test]
fn networks_too_large_to_count_are_rejected() {
    let lesson = |layers: &str| {
        let text = format!(
            "fn lesson() {{ #{{ title: \"t\", layers: {layers}, data: \"xor\" }} }}\nfn many() {{ let a = [2]; a.pad(1500000, 1); a }}"
        );
        let start = Instant::now();
        let error = common::sandbox(&[("t.rhai", &text)]).open("t.rhai").map(drop).unwrap_err().remove(0);
        assert!(start.elapsed() < Duration::from_secs(5), "{layers} took {:?}", start.elapsed());
        assert_eq!((error.code, error.location.is_some()), ("too-large", true), "{error:#?}");
        error.message
    };
    for layers in [
        "[2, 1000000000, 1]",
        "[1000000000, 1]",
        "[2, 9223372036854775807, 1]",
        "[4294967296, 4294967296, 4294967296]",
        "[3037000499, 3037000499, 3037000499, 3037000499]",
    ] {
        assert!(lesson(layers).contains("parameters; the limit is 5000000"));
    }
    assert!(lesson("many()").contains("the maximum is 100"));
    assert!(lesson("[1, 2000000]").contains("the last layer has 2000000 neurons"));
    assert!(lesson("[2, #{ size: 20000, activation: \"softmax\" }, 1]").contains("at most 10000 neurons"));
}

#[test]
fn files_that_are_not_scripts_are_rejected() {
    let check = |bytes: &[u8]| {
        let files = slowgrad_script::Files::from_iter([("t.rhai", bytes)]);
        let library = slowgrad_script::Library { roots: vec![slowgrad_script::Root { name: "own".into(), files }] };
        slowgrad_script::Sandbox::new(library, Limits::default()).check("t.rhai")
    };
    let code = |bytes: &[u8]| check(bytes).first().map(|found| found.code);
    assert_eq!(code(b""), Some("empty-file"));
    assert_eq!(code(b"\n \n"), Some("missing-function"));
    assert_eq!(code(&b"fn activation(z) { z }\n".repeat(20_000)), Some("too-large"));
    let latin = check(b"// one\n// caf\xe9\nfn activation(z) { z }").remove(0);
    assert_eq!((latin.code, latin.location.unwrap().to_string().as_str()), ("not-text", "t.rhai:2:7"));
    assert_eq!(code("\u{feff}fn activation(z) { z }".as_bytes()), None);
    // A span is never empty and never past the end, so that it can be underlined.
    for text in
        ["/* abc", "fn activation(z) { /* abc }", "fn activation(z) {", "fn activation(z) { \u{2028} z }", "\"é"]
    {
        let found = check(text.as_bytes()).remove(0);
        let span = found.location.as_ref().unwrap().span;
        assert!(
            !span.text(&found.location.as_ref().unwrap().source).trim_end().is_empty() || text.contains('\u{2028}'),
            "{found:#?}"
        );
        assert!(span.start < span.end && span.end as usize <= text.len(), "{found:#?}");
    }
}

#[test]
fn an_endless_tape_is_stopped() {
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
fn deep_nesting_and_many_modules_are_rejected() {
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
fn creating_data_and_weights_is_bounded() {
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
    assert!(stopped(text).message.contains("the limit is 5000000"));
}

#[test]
fn the_clock_stops_scripts_below_the_operation_limit() {
    let limits = Limits { operations: u64::MAX, time: Duration::from_millis(30), ..Limits::default() };
    let sandbox = common::sandbox_within(&[("t.rhai", "fn activation(z) { loop {} }")], limits);
    let start = Instant::now();
    let found = sandbox.check("t.rhai");
    assert_eq!(found[0].message, "the script was stopped after 30 ms");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_lesson_may_only_lower_its_limits() {
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

#[test]
fn a_lesson_may_lower_each_limit() {
    let cases = [
        ("operations: 50", "let y = 0; for i in 0..100 { y += i; } z", "too-many-operations"),
        ("seconds: 0.000001", "let y = 0; for i in 0..1000 { y += i; } z", "too-slow"),
        ("memory: 1000", "let a = []; a.pad(5000, 0); z", "too-large"),
        ("tape: 50", "let y = z; for i in 0..100 { y = y * 0.5; } y", "tape-full"),
        ("calls: 3", "deep(z, 5)", "too-deep"),
        ("depth: 5", "((((((((z + 1.0) * 2.0) + 1.0) * 2.0) + 1.0) * 2.0) + 1.0) * 2.0)", "too-deep"),
        ("string: 20", "let s = \"0123456789\"; s += s; s += s; z", "too-large"),
        ("array: 20", "let a = []; a.pad(21, 0); z", "too-large"),
        ("map: 3", "let m = #{ a: 1, b: 2, c: 3, d: 4 }; z", "too-large"),
        ("modules: 1", "import \"m1\" as a; import \"m2\" as b; z", "too-many-modules"),
        ("functions: 1", "z", "too-many-functions"),
        ("variables: 2", "let a = z; let b = a; let c = b; c", "too-many-variables"),
        ("script: 20", "z", "too-large"),
        ("prints: 3", "for i in 0..4 { print(i); } z", "too-many-prints"),
        ("cues: 1", "z", "too-many-cues"),
        ("table: 8", "z", "too-large"),
        ("parameters: 2", "z", "too-large"),
    ];
    let named: Vec<&str> = cases.iter().filter_map(|(limit, ..)| Some(limit.split_once(':')?.0)).collect();
    assert_eq!(named, Limits::names().collect::<Vec<_>>());
    for (limit, body, code) in cases {
        let own =
            format!("fn deep(z, n) {{ if n == 0 {{ z }} else {{ deep(z, n - 1) }} }}\nfn activation(z) {{ {body} }}\n");
        let lesson = |limits: &str| {
            format!(
                "fn lesson() {{ #{{ title: \"t\", layers: [2, 1], output: \"own\", data: csv(\"t.csv\", #{{ target: \"y\" }}) {limits} }} }}\n
                fn perform(stage) {{ stage.wait(); stage.wait(); }}\n"
            )
        };
        let open = |limits: &str| {
            let module = "fn f(x) { x }";
            let files = [
                ("own.rhai", own.as_str()),
                ("t.rhai", &lesson(limits)),
                ("m1.rhai", module),
                ("m2.rhai", module),
                ("t.csv", "a,b,y\n1,2,3\n"),
            ];
            common::sandbox(&files).open("t.rhai").map(drop)
        };
        open("").unwrap();
        let errors = open(&format!(", limits: #{{ {limit} }}")).expect_err(limit);
        assert_eq!(errors[0].code, code, "{limit}: {errors:#?}");
    }
}

#[test]
fn a_running_lesson_keeps_its_limits_when_its_file_breaks() {
    let lesson = "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\", limits: #{ tape: 50 } } }";
    let own = "fn activation(z) { let y = z; for i in 0..100 { y = y * 0.5; } y }";
    let mut sandbox = common::sandbox(&[("own.rhai", own), ("t.rhai", lesson)]);
    sandbox.open("t.rhai").unwrap();
    sandbox.replace("own", "t.rhai", Some(b"fn lesson() {".to_vec().into()));
    sandbox.open("t.rhai").unwrap_err();
    let activation = sandbox.activation(&slowgrad_engine::spec::PluginRef::named("own"), 1).unwrap();
    assert_eq!(activation.function.borrow_mut().call(&[1.0]).unwrap_err().code, "tape-full");
}

#[test]
fn long_chains_of_imports_are_rejected() {
    let files: Vec<(String, String)> = (0..5_000)
        .map(|i| (format!("m{i}.rhai"), format!("import \"m{}\" as next;\nfn f(x) {{ next::f(x) }}", i + 1)))
        .chain([("t.rhai".to_owned(), "import \"m0\" as m;\nfn activation(z) { m::f(z) }".to_owned())])
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let found = common::sandbox(&files).check("t.rhai");
    let codes: Vec<&str> = found.iter().map(|found| found.code).collect();
    assert_eq!(codes, ["broken-import", "too-many-modules"], "{found:#?}");
    assert!(found.iter().all(|found| found.location.is_some()), "{found:#?}");
}

/// The growth of this thread's memory, in bytes, over a number of calls of an activation.
fn growth(text: &str, calls: usize) -> isize {
    let sandbox = common::sandbox(&[("t.rhai", text)]);
    let activation = sandbox.activation(&slowgrad_engine::spec::PluginRef::named("t.rhai"), 1).unwrap();
    let call = |x: f64| activation.function.borrow_mut().call(&[x]).map_err(|error| error.message).expect(text);
    for _ in 0..3 {
        call(1.0);
        drop(sandbox.console());
    }
    let before = slowgrad_script::CountingAllocator::held();
    for _ in 0..calls {
        call(1.0);
        drop(sandbox.console());
    }
    slowgrad_script::CountingAllocator::held() - before
}

#[test]
fn closures_that_reference_themselves_are_freed_after_the_call() {
    for body in [
        "let a = []; a.pad(9000, 0); let f = || a.len(); a[0] = f; print(1); z",
        "let f = 1; f = || f; print(1); z",
        "let m = #{}; let f = |v| { m.again = v; v }; m.f = f; print(1); f.call(z)",
    ] {
        let grown = growth(&format!("fn activation(z) {{ {body} }}"), 200);
        assert!(grown < 10_000, "{body}: {grown} bytes");
    }
}

#[test]
fn a_captured_value_can_be_the_result() {
    let data =
        "fn dataset(ctx) { let all = []; let add = |x| all.push(#{ input: [x, x], target: [x] }); add.call(1.0); all }";
    let sandbox = common::sandbox(&[("d.rhai", data)]);
    let made = sandbox.dataset(&slowgrad_engine::spec::PluginRef::named("d.rhai"), None, 0.0, 0);
    assert_eq!(made.unwrap().len(), 1);
}

thread_local! {
    /// The time of a clock that a test controls, and the processor time that the test grants for each second of it.
    static CLOCK: std::cell::Cell<(Duration, f64)> = const { std::cell::Cell::new((Duration::ZERO, 0.0)) };
}

/// Limits of 100 ms for a call, on a clock that advances by 20 ms at each look. The thread gets this share of the time.
fn limits_on_a_busy_machine(share: f64) -> Limits {
    CLOCK.set((Duration::ZERO, share));
    let clock = || {
        let (now, share) = CLOCK.get();
        CLOCK.set((now + Duration::from_millis(20), share));
        now
    };
    let processor_time = || {
        let (now, share) = CLOCK.get();
        now.mul_f64(share)
    };
    Limits {
        operations: 1_000_000,
        time: Duration::from_millis(100),
        clock: Some(clock),
        processor_time: Some(processor_time),
        ..Limits::default()
    }
}

#[test]
fn seconds_are_those_of_the_processor() {
    let stopped = |share: f64, body: &str| {
        let limits = limits_on_a_busy_machine(share);
        let text = format!("fn activation(z) {{ {body} }}");
        let sandbox = common::sandbox_within(&[("t.rhai", &text)], limits);
        let activation = sandbox.activation(&slowgrad_engine::spec::PluginRef::named("t.rhai"), 1).unwrap();
        CLOCK.set((Duration::ZERO, share));
        let code = activation.function.borrow_mut().call(&[1.0]).err().map(|error| error.code);
        (code, CLOCK.get().0)
    };
    // The clock passes the limit many times, but other programs use the time.
    let long = "let y = 0; for i in 0..2000 { y += i; } z";
    let (code, time) = stopped(0.001, long);
    assert_eq!(code, None);
    assert!(time > Duration::from_secs(1), "{time:?}");
    assert_eq!(stopped(1.0, long).0, Some("too-slow"));
    // With half of the time, a loop without an end is stopped after twice the limit.
    let (code, time) = stopped(0.5, "loop {}");
    assert_eq!(code, Some("too-slow"));
    assert!((Duration::from_millis(200)..Duration::from_millis(300)).contains(&time), "{time:?}");
}

/// The largest layer of the largest network that is allowed by default.
#[test]
fn the_default_initializer_draws_as_many_weights_as_a_network_may_have() {
    let size = 2235;
    let shape = slowgrad_engine::shape::Shape::new(size, &[size]);
    let max = Limits::default().parameters;
    assert!((max - 5_000..=max).contains(&shape.parameters()));
    // The time depends on the machine and on how the test was compiled.
    let limits = Limits { setup_time: Duration::from_mins(10), ..Limits::default() };
    let sandbox = common::sandbox_within(&[], limits);
    let drawn = sandbox.initializer(&slowgrad_engine::spec::PluginRef::named("xavier_uniform"), &shape, 1).unwrap();
    assert_eq!(drawn.len(), shape.parameters());
}

/// For five million weights an initializer has the budget of a set-up eleven times: 110 operations for each weight.
#[test]
fn every_shipped_initializer_needs_fewer_operations_than_it_has() {
    let limits = Limits { setup_operations: 110 * 40 * 50, ..Limits::default() };
    let sandbox = common::sandbox_within(&[], limits);
    let shape = slowgrad_engine::shape::Shape::new(40, &[50]);
    let all = sandbox.catalogue(slowgrad_script::PluginKind::Initializer);
    assert!(all.len() >= 9, "{all:?}");
    for entry in all {
        let drawn = sandbox.initializer(&slowgrad_engine::spec::PluginRef::named(entry.path.clone()), &shape, 1);
        assert!(drawn.is_ok_and(|drawn| drawn.len() == shape.parameters()), "{}", entry.path);
    }
    let limits = Limits { setup_operations: 10 * 40 * 50, ..Limits::default() };
    let error = common::sandbox_within(&[], limits)
        .initializer(&slowgrad_engine::spec::PluginRef::named("xavier_uniform"), &shape, 1)
        .unwrap_err();
    assert_eq!(error.code, "too-many-operations");
    assert!(error.help.as_ref().is_some_and(|help| help.contains("--limits operations=")), "{error:?}");
}
