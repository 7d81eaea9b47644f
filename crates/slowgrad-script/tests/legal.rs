//! Unusual but legal scripts: they run, and the checks before a run do not reject them.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;
use slowgrad_tape::Severity;

/// The module that these scripts import.
const SHARED: &str = "export const TWO = 2.0;
fn bump(x) { exp(-(x * x)) }
fn bump(x, width) { bump(x / width) }
fn table() { #{ times: 2.0, name: \"t\" } }
private fn hidden(x) { x }
fn doubled() { this * 2.0 }";

/// Bodies of `activation(z)`.
const BODIES: &[&str] = &[
    "let f = |x| x * 2.0; f.call(z)",
    "let f = |a| |b| a * b; f.call(z).call(3)",
    "(|x| x * 2.0).call(z)",
    "let f = |a, b| a * b; f.curry(2.0).call(z)",
    "let m = #{ f: |a, b, c| a * b + c }; curry(m.f, z).curry(2.0).call(3)",
    "[z, 1.0].map(curry(|a, x| a * x, 3.0)).sum()",
    "exit(z * 2.0)",
    "[1, 2].for_each(|| if this == 2 { exit(z) }); 0.0",
    "[1, 2].reduce(|t, x| exit(z))",
    "let m = #{ f: |x| x * 2.0 }; m.f(z)",
    "let m = #{ f: |x| x * 2.0 }; m.f.call(z)",
    "let m = #{}; m.f = |x| x * 2.0; m.f(z)",
    "let m = #{}; m[\"f\"] = |x| x * 2.0; m.f(z)",
    "let m = #{}; let key = \"f\" + 1; m[key] = |x| x * 2.0; m.f1(z)",
    "let m = #{ scale: 2.0, times: |x| x * this.scale }; m.times(z)",
    "let m = #{ inner: #{ deep: |x| x + 1.0 } }; m.inner.deep(z)",
    "let f = Fn(\"helper\"); f.call(z)",
    "let f = Fn(\"exp\"); f.call(z)",
    "let names = [\"helper\", \"twice\"]; let y = z; for name in names { y = Fn(name).call(y); } y",
    "[z, 1.0].map(Fn(\"helper\")).sum()",
    "[z, 1.0].map(helper).sum()",
    "let s = #{ v: z }; s.grow(); s.v",
    "let x = z; x.grown()",
    "z.grown().grown()",
    "`${z}`; z",
    "let tanh = z * 2.0; tanh + tanh(z)",
    "let sum = 0.0; for i in 0..3 { sum += z; } sum",
    "let z = z * 2.0; let z = z + 1.0; z",
    "let best = (); for x in [z, z * 2.0] { if best == () || x > best { best = x; } } best",
    "let first = z; if () != first { first } else { 0.0 }",
    "switch 3 { 1 => z, 2 | 3 if z > 0.0 => z * 2.0, _ => 0.0 }",
    "let k = 3; switch k { 0..5 => z, _ => 0.0 }",
    "let y = if z > 0.0 { z } else if z < -1.0 { -z } else { 0.0 }; y",
    "let y = loop { break z * 2.0; }; y",
    "let k = 0; do { k += 1; } until k > 3; z * k",
    "let k = 5; while k > 0 { k -= 1; if k == 2 { continue; } } z",
    "let y = { let inner = z; inner * 2.0 }; y",
    "let a = [z, 1, 2.5]; a[0] += 1.0; a[-1] + a[0] + a.len()",
    "let a = [[z, 1.0], [2.0]]; a[0][0] + a[1][0]",
    "let m = #{ \"a b\": z, \"ü\": 1.0 }; m[\"a b\"] + m[\"ü\"]",
    "let m = #{ a: z }; m?.a + (m[\"a\"] ?? 1.0)",
    "let text = \"日本語\"; if text.len() == 3 { z } else { 0.0 }",
    "let t = 0.0; [z, 1].for_each(|| t += this); t",
    "let t = 0.0; let add = |x| t += x; add.call(z); add.call(1); t",
    "let counter = 0; let next = || { counter += 1; counter }; next.call(); next.call() * z",
    "[3, 1, 2].order().map(|v, i| v * z + i).sum()",
    "let a = [z, 2.0, -1.0]; a.sort(|p, q| p - q); a[0]",
    "[1, 2, 3, 4].filter(|v| v % 2 == 0).reduce(|t, v| t + v, 0) * z",
    "[z, 1.0].zip([2.0, 3.0], |a, b| a * b).sum()",
    "let a = [1, 2, 3]; a.retain(|v| v > 1); a.drain(|v| v > 2); a.len() * z",
    "if [1, 2].some(|v| v > 1) && [1, 2].all(|v| v > 0) { z } else { 0.0 }",
    "[1, 5].find(|v| v > 2) * z + [1, 5].index_of(|v| v > 2)",
    "let a = [1, 1, 2]; a.dedup(); a.dedup(|x, y| x == y); a.len() * z",
    "#{ a: 1, b: 2 }.filter(|k| this > 1).len() * z",
    "type_of(z); is_def_fn(\"helper\", 1); z",
    "if z.type_of() == \"scalar\" { z } else { 0.0 }",
    "return z * 2.0;",
    "let x = 1; { let x = z; } x * z",
    "const A = 2.0; A * z",
    "global::SCALE * z",
    "import \"shared/curves\" as inner; inner::bump(z)",
    "curves::bump(z) + curves::bump(z, 2.0) + curves::TWO",
    "curves::table().times * z",
    "let path = \"shared/curves\"; import path as later; later::bump(z)",
    "let f = |x| curves::bump(x); f.call(z)",
    "z.map_like()",
    "let r = 0..3; let y = z; for i in r { y *= 2; } y",
    "for (v, i) in [1, 2] { if i > 0 { return z * v; } } z",
    "(0..=3).contains(2); z",
    "let a = [z]; a.push(1.0); a.insert(0, 2.0); a.pop() + a.shift()",
    "let e = E; let p = PI; e * p * z",
    "max(z, 1) + max([z, 1, 2]) + z.max(1) + [z, 1].max()",
    "let loss = z; let grad = 2.0; let step = 1; loss * grad * step",
];

fn script(body: &str) -> String {
    format!(
        "import \"shared/curves\" as curves;
const SCALE = 2.0;
fn helper(x) {{ x + 1.0 }}
fn twice(x) {{ helper(helper(x)) }}
fn grow() {{ this.v += 1.0; }}
fn grown() {{ this + 1.0 }}
fn map_like() {{ this * 3.0 }}
fn activation(z) {{ {body} }}"
    )
}

#[test]
fn legal_scripts_run_without_an_error() {
    let mut wrong = Vec::new();
    for body in BODIES {
        let text = script(body);
        let own = [("activations/mine.rhai", text.as_str()), ("shared/curves.rhai", SHARED)];
        let found = common::sandbox(&own).check("activations/mine.rhai");
        let errors: Vec<_> = found.into_iter().filter(|found| found.severity == Severity::Error).collect();
        if !errors.is_empty() {
            wrong.push(format!("{body}\n    {}", errors[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A closure that iterates over an array may read that array through any name.
#[test]
fn closures_may_read_the_array_they_iterate_over() {
    let layers = [
        ("z.map(|x| x / z.sum())", [0.25, 0.75]),
        ("let y = z; y.map(|x| x / y.sum()).map(|x| x * y.len())", [0.5, 1.5]),
        ("let m = #{ z: z }; m.z.map(|x| x / m.z.sum())", [0.25, 0.75]),
        ("let a = [z, [1.0]]; a[0].map(|x| x / a[0].sum())", [0.25, 0.75]),
        ("(z).map(|x| x / z.sum())", [0.25, 0.75]),
        ("z.map(|x| z.map(|y| x * y / z.sum()).sum())", [1.0, 3.0]),
        ("let f = |x| x / z.sum(); z.map(f)", [0.25, 0.75]),
        ("z.filter(|x| x >= z.min()).map(|x| x - z.min())", [0.0, 2.0]),
        ("z.map(|x| z.reduce(|t, y| t + x * y / z.len(), 0.0))", [2.0, 6.0]),
        ("shares(z)", [0.25, 0.75]),
        ("z.portions()", [0.25, 0.75]),
        ("let o = z.order_by(|a, b| (a - b) * z.len()); o", [1.0, 3.0]),
        ("if z.all(|x| x > z.len() - 2) { z } else { [0.0, 0.0] }", [1.0, 3.0]),
        ("switch z.map(|x| z.len()) { [2, 2] => z, _ => [0.0, 0.0] }", [1.0, 3.0]),
    ];
    for (body, expected) in layers {
        let text = format!(
            "fn shares(all) {{ all.map(|x| x / all.sum()) }}
fn portions() {{ let total = this.sum(); this.map(|x| x / total) }}
fn activation_layer(z) {{ {body} }}"
        );
        let sandbox = common::sandbox(&[("t.rhai", text.as_str())]);
        let layer = sandbox.activation(&slowgrad_engine::spec::PluginRef::named("t.rhai"), 2);
        let layer = layer.unwrap_or_else(|error| panic!("{body}: {error}"));
        let call = layer.function.borrow_mut().call(&[1.0, 3.0]).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!([call.output(0), call.output(1)], expected, "{body}");
    }
    // An error in such a closure has its own location.
    let text = "fn activation_layer(z) {\n    z.map(|x| z.map(|y| x + \"a\"))\n}";
    let found = common::sandbox(&[("t.rhai", text)]).check("t.rhai");
    let at = found[0].location.as_ref().unwrap();
    assert_eq!((at.to_string().as_str(), at.span.text(&at.source)), ("t.rhai:2:25", "x + \"a\""));
}
