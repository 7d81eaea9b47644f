//! What comes from outside, as functions of bytes: none of them may panic, hang or keep memory, whatever the bytes.
//!
//! `cargo fuzz` and the bounded run among the tests call the very same functions.

use slowgrad_engine::data::table::{TableSettings, read};
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::{ColumnRef, MissingValues, Scale, TableSpec};
use slowgrad_engine::weights;
use slowgrad_script::{Diagnostic, Files, Library, Limits, Root, Sandbox, highlight};
use std::fmt::Write as _;
use std::time::Duration;

/// Small budgets, so that many inputs can be tried.
fn limits() -> Limits {
    Limits {
        operations: 20_000,
        setup_operations: 100_000,
        time: Duration::from_millis(100),
        setup_time: Duration::from_millis(200),
        tape: 2_000,
        array: 1_000,
        setup_array: 10_000,
        memory: 64 << 20,
        ..Limits::default()
    }
}

const HELPER: &[u8] = b"fn helper(x) { if x > 0.0 { x * 2.0 } else { exp(x) } }\n";

fn sandbox(script: &[u8]) -> Sandbox {
    let files = Files::from_iter([
        ("t.rhai", script),
        ("shared/helper.rhai", HELPER),
        ("activations/tanh.rhai", b"fn activation(z) { tanh(z) }"),
        ("activations/identity.rhai", b"fn activation(z) { z }"),
        ("losses/mse.rhai", b"fn loss(output, target) { let d = output[0] - target[0]; d * d }"),
        ("optimizers/sgd.rhai", b"fn update(w, grad, state, ctx) { w - ctx.lr * grad }"),
        ("initializers/xavier_uniform.rhai", b"fn init(ctx) { ctx.rng.uniform(-1.0, 1.0) }"),
        ("datasets/xor.rhai", b"fn dataset(ctx) { [#{ input: [0.0, 1.0], target: [1.0] }] }"),
        ("data.csv", b"a,b,c\n1,2,x\n3,4,y\n"),
    ]);
    Sandbox::new(Library { roots: vec![Root { name: "fuzz".into(), files }] }, limits())
}

/// What is said about a script can be shown: a message of some length, and places that lie within their texts.
fn showable(found: &[Diagnostic]) {
    for diagnostic in found {
        assert!((1..4_000).contains(&diagnostic.message.len()), "{} bytes of message", diagnostic.message.len());
        let frames = diagnostic.frames.iter().filter_map(|frame| frame.location.as_ref());
        for location in diagnostic.location.iter().chain(frames) {
            let (span, text) = (location.span, &location.source.text);
            assert!(span.start <= span.end && span.line >= 1 && span.column >= 1, "{diagnostic:?}");
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{diagnostic:?}");
        }
    }
}

/// The text of a script of any kind.
pub fn script(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let mut end = 0;
        for (range, _) in highlight(text) {
            assert!(end <= range.start && text.get(range.clone()).is_some());
            end = range.end;
        }
    }
    let sandbox = sandbox(bytes);
    showable(&sandbox.check("t.rhai"));
    drop(sandbox.console());
}

/// Decisions read from bytes; when there are no more, always the first choice.
struct Choices<'b>(&'b [u8]);

impl Choices<'_> {
    fn below(&mut self, n: usize) -> usize {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(first) % n
    }

    fn one<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }
}

const FIELDS: &[&str] = &[
    "title",
    "layers",
    "activation",
    "output",
    "loss",
    "optimizer",
    "regularizer",
    "initializer",
    "schedule",
    "params",
    "data",
    "input_names",
    "output_names",
    "test_fraction",
    "noise",
    "count",
    "batch",
    "shuffle",
    "seed",
    "weights",
    "limits",
    "size",
    "name",
    "input",
    "target",
    "lr",
    "weight",
    "bias",
    "operations",
    "seconds",
    "tape",
    "titel",
];
const VALUES: &[&str] = &[
    "1",
    "2",
    "3",
    "0",
    "-1",
    "0.5",
    "1e308",
    "-0.0",
    "1.0 / 0.0",
    "0.0 / 0.0",
    "9223372036854775807",
    "100000",
    "\"xor\"",
    "\"tanh\"",
    "\"mse\"",
    "\"sgd\"",
    "\"\"",
    "\"../x\"",
    "\"t.rhai\"",
    "\"é\\u{0}\"",
    "true",
    "false",
    "()",
    "'x'",
    "0..3",
    "[2, 3, 1]",
    "[2, 1]",
    "[]",
    "|x| x",
    "csv(\"data.csv\", #{ inputs: [\"a\", \"b\"], target: \"c\" })",
    "csv(\"data.csv\", #{ inputs: [], target: \"a\" })",
    "[#{ input: [0.0, 1.0], target: [1.0] }]",
    "slider(1.0, 0.0, 2.0)",
];
const CUES: &[&str] = &[
    "say",
    "play",
    "step",
    "wait",
    "pause",
    "ask",
    "focus",
    "highlight",
    "clear",
    "set",
    "tweak",
    "train",
    "train_until",
    "speed",
    "camera",
    "show",
    "hide",
    "plot",
    "section",
    "note",
    "sya",
];
const CUE_VALUES: &[&str] = &[
    "\"forward\"",
    "\"{output:2}\"",
    "\"{output:99999999999}\"",
    "\"{\"",
    "#{ by: \"neuron\", seconds: 5 }",
    "weight(1, 0, 2)",
    "bias(0, 0)",
    "#{ optimizer: \"sgd\" }",
    "#{ lr: 0.5 }",
    "[\"a\", \"b\"]",
    "weight(9223372036854775807, 0, 0)",
];

fn value(choices: &mut Choices<'_>, depth: usize, text: &mut String) {
    match choices.below(10) {
        8 if depth > 0 => {
            text.push('[');
            for _ in 0..choices.below(4) {
                value(choices, depth - 1, text);
                text.push_str(", ");
            }
            text.push(']');
        }
        9 if depth > 0 => {
            text.push_str("#{ ");
            for i in 0..choices.below(4) {
                // The same key twice would be an error of the parser.
                let _ = write!(text, "\"{}{}\": ", choices.one(FIELDS), if i == 0 { "" } else { "2" });
                value(choices, depth - 1, text);
                text.push_str(", ");
            }
            text.push('}');
        }
        _ => text.push_str(choices.one(VALUES)),
    }
}

/// The map that a lesson gives, and its cues, made from decisions.
pub fn lesson(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let mut fields =
        vec![("title", "\"t\"".to_owned()), ("layers", "[2, 3, 1]".to_owned()), ("data", "\"xor\"".to_owned())];
    for _ in 0..choices.below(6) {
        let field = choices.one(FIELDS);
        let mut text = String::new();
        value(&mut choices, 3, &mut text);
        fields.retain(|(known, _)| *known != field);
        fields.push((field, text));
    }
    let mut text = String::from("fn lesson() {\n    #{\n");
    for (field, value) in fields {
        let _ = writeln!(text, "        {field}: {value},");
    }
    text.push_str("    }\n}\nfn perform(stage) {\n");
    for _ in 0..choices.below(5) {
        let _ = write!(text, "    stage.{}(", choices.one(CUES));
        for i in 0..choices.below(4) {
            text.push_str(if i == 0 { "" } else { ", " });
            if choices.below(2) == 0 {
                text.push_str(choices.one(CUE_VALUES));
            } else {
                value(&mut choices, 2, &mut text);
            }
        }
        text.push_str(");\n");
    }
    text.push_str("}\n");
    let sandbox = sandbox(text.as_bytes());
    match sandbox.open("t.rhai") {
        Ok(lesson) => {
            showable(&lesson.all_warnings());
            assert_eq!(lesson.parameters.len(), lesson.setup.shape.parameters());
            assert!(lesson.parameters.iter().all(|x| x.is_finite()) || lesson.spec.weights.is_none());
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "no word about what is wrong with\n{text}");
            showable(&errors);
        }
    }
}

/// A weight file, as JSON and as safetensors.
pub fn weights(bytes: &[u8]) {
    let shape = Shape::new(2, &[3, 1]);
    let read = std::str::from_utf8(bytes).ok().and_then(|text| weights::from_json(&shape, text).ok());
    let safetensors = weights::from_safetensors(&shape, bytes).ok().map(|read| read.values);
    for values in read.into_iter().chain(safetensors) {
        assert_eq!(values.len(), shape.parameters());
        assert!(values.iter().all(|x| x.is_finite()));
        let again = weights::to_json(&shape, &values)
            .and_then(|text| weights::from_json(&shape, &text))
            .expect("what was written is read");
        assert!(values.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}

/// A table of samples.
pub fn csv(bytes: &[u8]) {
    for (path, missing) in
        [("t.csv", MissingValues::Refuse), ("t.tsv", MissingValues::Drop), ("t.xlsx", MissingValues::Mean)]
    {
        table(path, bytes, missing);
    }
}

fn table(path: &str, bytes: &[u8], missing: MissingValues) {
    let spec = TableSpec {
        path: path.to_owned(),
        targets: vec![ColumnRef::Number(2)],
        inputs: Some(vec![ColumnRef::Number(0), ColumnRef::Number(1)]),
        missing,
        scale: Some(Scale::Standard),
        ..TableSpec::default()
    };
    for outputs in [1, 2] {
        let purpose = TableSettings { inputs: 2, outputs, test_fraction: 0.3, seed: 1, max_unpacked_bytes: 1 << 20 };
        match read(&spec, bytes, purpose, &|_| ()) {
            Ok(loaded) => {
                let dropped = loaded.report.dropped.as_ref().map_or(0, |dropped| dropped.rows);
                assert_eq!(loaded.train.len() + loaded.test.len() + dropped, loaded.report.rows);
                let numbers = [&loaded.train, &loaded.test].map(|data| [data.inputs(), data.targets()].concat());
                assert!(numbers.concat().iter().all(|x| x.is_finite()));
            }
            Err(error) => assert!(!error.to_string().is_empty() && !error.help().is_empty()),
        }
    }
}
