//! Surprises of plain Rhai: each construct either does what the author expects or reports an error.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;
use slowgrad_engine::plugin::{ControlKind, Optimizer, StateField};
use slowgrad_engine::spec::{ParamValue, PluginRef};
use slowgrad_script::Diagnostic;
use slowgrad_tape::{Call, Compare, Op, math};
use std::rc::Rc;

/// Calls the activation of a script.
fn call(text: &str, z: f64) -> Result<Call, Diagnostic> {
    let sandbox = common::sandbox(&[("t.rhai", text)]);
    let activation = sandbox.activation(&PluginRef::named("t.rhai"), 1).map_err(|error| *error)?;
    activation.function.borrow_mut().call(&[z]).map_err(|error| *error)
}

fn body(body: &str, z: f64) -> Result<Call, Diagnostic> {
    call(&format!("fn activation(z) {{ {body} }}"), z)
}

fn value(text: &str, z: f64) -> f64 {
    body(text, z).unwrap_or_else(|error| panic!("{text}: {error:#?}")).output(0)
}

fn ops(call: &Call) -> Vec<Op> {
    call.trace.nodes().iter().map(|node| node.op).filter(|op| !matches!(op, Op::Input | Op::Constant)).collect()
}

fn gradient(call: &Call) -> f64 {
    let mut grads = Vec::new();
    call.trace.backward(&call.values, &[1.0], &mut grads);
    grads[0]
}

fn layer(text: &str, z: &[f64]) -> Result<Call, Diagnostic> {
    let text = format!("fn activation_layer(z) {{ {text} }}");
    let sandbox = common::sandbox(&[("t.rhai", &text)]);
    let activation = sandbox.activation(&PluginRef::named("t.rhai"), z.len()).map_err(|error| *error)?;
    activation.function.borrow_mut().call(z).map_err(|error| *error)
}

fn error(text: &str, code: &str, message: &str) -> Diagnostic {
    let error = body(text, 0.7).err().unwrap_or_else(|| panic!("{text}: no error"));
    assert_eq!(error.code, code, "{text}: {error:#?}");
    assert!(error.message.contains(message), "{text}: {error:#?}");
    assert!(error.location.is_some(), "{text}: {error:#?}");
    error
}

#[test]
fn comparisons_are_guards_in_every_pairing_and_exact() {
    let pairs = [("z", "w"), ("z", "0.5"), ("z", "1"), ("0.5", "z"), ("1", "z")];
    for compare in Compare::ALL {
        for (left, right) in pairs {
            for z in [-1.0, 0.5, 1.0, 2.0] {
                let text = format!(
                    "let w = z * 0.5 + 0.25; if {left} {} {right} {{ 10.0 }} else {{ 20.0 }}",
                    compare.operator()
                );
                let side = |name: &str| match name {
                    "z" => z,
                    "w" => z * 0.5 + 0.25,
                    number => number.parse().unwrap(),
                };
                let call = body(&text, z).unwrap();
                let expected = compare.holds(side(left), side(right));
                assert_eq!(call.output(0), if expected { 10.0 } else { 20.0 }, "{text} at {z}");
                let guards = call.trace.guards();
                assert_eq!(guards.len(), 1, "{text}");
                assert_eq!((guards[0].compare, guards[0].result), (compare, expected));
                let site = guards[0].site.unwrap();
                let place = call.trace.location(&site).unwrap();
                assert_eq!(place.span.text(&place.source), format!("{left} {} {right}", compare.operator()));
            }
        }
    }
    // Exact, for traced and for plain numbers.
    assert_eq!(value("if z == 0.3 { 1.0 } else { 0.0 }", 0.1 + 0.2), 0.0);
    assert_eq!(value("let y = 0.1 + 0.2; if y == 0.3 { 1.0 } else { z - z }", 1.0), 0.0);
    assert_eq!(value("let y = 1.0; let x = y + 2.220446049250313e-16; if y < x { 1.0 } else { z - z }", 1.0), 1.0);
    assert_eq!(value("if z == z { 1.0 } else { 0.0 }", f64::NAN), 0.0);
}

#[test]
fn comparing_a_scalar_with_another_type_is_an_error() {
    for other in ["\"a\"", "true", "()", "[1.0]", "#{ a: 1 }", "'c'"] {
        for operator in ["==", "!=", "<", ">="] {
            // Comparing with `()` tests whether there is a number yet.
            if other == "()" && ["==", "!="].contains(&operator) {
                continue;
            }
            for text in [
                format!("if z {operator} {other} {{ 1.0 }} else {{ 2.0 }}"),
                format!("if {other} {operator} z {{ 1.0 }} else {{ 2.0 }}"),
            ] {
                error(&text, "wrong-comparison", "a scalar cannot be compared with");
            }
        }
    }
    error("if z { 1.0 } else { 2.0 }", "wrong-type", "a boolean");
    error("if z && true { 1.0 } else { 2.0 }", "wrong-type", "");
    error("if !z { 1.0 } else { 2.0 }", "wrong-type", "`!` cannot be used on a scalar");
}

#[test]
fn arithmetic_takes_numbers_on_either_side() {
    type Meaning = fn(f64, f64) -> f64;
    let plain: [(&str, Meaning, Op); 6] = [
        ("+", |a, b| a + b, Op::Add),
        ("-", |a, b| a - b, Op::Sub),
        ("*", |a, b| a * b, Op::Mul),
        ("/", |a, b| a / b, Op::Div),
        ("%", |a, b| a % b, Op::Rem),
        ("**", math::pow, Op::Pow),
    ];
    for (operator, meaning, op) in plain {
        for (left, right, a, b) in [
            ("z", "2", 1.7, 2.0),
            ("z", "2.5", 1.7, 2.5),
            ("3", "z", 3.0, 1.7),
            ("3.5", "z", 3.5, 1.7),
            ("z", "z", 1.7, 1.7),
        ] {
            let call = body(&format!("{left} {operator} {right}"), 1.7).unwrap();
            assert_eq!(call.output(0).to_bits(), meaning(a, b).to_bits(), "{left} {operator} {right}");
            assert_eq!(ops(&call), [op]);
        }
    }
    assert_eq!(ops(&body("-z", 2.0).unwrap()), [Op::Neg]);
    assert_eq!(ops(&body("+z", 2.0).unwrap()), []);
}

#[test]
fn unary_minus_binds_tighter_than_the_power_and_check_warns() {
    let call = body("-z ** 2", 3.0).unwrap();
    assert_eq!((call.output(0), ops(&call)), (9.0, vec![Op::Neg, Op::Pow]));
    assert_eq!(value("-(z ** 2)", 3.0), -9.0);
    assert_eq!(value("2 ** 3 ** z", 2.0), 512.0);
    let sandbox = common::sandbox(&[("t.rhai", "fn activation(z) { -z ** 2 }")]);
    let found = sandbox.check("t.rhai");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, "minus-before-power");
    let location = found[0].location.as_ref().unwrap();
    assert_eq!(location.span.text(&location.source), "-z ** 2");
}

#[test]
fn compound_assignments_are_recorded_as_whole_statements() {
    let call = body("let s = 1.0; s += z * z; s -= 1; s *= z; s /= 2.0; s %= 5.0; s **= 2; s", 3.0).unwrap();
    assert_eq!(call.output(0), math::pow(27.0 / 2.0 % 5.0, 2.0));
    let places: Vec<(String, Option<String>)> = call
        .trace
        .nodes()
        .iter()
        .enumerate()
        .filter_map(|(i, node)| {
            let place = call.trace.location(&node.site?).unwrap();
            let name = node.site.unwrap().name.map(|name| call.trace.names()[name as usize].to_string());
            assert!(i > 0);
            Some((place.span.text(&place.source).to_owned(), name))
        })
        .collect();
    let name = Some("s".to_owned());
    assert_eq!(places[0], ("z * z".into(), None));
    assert_eq!(places[1], ("s += z * z".into(), name.clone()));
    assert_eq!(places[2], ("s -= 1".into(), name.clone()));
    assert_eq!(places[6], ("s **= 2".into(), name));
}

#[test]
fn texts_and_scalars_do_not_mix_by_accident() {
    let found = error("z + \"a\"", "text-and-scalar", "cannot be added");
    assert!(found.help.unwrap().contains("${x}"));
    error("\"a\" + z", "text-and-scalar", "cannot be added");
    error("z * \"a\"", "not-a-number", "`*` needs numbers, but this is a text");
    error("z + ()", "not-a-number", "this is nothing");
    error("z - [1.0]", "not-a-number", "this is an array");
    error("max(z, true)", "not-a-number", "`max` needs numbers");
}

#[test]
fn functions_give_the_same_bits_for_scalars_and_plain_numbers() {
    for name in [
        "exp", "ln", "log10", "log2", "sqrt", "cbrt", "abs", "sign", "floor", "ceil", "round", "sin", "cos", "tan",
        "asin", "acos", "atan", "sinh", "cosh", "tanh", "sigmoid", "softplus", "erf",
    ] {
        let traced = value(&format!("{name}(z)"), 0.7);
        let literal = value(&format!("{name}(0.7) + (z - z)"), 0.7);
        let method = value(&format!("z.{name}()"), 0.7);
        assert_eq!((traced.to_bits(), traced.to_bits()), (literal.to_bits(), method.to_bits()), "{name}");
    }
    assert_eq!(value("exp(1) + (z - z)", 0.0).to_bits(), math::exp(1.0).to_bits());
    assert_eq!(value("0.7 ** 0.3 + (z - z)", 0.0).to_bits(), math::pow(0.7, 0.3).to_bits());
    assert_eq!(value("let x = 2; x ** 0.5 + (z - z)", 0.0).to_bits(), math::pow(2.0, 0.5).to_bits());
    assert_eq!(
        value("pow(z, 3) + pow(2, z) + atan2(z, 1) + min(z, 9) + max(1, z)", 2.0),
        12.0 + math::atan2(2.0, 1.0) + 4.0
    );
    assert_eq!(value("clamp(z, 0, 1) + clamp(5, 0, 1) + (z - z)", 3.0), 2.0);
    assert_eq!(ops(&body("clamp(z, -1, 1)", 3.0).unwrap()), [Op::Clamp]);
    assert_eq!(value("abs(-3) + min(1, 2) + max(1.5, 2) + z", 0.0), 6.0);
    assert_eq!(value("if is_nan(z) { 1 } else if is_infinite(z) { 2 } else { 3 }", f64::NAN), 1.0);
    assert_eq!(value("if is_nan(z) { 1 } else if is_infinite(z) { 2 } else { 3 }", f64::NEG_INFINITY), 2.0);
    assert_eq!(value("if is_finite(z) { 3 } else { 0 }", 1.0), 3.0);
}

#[test]
fn constants_work_everywhere_and_can_be_hidden() {
    use std::f64::consts::{E, PI};
    assert_eq!(value("PI * z", 1.0), PI);
    assert_eq!(value("PI() * z + E()", 1.0), PI + E);
    assert_eq!(value("let f = |x| x * E; f.call(z)", 1.0), E);
    assert_eq!(value("let E = 3.0; E * z", 1.0), 3.0);
    assert_eq!(call("fn helper(E) { E * 2.0 } fn activation(z) { helper(z) }", 4.0).unwrap().output(0), 8.0);
    assert_eq!(value("[z, z].map(|v| v * PI).sum()", 1.0), PI + PI);
}

#[test]
fn array_functions_mix_scalars_and_numbers() {
    assert_eq!(value("[z, 1, 2.5].sum()", 2.0), 5.5);
    assert_eq!(value("mean([z, 1, 3])", 2.0), 2.0);
    assert_eq!(value("[z, 3, 0.5].prod()", 2.0), 3.0);
    assert_eq!(value("max([z, 3]) + min([z, 3])", 2.0), 5.0);
    assert_eq!(value("dot([z, 1], [3, z])", 2.0), 8.0);
    assert_eq!(value("[z, 4.0].norm()", 3.0), 5.0);
    assert_eq!(value("[z, 4.0, 1.0].len() * z", 3.0), 9.0);
    assert_eq!(value("[1.0, z, 0.0].filter(|x| x > 0.5).len() + z - z", 3.0), 2.0);
    assert_eq!(value("[z, z, 1.0].reduce(|a, b| a + b, 0.0)", 3.0), 7.0);
    assert_eq!(value("let a = [z, 5.0]; a[0] = a[1] * z; a[0] + a[-1]", 3.0), 20.0);
    assert_eq!(value("[].sum() + [].prod() + z", 3.0), 4.0);
    assert_eq!(value("sum([1, 2, 3]) + z", 0.0), 6.0);
    let call = body("let best = argmax([1.0, z, 2.0]); if best == 1 { z } else { 0.0 }", 3.0).unwrap();
    assert_eq!((call.output(0), call.trace.guards().len()), (3.0, 2));
    assert!(!call.trace.is_volatile());
    let call = layer("softmax(z)", &[1.0, 2.0, 1000.0]).unwrap();
    assert_eq!((0..3).map(|k| call.output(k)).collect::<Vec<_>>(), [0.0, 0.0, 1.0]);
    let call = layer("let l = log_sum_exp(z); z.map(|x| exp(x - l))", &[1.0, 2.0]).unwrap();
    assert!((call.output(0) + call.output(1) - 1.0).abs() < 1e-15);
    error("exp([z, z])", "wrong-type", "`exp` does not accept (array)");
    error("[z, \"a\"].sum()", "not-a-number", "`sum` needs numbers, but this is a text");
    error("[].max()", "empty-array", "at least one");
    error("dot([z], [z, z])", "different-lengths", "1 and 2");
}

#[test]
fn scalars_are_sorted_by_guarded_comparisons() {
    for (z, least, largest) in [(3.0, -3.0, 3.0), (-2.0, -2.0, 2.0), (0.25, -0.25, 1.0)] {
        for sort in [
            "a.sort();",
            "a.sort(|p, q| p - q);",
            "a.sort(|p, q| p < q);",
            "a = a.order();",
            "a = a.order_by(|p, q| p - q);",
        ] {
            let text = format!("let a = [z, 1, -z, 0.5]; {sort} a[0] * 10.0 + a[3]");
            let call = body(&text, z).unwrap_or_else(|error| panic!("{text}: {error:#?}"));
            assert_eq!(call.output(0), least * 10.0 + largest, "{text}");
            assert!(!call.trace.guards().is_empty() && !call.trace.is_volatile(), "{text}");
        }
    }
    assert_eq!(value("let a = [z, 1.0]; a.sort_desc(); a[0] - [1, z].order_desc()[1]", 3.0), 2.0);
    assert_eq!(gradient(&body("let a = [1.0, z * z]; a.sort(); a[1]", 3.0).unwrap()), 6.0);
    assert_eq!(value("let a = [\"b\", \"a\"]; a.sort(); if a[0] == \"a\" { z } else { 0.0 }", 3.0), 3.0);
    error("let a = [z, \"a\"]; a.sort(); z", "not-a-number", "`sort` needs numbers, but this is a text");
    error("let a = [z, 1.0]; a.sort(|p, q| \"a\"); z", "wrong-type", "must return a number, but this is a text");
    error("let a = [z, 1.0]; a.sort(|p, q| missing(p)); z", "unknown-function", "missing");
}

#[test]
fn closures_of_every_form_are_guarded_at_their_end() {
    for (text, expected) in [
        ("let f = |x| x * 2.0; f.call(z)", 6.0),
        ("let t = 0.0; [z, 1].for_each(|| t += this); t", 4.0),
        ("let t = 0.0; let add = |x| t += x; add.call(z); add.call(1); t", 4.0),
        ("let f = || 5; f.call() * z", 15.0),
        ("let f = |x| if x > 0.0 { x } else { -x }; f.call(z)", 3.0),
        ("let f = |x| return x * 2.0; f.call(z)", 6.0),
        ("let f = |k| switch k { 0 => z, _ => z * 2.0 }; f.call(1)", 6.0),
        ("let f = |a| |b| a * b; f.call(z).call(3)", 9.0),
        ("let m = #{ f: |x| x * 2.0, g: |x| x + 1.0 }; m.f.call(z) + m.g.call(z)", 10.0),
        ("[1, 2].map(|v, i| v * z + i).sum()", 10.0),
        ("(|x| x * 2.0).call(z)", 6.0),
        ("let f = |a, b| a - b; f.curry(2.0).call(z)", -1.0),
        ("curry(|a, b, c| a * b + c, z).curry(2.0).call(1)", 7.0),
        ("[z, 1.0].map(curry(|a, x| a * x, 3.0)).sum()", 12.0),
        ("[z, 1.0].map(|x| exit(x * 5.0)).sum()", 15.0),
        ("let f = |x| x > 1.0 || x < -1.0; if f.call(z) { z } else { 0.0 }", 3.0),
        ("[z, 1.0].map(|| this * 2.0).sum()", 8.0),
    ] {
        assert_eq!(value(text, 3.0), expected, "{text}");
    }
    let found = error("[z].map(|x| x + 1.0).sum() + [z].map(|x| x + \"a\").sum()", "text-and-scalar", "");
    let location = found.location.unwrap();
    assert_eq!(location.span.text(&location.source), "x + \"a\"");
    assert_eq!(value("let s = \"a-b-a\"; s.replace(\"a\", \"é\"); if s == \"é-b-é\" { z } else { 0.0 }", 3.0), 3.0);
    assert_eq!(value("let s = \"aba\"; s.replace('a', \"\"); if s == \"b\" { z } else { 0.0 }", 3.0), 3.0);
}

#[test]
fn a_loss_may_require_a_number_of_outputs() {
    let likelihood =
        "fn loss(output, target) { let s = softplus(output[1]) + 0.1; ((target[0] - output[0]) / s) ** 2 + ln(s) }";
    assert!(common::sandbox(&[("t.rhai", likelihood)]).check("t.rhai").is_empty());
    let weighed = "fn loss(output, target) { dot(output, [0.2, 0.3, 0.5]) ** 2 }";
    assert!(common::sandbox(&[("t.rhai", weighed)]).check("t.rhai").is_empty());
    let found = common::sandbox(&[("t.rhai", "fn loss(output, target) { output[3] }")]).check("t.rhai");
    assert_eq!((found.len(), found[0].code), (1, "out-of-bounds"));
}

#[test]
fn division_of_whole_numbers_is_reported() {
    let found = |text: &str| {
        let text = format!("fn activation(z) {{ {text} }}");
        let found = common::sandbox(&[("t.rhai", &text)]).check("t.rhai");
        found.into_iter().filter(|found| found.code == "whole-division").map(|found| found.message).collect::<Vec<_>>()
    };
    assert_eq!(found("z ** 2 + (1 / 2) * z"), ["`1 / 2` divides whole numbers and gives 0"]);
    for fine in ["1.0 / 2 * z", "z * 1 / 2", "z / 2", "4 / 2 * z", "1 / 2.0 * z", "1 / z"] {
        assert!(found(fine).is_empty(), "{fine}");
    }
}

#[test]
fn a_name_belongs_to_the_last_operation_of_its_value() {
    let call = body("let total = [z, z, z].sum(); total * 2.0", 1.0).unwrap();
    let names: Vec<Option<&str>> = (0..call.trace.nodes().len())
        .filter(|&i| call.trace.nodes()[i].op == Op::Add)
        .map(|i| call.trace.nodes()[i].site.unwrap().name.map(|name| call.trace.names()[name as usize].as_ref()))
        .collect();
    assert_eq!(names, [None, Some("total")]);
}

#[test]
fn wrong_results_are_reported() {
    let found = error("if z > 100.0 { z }", "wrong-return", "must be a number, but this is nothing");
    assert!(found.help.unwrap().contains("`else`"));
    assert_eq!(value("z;", 1.0), 1.0, "Rhai gives the last value with or without a semicolon");
    error("let y = z;", "wrong-return", "nothing");
    error("z > 0.0", "wrong-return", "a boolean");
    error("\"a\"", "wrong-return", "a text");
    error("[z]", "wrong-return", "an array");
    error("|x| x", "wrong-return", "a function");
    assert_eq!(value("3", 1.0), 3.0);
    assert_eq!(value("0.5", 1.0), 0.5);
    assert!(value("0.0 / 0.0", 1.0).is_nan());
    assert!(value("ln(z)", -1.0).is_nan());
    assert!(layer("z.sum()", &[1.0, 2.0]).unwrap_err().message.contains("must be an array, but this is a scalar"));
    assert!(layer("[z[0]]", &[1.0, 2.0]).unwrap_err().message.contains("has 1 element, but the layer has 2"));
    assert!(layer("[z[0], ()]", &[1.0, 2.0]).unwrap_err().message.contains("this is nothing"));
}

#[test]
fn a_script_that_takes_out_plain_numbers_runs_each_time() {
    for text in [
        "value(z) * z",
        "let t = `${z}`; z",
        "let t = z.to_string(); z",
        "print(z); z",
        "print(\"here\"); z",
        "debug([z]); z",
    ] {
        assert!(body(text, 2.0).unwrap().trace.is_volatile(), "{text}");
    }
    for text in ["stop_gradient(z) * z", "z * 2.0", "if z > 1.0 { z } else { 0.0 }"] {
        assert!(!body(text, 2.0).unwrap().trace.is_volatile(), "{text}");
    }
    assert_eq!(gradient(&body("value(z) * z", 3.0).unwrap()), 3.0);
    assert_eq!(gradient(&body("stop_gradient(z) * z", 3.0).unwrap()), 3.0);
    assert_eq!(value("value(2) + value(0.5) + z", 0.0), 2.5);
}

#[test]
fn prints_have_their_location_in_every_call() {
    let sandbox =
        common::sandbox(&[("t.rhai", "fn activation(z) {\n    print(`z is ${z}`);\n    print([z, 1]);\n    z\n}")]);
    let activation = sandbox.activation(&PluginRef::named("t.rhai"), 1).unwrap();
    for z in [1.5, 2.5, 1.5] {
        activation.function.borrow_mut().call(&[z]).unwrap();
    }
    let lines = sandbox.console();
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["z is 1.5", "[1.5, 1]", "z is 2.5", "[2.5, 1]", "z is 1.5", "[1.5, 1]"]);
    assert_eq!(lines[1].location.as_ref().unwrap().to_string(), "t.rhai:3:5");
    assert!(sandbox.console().is_empty());
}

#[test]
fn a_switch_on_a_scalar_is_an_error_and_others_work() {
    let found = error("switch z { 1 => 10.0, _ => 20.0 }", "switch-on-scalar", "cannot compare a scalar");
    let location = found.location.unwrap();
    assert_eq!(location.span.text(&location.source), "z");
    error("let k = 1; switch k { 1 => z, _ => z + \"a\" } + switch z * 2.0 { _ => 1.0 }", "switch-on-scalar", "");
    error("switch [z] { _ => 1.0 }", "switch-on-scalar", "");
    assert_eq!(value("let k = 2; switch k { 1 => z, 2 | 3 => z * 2.0, _ => 0.0 }", 3.0), 6.0);
    assert_eq!(value("switch \"b\" { \"a\" => z, \"b\" if z > 1.0 => z * 3.0, _ => 0.0 }", 3.0), 9.0);
    // Code after a switch on the same line is still parsed.
    let found = error("let k = 1; switch k { 1 => z + \"a\", _ => 0.0 }", "text-and-scalar", "");
    let location = found.location.unwrap();
    assert_eq!(location.span.text(&location.source), "z + \"a\"");
}

#[test]
fn a_script_function_hides_a_native_one() {
    let text = "fn tanh(x) { x * 2.0 } fn activation(z) { tanh(z) }";
    let call = call(text, 3.0).unwrap();
    assert_eq!((call.output(0), ops(&call)), (6.0, vec![Op::Mul]));
}

#[test]
fn constants_modules_closures_loops_and_helpers_work() {
    let text = "const SCALE = 3.0;\nfn activation(z) { z * global::SCALE }";
    assert_eq!(call(text, 2.0).unwrap().output(0), 6.0);
    assert_eq!(value("let f = |x| x * z; f.call(2.0)", 3.0), 6.0);
    assert_eq!(value("let s = 0.0; for i in 0..3 { s += z * i; } s", 2.0), 6.0);
    assert_eq!(value("let n = 0; while n < 3 { n += 1; } z * n", 2.0), 6.0);
    assert_eq!(value("let y = z; while y < 100.0 { y *= 2.0; } y", 3.0), 192.0);
    let text = "fn twice(x) { x * 2.0 } fn activation(z) { twice(twice(z)) }";
    assert_eq!(call(text, 3.0).unwrap().output(0), 12.0);
    let own = [
        ("shared/curves.rhai", "const TWO = 2.0;\nfn bump(x) { exp(-(x * x)) * TWO_OF() }\nfn TWO_OF() { 2.0 }"),
        ("t.rhai", "import \"shared/curves\" as curves;\nfn activation(z) { curves::bump(z) }"),
        ("activations/near.rhai", "import \"beside\" as b;\nfn activation(z) { b::same(z) }"),
        ("activations/beside.rhai", "fn same(x) { x }"),
    ];
    let sandbox = common::sandbox(&own);
    let activation = sandbox.activation(&PluginRef::named("t.rhai"), 1).unwrap();
    let call = activation.function.borrow_mut().call(&[0.5]).unwrap();
    assert_eq!(call.output(0).to_bits(), (math::exp(-0.25) * 2.0).to_bits());
    let site = call.trace.nodes()[1].site.unwrap();
    let place = call.trace.location(&site).unwrap();
    assert_eq!((place.source.name.as_str(), place.span.text(&place.source)), ("shared/curves.rhai", "x * x"));
    assert!(sandbox.files().contains(&"shared/curves.rhai".to_owned()));
    let near = sandbox.activation(&PluginRef::named("near"), 1).unwrap();
    assert_eq!(near.function.borrow_mut().call(&[2.0]).unwrap().output(0), 2.0);
}

#[test]
fn imports_stay_within_the_library() {
    for path in ["../secret", "/etc/passwd", "a/../../b", "a\\b", "missing"] {
        let text = format!("import {path:?} as m;\nfn activation(z) {{ m::f(z) }}");
        let found = call(&text, 1.0).unwrap_err();
        assert!(["import-path", "unknown-import"].contains(&found.code), "{found:#?}");
        assert_eq!(found.location.unwrap().span.line, 1);
    }
    let own = [
        ("a.rhai", "import \"b\" as b; fn f(x) { x }"),
        ("b.rhai", "import \"a\" as a; fn g(x) { x }"),
        ("t.rhai", "import \"a\" as a; fn activation(z) { a::f(z) }"),
    ];
    let sandbox = common::sandbox(&own);
    let found = sandbox.check("t.rhai");
    assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), ["broken-import", "circular-import"]);
    assert_eq!(found[1].location.as_ref().unwrap().to_string(), "b.rhai:1:8");
    // A path that is only known at run time is rejected at run time.
    let made = [("t.rhai", "let path = \"t\"; import path as t; fn activation(z) { z }")];
    let sandbox = common::sandbox(&made);
    assert_eq!(sandbox.check("t.rhai")[0].code, "circular-import");
}

#[test]
fn scripts_cannot_reach_the_machine() {
    for text in ["eval(\"1\")", "sleep(1)", "timestamp()", "try { z } catch { z }", "import \"x\" as y; z"] {
        assert!(body(text, 1.0).is_err(), "{text}");
    }
    let found = error("rand() * z", "unknown-function", "rand");
    assert!(found.help.unwrap().contains("ctx.rng"));
}

fn optimizer(text: &str) -> Result<(Optimizer, slowgrad_script::Sandbox), Diagnostic> {
    let sandbox = common::sandbox(&[("o.rhai", text)]);
    let optimizer = sandbox.optimizer(&PluginRef::named("o.rhai"), &common::smallest()).map_err(|error| *error)?;
    Ok((optimizer, sandbox))
}

#[test]
fn state_is_changed_in_place() {
    let text = "fn params() { #{ decay: slider(0.5, 0.0, 1.0), flip: toggle(false) } }
        fn state() { #{ v: 0, n: 1 } }
        fn bump() { this.n += 1; }
        fn update(w, grad, state, ctx) {
            state.v *= ctx.decay;
            state.v += grad;
            state.bump();
            if ctx.is_bias { w } else if ctx.flip { w + state.v } else { w - ctx.lr * state.v }
        }";
    let (optimizer, _sandbox) = optimizer(text).unwrap();
    assert_eq!(optimizer.state, [StateField::per_parameter("n", 1.0), StateField::per_parameter("v", 0.0)]);
    let names: Vec<&str> = optimizer.info.controls.iter().map(|control| control.name.as_str()).collect();
    assert_eq!(names, ["lr", "decay", "flip"]);
    assert_eq!(optimizer.learning_rate(), 0.1);
    // w, grad, n, v, lr, step, norms, layer, layers, decay
    let inputs = [1.0, 2.0, 1.0, 4.0, 0.1, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.5];
    let call = common::rules(&optimizer)[0].borrow_mut().call(&inputs).unwrap();
    assert_eq!([call.output(0), call.output(1), call.output(2)], [1.0 - 0.1 * 4.0, 2.0, 4.0]);
    let names: Vec<&str> = (0..call.trace.inputs()).map(|i| call.trace.input_name(i)).collect();
    assert_eq!(
        names,
        [
            "w",
            "grad",
            "state.n",
            "state.v",
            "ctx.lr",
            "ctx.step",
            "ctx.grad_norm",
            "ctx.layer_grad_norm",
            "ctx.layer_weight_norm",
            "ctx.layer",
            "ctx.layers",
            "ctx.decay"
        ]
    );
    let call = common::rules(&optimizer)[1].borrow_mut().call(&inputs).unwrap();
    assert_eq!([call.output(0), call.output(1), call.output(2)], [1.0, 2.0, 4.0]);
}

#[test]
fn state_that_does_not_fit_is_reported() {
    let message = |text: &str| {
        let made = optimizer(text).and_then(|(optimizer, sandbox)| {
            let inputs = vec![0.5; common::rules(&optimizer)[0].borrow().inputs()];
            let called = common::rules(&optimizer)[0].borrow_mut().call(&inputs).map(drop).map_err(|error| *error);
            drop(sandbox);
            called
        });
        let error = made.unwrap_err();
        assert!(error.location.is_some() && error.help.is_some(), "{error:#?}");
        error.message
    };
    assert!(
        message("fn state() { #{ v: \"a\" } } fn update(w, grad, state, ctx) { w }")
            .contains("`v` must be a number, but this is a text")
    );
    assert!(message("fn state() { [1] } fn update(w, grad, state, ctx) { w }").contains("must return a map"));
    assert!(
        message("fn state() { #{ v: 0.0 } } fn update(w, grad, state, ctx) { state.u = 1.0; w }")
            .contains("adds a field `u`")
    );
    assert!(
        message("fn state() { #{ v: 0.0 } } fn update(w, grad, state, ctx) { state.remove(\"v\"); w }")
            .contains("removes the field `v`")
    );
    assert!(message("fn update(w, grad, state, ctx) { w - ctx.grad_nom }").contains("no `grad_nom`"));
}

#[test]
fn controls_keep_their_order_and_sliders_reuse_traces() {
    let text =
        "fn params() { #{ slope: slider(0.5, 0, 1), kind: choice(\"b\", [\"a\", \"b\"]), bend: log_slider(2, 1, 4) } }
        fn activation(z, p) { if p.kind == \"a\" { z } else { z * p.slope * p.bend } }";
    let sandbox = common::sandbox(&[("t.rhai", text)]);
    let mut plugin = PluginRef::named("t.rhai");
    let activation = sandbox.activation(&plugin, 1).unwrap();
    assert_eq!(activation.info.sliders(), [0.5, 2.0]);
    let call = activation.function.borrow_mut().call(&[3.0, 0.5, 2.0]).unwrap();
    assert_eq!((call.output(0), call.trace.input_name(1), call.trace.input_name(2)), (3.0, "p.slope", "p.bend"));
    plugin.params.insert("slope".into(), ParamValue::Number(7.0));
    let moved = sandbox.activation(&plugin, 1).unwrap();
    assert!(Rc::ptr_eq(&moved.function, &activation.function), "moving a slider keeps the traces");
    // A value outside the range extends the range.
    assert_eq!(moved.info.controls[0].kind, ControlKind::Slider { value: 7.0, min: 0.0, max: 7.0, log: false });
    plugin.params.insert("kind".into(), ParamValue::Text("a".into()));
    let chosen = sandbox.activation(&plugin, 1).unwrap();
    assert!(!Rc::ptr_eq(&chosen.function, &activation.function));
    assert_eq!(chosen.function.borrow_mut().call(&[3.0, 7.0, 2.0]).unwrap().output(0), 3.0);
    plugin.params.insert("slop".into(), ParamValue::Number(1.0));
    let error = sandbox.activation(&plugin, 1).unwrap_err();
    assert_eq!((error.code, error.help.as_deref()), ("unknown-control", Some("did you mean `slope`?")));
}

#[test]
fn calls_share_no_state() {
    let text = "fn activation(z) { let a = [z]; a.push(z * 2.0); a[1] }";
    let sandbox = common::sandbox(&[("t.rhai", text)]);
    let activation = sandbox.activation(&PluginRef::named("t.rhai"), 1).unwrap();
    for z in [1.0, 2.0] {
        assert_eq!(activation.function.borrow_mut().call(&[z]).unwrap().output(0), 2.0 * z);
    }
    assert_eq!(activation.function.borrow().traces().len(), 1);
}

#[test]
fn a_name_resolves_in_its_own_file_in_every_run() {
    let helper = "fn f(x) { g(x) + g(x) }\nfn g(x) { x * 10.0 }";
    let own = "import \"h\" as h;\nfn g(x) { x + 1.0 }\n\
               fn activation(z) { value(z); h::f(z) + g(z) * 0.5 }";
    let sandbox = common::sandbox(&[("h.rhai", helper), ("t.rhai", own)]);
    let activation = sandbox.activation(&PluginRef::named("t.rhai"), 1).unwrap();
    for x in [1.0, 2.0, 3.0, 4.0] {
        let call = activation.function.borrow_mut().call(&[x]).unwrap();
        assert_eq!(call.output(0), 20.0 * x + (x + 1.0) * 0.5);
    }
}
