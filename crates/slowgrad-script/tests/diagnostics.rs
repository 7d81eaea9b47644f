//! Faulty scripts, each with the message its author gets and where the message points.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;
use slowgrad_script::Diagnostic;
use slowgrad_tape::Severity;

/// A faulty file. The line that ends in `//~ code: message | underlined | help` is the one at fault.
struct Fixture {
    path: &'static str,
    text: &'static str,
}

const FIXTURES: &[Fixture] = &[
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    exq(z) //~ unknown-function: there is no function `exq` for (scalar) | exq(z) | did you mean `exp`?\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    let inner = z * 2.0;\n    iner + 1.0 //~ unknown-name: `iner` is not known here | iner | did you mean `inner`?\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activaton(z) { z } //~ missing-function: did you mean `fn activation`? | activaton | write `fn activation(z)`",
    },
    Fixture {
        path: "losses/l.rhai",
        text: "fn loos(output, target) { 0.0 } //~ missing-function: this file has `fn loos`, did you mean `fn loss`? | loos | write `fn loss(output, target)`",
    },
    Fixture {
        path: "losses/l.rhai",
        text: "fn loss(output) { output[0] } //~ wrong-arity: `fn loss` takes 1 argument, not 2 or 3 | loss | write `fn loss(output, target)`",
    },
    Fixture {
        path: "losses/l.rhai",
        text: "fn loss(output, target) {\n    output - target //~ wrong-type: `-` cannot be used between an array and an array | output - target | map\n}",
    },
    Fixture {
        path: "losses/l.rhai",
        text: "fn loss(output, target) {\n    output[7] //~ out-of-bounds: index 7 is outside of an array with 1 element |  | len() - 1\n}",
    },
    Fixture {
        path: "losses/l.rhai",
        text: "fn far(x) {\n    sqrt(x) + miss(x) //~ unknown-function: `miss` for (scalar) | miss(x) |\n}\nfn loss(output, target) {\n    far(output[0])\n}",
    },
    Fixture { path: "activations/a.rhai", text: "fn activation(z) {\n    z +* 2.0 //~ syntax:  | * |\n}" },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    let a = z * 2.0\n    a //~ missing-token: a `;` is missing before this | a | ends in `;`\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    (z + 1.0\n} //~ missing-token: a `)` is missing before this | } | needed",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    helper(z, 1.0) //~ wrong-arity: `helper` takes 1 arguments but was called with 2 | helper(z, 1.0) | fn helper(x)\n}\nfn helper(x) { x }",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    throw \"no such thing\"; //~ thrown: no such thing | throw |\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    let n = 1 / 0; //~ arithmetic: division by zero | 1 / 0 |\n    z\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    z.to_int() //~ wrong-type: `to_int` cannot take (scalar) | z.to_int() | value(x)\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z, p) {\n    z * p.slop //~ unknown-property: there is no `slop` in this map | slop | did you mean `slope`?\n}\nfn params() { #{ slope: slider(0.1, 0.0, 1.0) } }",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) { z }\nfn params() {\n    #{ slope: 0.1 } //~ wrong-control: `slope` must be a control, but this is a number | slope | slider(\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) { z }\nfn params() {\n    #{ slope: slider(5, 0.0, 1.0) } //~ wrong-control: starts at 5, which is not between 0 and 1 | slider(5, 0.0, 1.0) | slider(start\n}",
    },
    Fixture {
        path: "optimizers/o.rhai",
        text: "fn params() {\n    #{ step: slider(0.5, 0.0, 1.0) } //~ wrong-control: already in `ctx` | step |\n}\nfn update(w, grad, state, ctx) { w }",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation_layer(z) {\n    z.map(|x| x - z.max()) //~ data-race: the closure uses the same array | z.map(|x| x - z.max()) | let largest\n}",
    },
    Fixture {
        path: "initializers/i.rhai",
        text: "fn init(ctx) { \"a\" } //~ wrong-return: `init` must give a finite number, but this is a text | init |",
    },
    Fixture {
        path: "initializers/i.rhai",
        text: "fn init(ctx) {\n    ctx.rng.normal(0.0, missing(1.0)) //~ unknown-function: there is no function `missing` for (number) | missing(1.0) |\n}",
    },
    Fixture {
        path: "datasets/d.rhai",
        text: "fn dataset(ctx) { [#{ input: [1.0], traget: [1.0] }] } //~ unknown-field: sample 1 has a field `traget` | dataset | did you mean `target`?",
    },
    Fixture {
        path: "datasets/d.rhai",
        text: "fn dataset(ctx) { 7 } //~ wrong-return: must give an array of samples, but this is a number | dataset | input:",
    },
    Fixture {
        path: "datasets/d.rhai",
        text: "fn dataset(ctx) {\n    ctx.rng.normal(\"a\", 1.0) //~ not-a-number: `normal` needs numbers, but this is a text | ctx.rng.normal(\"a\", 1.0) |\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    max(z, 0, 1) //~ wrong-type: `max` cannot take | max(z, 0, 1) | max([a, b, c])\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    if z in 0..5 { z } else { 0 } //~ unknown-function: `contains` for (range, scalar) | z in 0..5 | x >= 0 && x < 5\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    throw z; //~ thrown: the script threw a scalar | throw | stops the script\n}",
    },
    Fixture {
        path: "activations/a.rhai",
        text: "fn activation(z) {\n    z\u{a0}+ 1 //~ syntax:  | \u{a0} | only looks like one\n}",
    },
    Fixture {
        path: "optimizers/o.rhai",
        text: "fn params() {\n    #{ lr: toggle(true) } //~ wrong-control: must be a slider | lr | log_slider\n}\nfn update(w, grad, state, ctx) { w }",
    },
    Fixture {
        path: "shared/x.rhai",
        text: "fn losss(a, b) { a } //~ missing-function: did you mean `fn loss`? | losss | fn loss(",
    },
];

const LESSONS: &[&str] = &[
    "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\",\n    activaton: \"relu\" } } //~ unknown-field: a lesson has no field `activaton` | activaton | did you mean `activation`?",
    "fn lesson() { #{ title: \"t\", layers: [2, 3, 1], data: \"xor\",\n    activation: \"reluu\" } } //~ unknown-plugin: there is no activation named `reluu` | activation | did you mean `relu`?",
    "fn lesson() { #{ title: \"t\", data: \"xor\" } } //~ missing-field: the lesson has no `layers` | lesson | layers: [2, 3, 1]",
    "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\",\n    params: #{ lrr: 0.5 } } } //~ unknown-control: has a control `lrr` | params | did you mean `lr`?",
    "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\",\n    optimizer: #{ name: \"sgd\", momentum: 0.5 } } } //~ unknown-control: `sgd` has no control `momentum` | optimizer | `lr`",
    "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\",\n    batch: 0 } } //~ wrong-value: `batch` must be a whole number from 1, but this is 0 | batch |",
    "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\",\n    regularizer: \"nowhere\" } } //~ unknown-plugin: there is no regularizer named `nowhere` | regularizer |",
    "fn lesson() { #{ title: \"t\", layers: [3, 1],\n    data: \"xor\" } } //~ wrong-data: sample 1 has 2 inputs, but the network has 3 | data |",
    "fn lesson() { #{ title: \"t\", layers: [4, 3],\n    data: csv(\"iris.csv\", #{ inputs: [\"sepal_length\"], target: \"kind\" }) } } //~ wrong-data: there is no column «kind» | data |",
    "fn lesson() { #{ title: \"t\", layers: [4, 3],\n    data: csv(\"../iris.csv\", #{ inputs: [\"sepal_length\"], target: \"species\" }) } } //~ no-such-file: not a path a lesson can use | data | ..",
    "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\",\n    weights: [#{ weight: [[1.0]], bias: [0.0] }] } } //~ wrong-weights: 1 × 2 | weights |",
    "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\",\n    limits: #{ operation: 5 } } } //~ unknown-field: there is no limit `operation` | limits | operations",
    "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\",\n    batch: 4.0 } } //~ wrong-value: `batch` must be a whole number from 1, but this is 4.0 | batch | write `4`",
    "fn lesson() { #{ title: \"t\", layers: [2, 1], data: \"xor\",\n    params: #{ lr: 0.0 / 0.0 } } } //~ wrong-value: `lr` cannot be NaN | params |",
    "fn lesson() { #{ title: \"t\", layers: [2, 1], test_fraction: 0.99,\n    data: \"xor\" } } //~ wrong-data: all 4 samples are kept for testing | data | lower `test_fraction`",
    "fn lesson() { 5 } //~ wrong-return: `lesson` must give a map, but this is a number | lesson | title:",
];

const CUES: &[&str] = &[
    "stage.sai(\"hello\"); //~ unknown-cue: there is no cue `sai` | stage.sai(\"hello\") | did you mean `say`?",
    "stage.focus(weight(0, 0, 0)); //~ not-available: `focus` is not available in this version | stage.focus(weight(0, 0, 0)) | `say`, `play`",
    "stage.ask(\"why?\", [\"a\", \"b\"], 1); //~ not-available: `ask` is not available in this version | stage.ask | `train`",
    "stage.play(\"forwards\"); //~ unknown-name: nothing named `forwards` | stage.play(\"forwards\") | did you mean `forward`?",
    "stage.play(\"forward\", #{ by: \"neurons\" }); //~ unknown-name: no granularity `neurons` | stage.play | did you mean `neuron`?",
    "stage.play(\"forward\", #{ second: 1 }); //~ unknown-field: `play` has no field `second` | stage.play | did you mean `seconds`?",
    "stage.tweak(weight(0, 0, 9), 1.0); //~ no-such-parameter: layer 0 has no input 9; it has 2 | stage.tweak(weight(0, 0, 9), 1.0) | counted from 0",
    "stage.tweak(bias(5, 0), 1.0); //~ no-such-parameter: there is no layer 5 | stage.tweak(bias(5, 0), 1.0) | counted from 0",
    "stage.set(#{ optimizer: \"adamm\" }); //~ unknown-plugin: no optimizer named `adamm` | stage.set(#{ optimizer: \"adamm\" }) | did you mean `adam`?",
    "stage.set(#{ lrr: 0.5 }); //~ unknown-control: has a control `lrr` | stage.set(#{ lrr: 0.5 }) | did you mean `lr`?",
    "stage.set(#{ seed: 5 }); //~ not-available: `set` cannot change `seed` | stage.set(#{ seed: 5 }) | `optimizer`",
    "stage.say(5); //~ wrong-type: `say` needs a text, but this is a number | stage.say(5) |",
    "stage.train(-1); //~ wrong-type: `train` needs a whole number from 0, but this is -1 | stage.train(-1) |",
    "stage.say(\"{output:70000}\"); //~ wrong-value: cannot be shown with 70000 digits | stage.say | {output:3}",
    "stage.tweak(bias(0, 0), 0.0 / 0.0); //~ wrong-value: a weight cannot be NaN | stage.tweak |",
    "stage.say(); //~ wrong-type: `stage.say` cannot take () | stage.say() |",
];

fn expect(text: &str, found: &[Diagnostic]) {
    let (line, wanted) =
        text.lines().enumerate().find_map(|(i, line)| Some((i + 1, line.split_once("//~ ")?.1))).unwrap();
    let (code, rest) = wanted.split_once(':').unwrap();
    let mut parts = rest.split('|').map(str::trim);
    let (message, underlined, help) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or(""));
    assert_eq!(found.len(), 1, "{text}\n{found:#?}");
    let found = &found[0];
    assert_eq!(found.severity, Severity::Error, "{text}\n{found:#?}");
    assert_eq!(found.code, code, "{text}\n{found:#?}");
    assert!(found.message.contains(message), "{text}\n{found:#?}");
    let location = found.location.as_ref().unwrap_or_else(|| panic!("{text}\n{found:#?}"));
    assert_eq!(location.span.line as usize, line, "{text}\n{found:#?}");
    let shown = location.span.text(&location.source);
    assert!(shown.starts_with(underlined), "underlined `{shown}` in {text}\n{found:#?}");
    assert!(found.help.as_deref().unwrap_or("").contains(help), "{text}\n{found:#?}");
}

#[test]
fn faulty_plugins_are_explained_at_their_place() {
    for Fixture { path, text } in FIXTURES {
        expect(text, &common::sandbox(&[(path, text)]).check(path));
    }
}

#[test]
fn faulty_lessons_are_explained_at_their_place() {
    for text in LESSONS {
        let sandbox = common::sandbox(&[("mine.rhai", text)]);
        expect(text, &sandbox.open("mine.rhai").unwrap_err());
        expect(text, &sandbox.check("mine.rhai"));
    }
}

#[test]
fn faulty_cues_are_explained_at_their_place() {
    for cue in CUES {
        let text = format!(
            "fn lesson() {{ #{{ title: \"t\", layers: [2, 3, 1], data: \"xor\" }} }}\nfn perform(stage) {{\n    stage.wait();\n    {cue}\n}}"
        );
        expect(&text, &common::sandbox(&[("mine.rhai", &text)]).open("mine.rhai").unwrap_err());
    }
}

#[test]
fn all_faults_of_a_lesson_come_at_once() {
    let text = "fn lesson() { #{ titel: 5, layers: [2, \"3\"], data: \"xor\", batch: -1 } }";
    let found = common::sandbox(&[("mine.rhai", text)]).open("mine.rhai").unwrap_err();
    let codes: Vec<&str> = found.iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(codes, ["unknown-field", "missing-field", "wrong-type", "wrong-value"], "{found:#?}");
}

#[test]
fn the_chain_of_calls_is_told_innermost_first() {
    let text =
        "fn inner(x) {\n    x + \"a\"\n}\nfn outer(x) {\n    inner(x * 2.0)\n}\nfn activation(z) {\n    outer(z)\n}";
    let found = common::sandbox(&[("activations/a.rhai", text)]).check("activations/a.rhai");
    let frames: Vec<(String, Option<String>)> = found[0]
        .frames
        .iter()
        .map(|frame| {
            (frame.function.clone(), frame.location.as_ref().map(|l| format!("{l} {}", l.span.text(&l.source))))
        })
        .collect();
    let at = |text: &str| Some(text.to_owned());
    assert_eq!(
        frames,
        [
            ("inner".to_owned(), at("activations/a.rhai:5:5 inner(x * 2.0)")),
            ("outer".to_owned(), at("activations/a.rhai:8:5 outer(z)")),
            ("activation".to_owned(), None),
        ]
    );
    assert_eq!(found[0].location.as_ref().unwrap().to_string(), "activations/a.rhai:2:5");
}

#[test]
fn a_fault_in_an_imported_file_points_there() {
    let own = [
        ("shared/m.rhai", "// a module\nfn f(x) {\n    x + \"a\"\n}"),
        ("activations/a.rhai", "import \"shared/m\" as m;\nfn activation(z) { m::f(z) }"),
        ("shared/broken.rhai", "fn f(x) {\n    x +\n}"),
        ("activations/b.rhai", "import \"shared/broken\" as m;\nfn activation(z) { m::f(z) }"),
    ];
    let sandbox = common::sandbox(&own);
    let found = sandbox.check("activations/a.rhai");
    assert_eq!(found[0].location.as_ref().unwrap().to_string(), "shared/m.rhai:3:5", "{found:#?}");
    let found = sandbox.check("activations/b.rhai");
    assert!(
        found[0].message.contains("`shared/broken.rhai` cannot be imported")
            && found[0].message.contains("shared/broken.rhai:3:1"),
        "{found:#?}"
    );
}

fn warnings(text: &str) -> Vec<Diagnostic> {
    let found = common::sandbox(&[("t.rhai", text)]).check("t.rhai");
    assert!(found.iter().all(|d| d.severity == Severity::Warning && d.location.is_some()), "{found:#?}");
    found
}

#[test]
fn check_compares_derivatives_and_names_the_worst_input() {
    let found = warnings("fn activation(z) { tanh(z) }\nfn derivative(z, a) { 1.0 - a }");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, "derivative-mismatch");
    assert!(found[0].message.contains("at z = ") && found[0].message.contains("`derivative` gives"), "{found:#?}");
    assert_eq!(found[0].location.as_ref().unwrap().span.line, 2);

    let found = warnings("fn activation(z) { value(z) * z }");
    let codes: Vec<&str> = found.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["runs-each-time", "gradient-mismatch"], "{found:#?}");
    assert!(found[0].message.contains("`value(…)`"), "{found:#?}");

    let found = warnings("fn activation(z) {\n    ln(z)\n}");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].code, found[0].location.as_ref().unwrap().to_string().as_str()), ("not-finite", "t.rhai:2:5"));

    assert!(warnings("fn activation(z) { stop_gradient(z) * z }").is_empty());
    assert!(warnings("fn activation(z) { if z > 0.0 { z } else { 0.0 } }").is_empty());
    assert!(warnings("fn activation(z) { max(z, 0.0) + abs(z) + clamp(z, -1, 1) }").is_empty());
    assert!(warnings("fn helper(x) { x }").is_empty());
}

#[test]
fn check_finds_a_gradient_that_is_not_a_number() {
    let sandbox = common::sandbox(&[("activations/root.rhai", "fn activation(z) { sqrt(z * z) }")]);
    let found = sandbox.check("activations/root.rhai");
    let warning = found.iter().find(|found| found.code == "gradient-not-finite").expect("a warning");
    assert!(warning.message.contains("NaN") && warning.location.is_some(), "{warning}");
}
