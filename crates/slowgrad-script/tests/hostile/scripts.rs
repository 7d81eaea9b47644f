//! The hostile scripts, with their expected errors and lines.

/// One script, with the files around it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub name: &'static str,
    pub files: Vec<(String, String)>,
    /// The codes that may be reported.
    pub codes: &'static [&'static str],
    /// The line of the error, or 0 if there is none. A limit is reported at the loop or the call that was running.
    pub line: u32,
    /// Whether it creates data or is a lesson, for which the time limit is higher.
    pub is_making: bool,
}

const ENDLESS: &[&str] = &["too-many-operations", "too-slow"];
const LARGE: &[&str] = &["too-large"];
const DEEP: &[&str] = &["too-deep"];
/// Any of the limits.
const STOPPED: &[&str] = &["too-many-operations", "too-slow", "too-large"];
const GOOD: &[&str] = &["good"];

fn case(name: &'static str, text: String, codes: &'static [&'static str], line: u32, is_making: bool) -> Case {
    Case { name, files: vec![("t.rhai".to_owned(), text)], codes, line, is_making }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    // In an activation, on its second line.
    for (name, body, codes) in [
        ("an empty loop", "loop {}", ENDLESS),
        ("while", "while true { let y = 1; }", ENDLESS),
        ("do until", "do { let y = 1; } until false", ENDLESS),
        ("nested ranges", "for i in 0..100000 { for j in 0..100000 { let y = i; } } z", ENDLESS),
        (
            "a range of all numbers",
            "for i in -9223372036854775807..9223372036854775807 { } z",
            &["good", "too-many-operations"],
        ),
        ("a range with a small step", "for i in range(0.0, 1.0, 1e-300) { } z", ENDLESS),
        (
            "a range with no step",
            "for i in range(0, 10, 0) { } z",
            &["too-many-operations", "too-slow", "arithmetic", "interpreter"],
        ),
        ("recursion", "bomb(z)", DEEP),
        ("mutual recursion", "let f = |g| g.call(g); even(z)", DEEP),
        ("a closure that calls itself", "let f = |g| g.call(g); f.call(f)", DEEP),
        ("recursion in two branches", "twice(z)", DEEP),
        (
            "map over map over map",
            "let a = []; a.pad(1000, 0); let b = a; let c = a; a.map(|v| b.map(|w| c.map(|u| u))); z",
            STOPPED,
        ),
        ("a loop in a filter", "[1, 2].filter(|v| { loop {} }); z", ENDLESS),
        ("a loop in a comparison", "[3, 1, 2].sort(|a, b| { loop {} }); z", ENDLESS),
        ("reduce that grows", "let a = []; a.pad(9000, 1); a.reduce(|s, v| s + [s], []); z", STOPPED),
        ("text doubled", "let s = \"aaaaaaaa\"; loop { s += s; }", LARGE),
        ("text padded", "let s = \"a\"; s.pad(500000000, 'b'); z", LARGE),
        ("text in itself", "let s = \"aaaa\"; loop { s = `${s}${s}`; }", LARGE),
        ("texts kept", "let a = []; loop { let s = \"\"; s.pad(60000, 'x'); a.push(|| s); }", STOPPED),
        ("replace", "let s = \"a\"; s.pad(60000, 'a'); let t = s; s.replace(\"a\", t); z", LARGE),
        ("split", "let s = \"\"; s.pad(60000, ' '); loop { let parts = s.split(\" \"); }", STOPPED),
        ("letters", "let s = \"\"; s.pad(60000, 'x'); loop { let n = 0; for c in s { n += 1; } }", STOPPED),
        ("an array doubled", "let a = [1]; loop { a += a; }", LARGE),
        ("an array padded", "let a = []; a.pad(9000000000, 0); z", LARGE),
        ("an array pushed", "let a = []; loop { a.push(1); }", LARGE),
        ("arrays in arrays", "let a = []; loop { a = [a, a]; }", LARGE),
        ("one array many times", "let a = []; a.pad(900, 0); let b = []; loop { b.push(a); }", LARGE),
        ("an array in itself", "let a = []; loop { a = [a]; }", STOPPED),
        ("a range made an array", "let a = []; for i in 0..9000000000 { a.push(i); } z", LARGE),
        ("ranges in an array", "let a = []; loop { a.push(0..9000000000); }", LARGE),
        ("map of maps", "let m = #{}; loop { m = #{ a: m, b: m }; }", LARGE),
        ("a map in itself", "let m = #{}; loop { m = #{ m: m }; }", STOPPED),
        ("a map with many keys", "let m = #{}; let i = 0; loop { m[`${i}`] = 1; i += 1; }", STOPPED),
        ("closures that capture", "let l = []; loop { let a = []; a.pad(9000, 0); l.push(|| a); }", STOPPED),
        ("curry in itself", "let f = |q| q; loop { f = curry(f, f, f, f); }", LARGE),
        ("curry of arrays", "let f = |q| q; loop { f = f.curry([f, f]); }", LARGE),
        ("curry in curry", "let f = |q| q; loop { f = curry(Fn(\"twice\"), f); }", LARGE),
        ("curry kept", "let f = |q| q; let l = []; loop { f = curry(f, z); l.push(f); }", STOPPED),
        ("closures in closures", "let f = |q| q; loop { let g = f; f = |q| g.call(q); }", LARGE),
        ("the tape", "let y = z; loop { y = y * 1.5; }", &["tape-full"]),
        ("comparisons", "let y = z; loop { if y > 100.0 { } }", &["tape-full"]),
        ("sums of a large array", "let a = []; a.pad(9000, z); loop { let y = a.sum(); }", &["tape-full"]),
        ("softmax", "let a = []; a.pad(9000, z); loop { a = a.softmax(); }", &["tape-full"]),
        ("sort without an end", "let a = []; a.pad(9000, 1.0); loop { a.sort(); }", ENDLESS),
        (
            "sorted texts",
            "let a = []; for i in 0..60 { let s = \"\"; s.pad(1000, 'x'); a.push(s + i); } loop { a.sort(); }",
            ENDLESS,
        ),
        ("equal arrays", "let a = []; a.pad(9000, 1); let b = a; loop { let y = a == b; }", STOPPED),
        ("extract", "let a = []; a.pad(9000, 1); loop { let b = a.extract(0..9000000000); }", STOPPED),
        ("splice", "let a = []; a.pad(9000, 1); let b = a; loop { a.splice(0..1, b); }", LARGE),
        ("insert", "let a = []; loop { a.insert(0, a.len()); }", LARGE),
        ("chop and append", "let a = []; a.pad(5000, 1); let b = a; loop { a.append(b); }", LARGE),
        ("a power", "loop { let y = 9223372036854775807 ** 2; }", &["arithmetic"]),
        ("shifts", "let n = 1; loop { n = n << 1; }", &["too-many-operations", "too-slow", "arithmetic"]),
        ("many prints", "loop { print(\"again\"); }", &["too-many-prints"]),
        ("prints of much", "let a = []; a.pad(9000, 1); loop { print(a); }", &["too-many-prints"]),
        ("a text of an array", "let a = []; a.pad(9000, 1); loop { let s = a.to_string(); }", STOPPED),
        ("thrown texts", "let s = \"\"; s.pad(60000, 'x'); throw s;", &["thrown"]),
        ("a folder above", "import \"../secret\" as s; z", &["import-path"]),
        ("a path from the root", "import \"/etc/passwd\" as s; z", &["import-path"]),
        ("a drive", "import \"c:/secret\" as s; z", &["import-path"]),
        ("a name made in the script", "let s = \"..\"; import s + \"/x\" as m; z", &["import-path"]),
        ("a file that is not there", "import \"nothing\" as s; z", &["unknown-import"]),
        ("sleep", "sleep(10); z", &["not-available"]),
        ("eval", "eval(\"loop {}\"); z", &["syntax", "reserved-name"]),
        ("try", "try { loop {} } catch { } z", &["reserved-name"]),
    ] {
        let others =
            "fn bomb(z) { bomb(z) }\nfn even(z) { odd(z) }\nfn odd(z) { even(z) }\nfn twice(z) { twice(z) + twice(z) }";
        let line = match name {
            "recursion" => 4,
            "mutual recursion" => 6,
            "recursion in two branches" => 7,
            _ => 2,
        };
        cases.push(case(name, format!("fn activation(z) {{\n    {body}\n}}\n{others}\n"), codes, line, false));
    }
    // While data is created.
    for (name, body, codes) in [
        ("data: an empty loop", "loop {}", ENDLESS),
        ("data: pushed", "let a = []; loop { a.push(1.0); }", STOPPED),
        ("data: padded", "let a = []; a.pad(9000000000, 0); a", LARGE),
        ("data: doubled", "let a = [1]; loop { a += a; }", STOPPED),
        (
            "data: millions of samples",
            "let a = []; for i in 0..5000000 { a.push(#{ input: [1.0], target: [1.0] }); } a",
            STOPPED,
        ),
        ("data: an array in itself", "let a = []; loop { a = [a]; }", STOPPED),
        ("data: sort", "let a = []; a.pad(1900000, 1.0); loop { a.sort(); }", STOPPED),
        ("data: sort by a closure", "let a = []; a.pad(1900000, 1.0); loop { a.sort(|x, y| x - y); }", STOPPED),
        ("data: equal", "let a = []; a.pad(1900000, 1.0); let b = a; loop { let y = a == b; }", STOPPED),
        ("data: index_of", "let a = []; a.pad(1900000, 1); loop { let y = a.index_of(2); }", STOPPED),
        ("data: dedup", "let a = []; a.pad(1900000, 1); loop { let b = a; b.dedup(); }", STOPPED),
        ("data: reverse", "let a = []; a.pad(1900000, 1); loop { a.reverse(); }", STOPPED),
        ("data: insert in front", "let a = []; a.pad(1900000, 1); loop { a.insert(0, 1); a.shift(); }", STOPPED),
        ("data: a text of it", "let a = []; a.pad(1900000, 1); loop { let s = a.to_string(); }", STOPPED),
        ("data: print", "let a = []; a.pad(1900000, 1); loop { print(a); }", &["too-many-prints"]),
        ("data: map", "let a = []; a.pad(1900000, 1); loop { let b = a.map(|v| v); }", STOPPED),
        ("data: filter", "let a = []; a.pad(1900000, 1); loop { let b = a.filter(|v| true); }", STOPPED),
        ("data: drain", "let a = []; a.pad(1900000, 1); loop { let b = a; b.drain(|v| true); }", STOPPED),
        ("data: split", "let a = []; a.pad(1900000, 1); loop { let b = a; let c = b.split(900000); }", STOPPED),
        ("data: nested", "let a = []; a.pad(1400, 1); let b = []; b.pad(1400, a); loop { let c = b; }", STOPPED),
        ("data: captured", "let a = []; a.pad(1900000, 1); let l = []; loop { let b = a; l.push(|| b); }", STOPPED),
        ("data: recursion that copies", "fn_copies([])", STOPPED),
        ("data: one map a key", "let m = #{}; let i = 0; loop { m[`${i}`] = i; i += 1; }", STOPPED),
        ("data: texts", "let a = []; loop { let s = \"\"; s.pad(60000, 'x'); a.push(|| s); }", STOPPED),
    ] {
        let body = body.replace("fn_copies([])", "let a = []; a.pad(1900000, 1); copies(a, 0)");
        let copies = "fn copies(a, n) { let b = a; let c = b; copies(c, n + 1) }";
        let line = if name.ends_with("copies") { 4 } else { 2 };
        cases.push(case(name, format!("fn dataset(ctx) {{\n    {body}\n}}\n{copies}"), codes, line, true));
    }
    let variables: String = (0..200).map(|i| format!("let v{i} = a; ")).collect();
    let kept = format!("fn dataset(ctx) {{\n    let a = []; a.pad(1900000, 1); {variables} a\n}}");
    cases.push(case("data: kept in many variables", kept, LARGE, 2, true));
    cases.extend(lessons());
    cases.extend(texts());
    cases
}

/// Lessons, and functions such as `params` and `state`.
fn lessons() -> Vec<Case> {
    let lesson = |fields: &str, cues: &str| {
        format!(
            "fn lesson() {{\n    #{{ title: \"t\", data: \"xor\", {fields} }}\n}}\nfn perform(stage) {{\n    {cues}\n}}\n"
        )
    };
    let small = "layers: [2, 3, 1]";
    let state = "fn update(w, grad, state, ctx) { w }";
    vec![
        case("lesson: a loop", "fn lesson() {\n    loop {}\n}".into(), ENDLESS, 2, true),
        case("lesson: layers beyond counting", lesson("layers: [2, 1000000000, 1]", ""), LARGE, 2, true),
        case("lesson: inputs beyond counting", lesson("layers: [9223372036854775807, 1]", ""), LARGE, 2, true),
        case("lesson: a batch beyond counting", lesson("layers: [2, 1], batch: 9223372036854775807", ""), GOOD, 0, true),
        case("lesson: samples beyond counting", "fn lesson() {\n    #{ title: \"t\", layers: [2, 1], data: \"circle\", count: 9223372036854775807 }\n}".into(), STOPPED, 13, true),
        case("lesson: noise beyond counting", lesson("layers: [2, 1], noise: 1e308", ""), GOOD, 0, true),
        case("lesson: a learning rate that is no number", lesson("layers: [2, 1], params: #{ lr: 0.0 / 0.0 }", ""), &["wrong-value"], 2, true),
        case("lesson: an infinite learning rate", lesson("layers: [2, 1], params: #{ lr: 1.0 / 0.0 }", ""), &["wrong-value"], 2, true),
        case("lesson: no limit", lesson("layers: [2, 1], limits: #{ operations: 1.0 / 0.0 }", ""), &["wrong-value"], 2, true),
        case("perform: a loop", lesson(small, "loop {}"), ENDLESS, 5, true),
        case("perform: millions of cues", lesson(small, "for i in 0..5000000 { stage.wait(); }"), &["too-many-cues"], 5, true),
        case("perform: long captions", lesson(small, "let s = \"\"; s.pad(60000, 'x'); loop { stage.say(s); }"), &["too-many-cues", "too-large"], 5, true),
        case("perform: many changes", lesson(small, "for i in 0..9999 { stage.set(#{ optimizer: \"adam\" }); }"), GOOD, 0, true),
        case("params: a loop", "fn params() {\n    loop {}\n}\nfn activation(z) { z }".into(), ENDLESS, 2, false),
        case("params: a slider without an end", "fn params() {\n    #{ a: slider(1.0, 0.0, 1.0 / 0.0) }\n}\nfn activation(z, p) { z * p.a }".into(), &["wrong-control"], 2, false),
        case("params: a slider that is no number", "fn params() {\n    #{ a: slider(0.0 / 0.0, 0.0, 1.0) }\n}\nfn activation(z, p) { z * p.a }".into(), &["wrong-control"], 2, false),
        case("params: thousands of sliders", "fn params() {\n    let m = #{}; for i in 0..900 { m[`a${i}`] = slider(1.0, 0.0, 2.0); } m\n}\nfn activation(z, p) { z * p.a0 }".into(), GOOD, 0, false),
        case("state: a loop", format!("fn state() {{\n    loop {{}}\n}}\n{state}"), ENDLESS, 2, false),
        case("state: an infinite field", format!("fn state() {{\n    #{{ v: 1.0 / 0.0 }}\n}}\n{state}"), GOOD, 0, false),
        case("init: a loop", "fn init(ctx) {\n    loop {}\n}".into(), ENDLESS, 2, true),
        case("init: slow", "fn init(ctx) {\n    for i in 0..100000000 { let y = i; } 1.0\n}".into(), STOPPED, 2, true),
        case("paths without an end", "fn activation(z) {\n    let n = 0; while z > n * 0.00001 - 4.0 { n += 1; } z\n}".into(), &["tape-full"], 2, false),
        case("another path for each input", "fn activation(z) {\n    let n = 0; while n < 800 && z > n * 0.01 - 4.0 { n += 1; } z * n\n}".into(), GOOD, 0, false),
    ]
}

/// Texts that overload a parser.
fn texts() -> Vec<Case> {
    let within = |body: String| format!("fn activation(z) {{\n    {body}\n}}");
    let chain = |n: usize| {
        let mut files: Vec<(String, String)> = (0..n)
            .map(|i| (format!("m{i}.rhai"), format!("import \"m{}\" as next;\nfn f(x) {{ x }}", i + 1)))
            .collect();
        files.push(("t.rhai".into(), "import \"m0\" as m;\nfn activation(z) { m::f(z) }".into()));
        files
    };
    let circle = vec![
        ("a.rhai".to_owned(), "import \"b\" as b;".to_owned()),
        ("b.rhai".to_owned(), "import \"a\" as a;".to_owned()),
        ("t.rhai".to_owned(), "import \"a\" as a;\nfn activation(z) { z }".to_owned()),
    ];
    let around = |name, files, codes, line| Case { name, files, codes, line, is_making: false };
    vec![
        case("deep: parentheses", within(format!("{}z{}", "(".repeat(50_000), ")".repeat(50_000))), DEEP, 2, false),
        case("deep: arrays", within(format!("{}z{}", "[".repeat(50_000), "]".repeat(50_000))), DEEP, 2, false),
        case("deep: maps", within(format!("{}z{}", "#{a:".repeat(20_000), "}".repeat(20_000))), DEEP, 2, false),
        case("deep: blocks", within(format!("{}z{}", "{".repeat(50_000), "}".repeat(50_000))), DEEP, 2, false),
        case(
            "deep: conditions",
            within(format!("{} z {}", "if z > 0.0 {".repeat(5_000), "} else { z }".repeat(5_000))),
            DEEP,
            2,
            false,
        ),
        case("deep: minuses", within(format!("{}z", "- ".repeat(100_000))), DEEP, 2, false),
        case("deep: nots", within(format!("{}true", "!".repeat(200_000))), DEEP, 2, false),
        case("deep: sums", within(format!("z{}", " + z".repeat(20_000))), DEEP, 2, false),
        case("deep: powers", within(format!("z{}", " ** z".repeat(20_000))), DEEP, 2, false),
        case("deep: closures", within(format!("{}z{}", "(|x| ".repeat(20_000), ")".repeat(20_000))), DEEP, 2, false),
        case("deep: calls", within(format!("{}z{}", "abs(".repeat(20_000), ")".repeat(20_000))), DEEP, 2, false),
        case("deep: methods", within(format!("z{}", ".abs()".repeat(20_000))), DEEP, 2, false),
        case("deep: indexes", within(format!("z{}", "[0]".repeat(20_000))), &["too-deep", "wrong-type"], 2, false),
        case(
            "deep: texts in texts",
            within(format!("{}z{}", "`${".repeat(20_000), "}`".repeat(20_000))),
            DEEP,
            2,
            false,
        ),
        case(
            "deep: else ifs",
            within(format!("if z > 0.0 {{ z }}{} else {{ z }}", " else if z > 0.0 { z }".repeat(5_000))),
            &["too-deep", "good"],
            2,
            false,
        ),
        case("deep: comments", within(format!("{}{} z", "/*".repeat(60_000), "*/".repeat(60_000))), GOOD, 0, false),
        case(
            "a comment without an end",
            within("/*".repeat(100_000)),
            &["unexpected-end", "syntax", "missing-token"],
            3,
            false,
        ),
        case("a text without an end", within(format!("\"{}", "x".repeat(200_000))), &["syntax", "too-large"], 2, false),
        case(
            "a number of thousands of digits",
            within(format!("z + {}.0", "9".repeat(100_000))),
            &["good", "syntax"],
            2,
            false,
        ),
        case("a whole number too large", within("z + 99999999999999999999".into()), &["good", "syntax"], 2, false),
        case(
            "a name of thousands of letters",
            within(format!("z + {}", "x".repeat(200_000))),
            &["unknown-name"],
            2,
            false,
        ),
        case("an array literal", within(format!("[{}]", "1,".repeat(100_000))), &["too-large", "too-deep"], 2, false),
        case("a text literal", within(format!("\"{}\"; z", "x".repeat(200_000))), LARGE, 2, false),
        case(
            "many functions",
            (0..5_000).map(|i| format!("fn f{i}() {{}}\n")).collect(),
            &["too-many-functions"],
            1001,
            false,
        ),
        case(
            "many variables",
            within((0..5_000).map(|i| format!("let v{i} = 1; ")).collect::<String>() + "z"),
            &["too-many-variables"],
            2,
            false,
        ),
        case("many statements", within("z;".repeat(100_000)), GOOD, 2, false),
        case("many closures", within("|x| x;".repeat(20_000)), &["too-many-functions", "good"], 2, false),
        case("many switches", within("switch 1 { 1 => 2, _ => 3 };".repeat(8_000) + " z"), GOOD, 2, false),
        case(
            "a switch with many cases",
            within(format!("switch 1 {{ {} _ => z }}", (0..10_000).map(|i| format!("{i} => z, ")).collect::<String>())),
            GOOD,
            2,
            false,
        ),
        case("much too long", "// long\n".repeat(50_000), LARGE, 32_769, false),
        around("imports: in a circle", circle, &["circular-import"], 1),
        around("imports: a hundred deep", chain(100), &["too-many-modules"], 1),
        around("imports: thousands deep", chain(3_000), &["too-many-modules"], 1),
    ]
}
