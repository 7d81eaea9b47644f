//! The table matches the functions of the interpreter, and every example gives its stated result.

use super::numbers::KINKS;
use super::{Group, ReferenceItem, definition_files, group, items, markdown, names};
use crate::bindings::numbers::operation;
use crate::runtime::host::Host;
use crate::runtime::interpreter::Interpreter;
use crate::text::lexer::{TokenKind, tokens};
use crate::{Files, Library, Limits, PluginKind, Root, Sandbox};
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::PluginRef;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::rc::Rc;

/// Functions that can be called but are not part of the language.
const HIDDEN: &[&str] = &[
    // Inserted by the rewriter around `switch`, closures and repeated calls.
    "__switch",
    "__own",
    "__closure",
    "__curried",
    "__emit",
    // Exists only to report that there is no clock.
    "sleep",
    // Rhai's list of functions.
    "get_fn_metadata_list",
];

/// Written like calls, but handled by the parser.
const SYNTAX: &[&str] = &["type_of", "Fn", "call", "curry"];

fn sandbox(files: &[(&str, &str)]) -> Sandbox {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts");
    let mut all = Files::new();
    for folder in PluginKind::ALL.map(PluginKind::folder) {
        for entry in fs::read_dir(scripts.join(folder)).expect(folder) {
            let entry = entry.expect(folder);
            let name = entry.file_name().into_string().expect("a name");
            assert!(all.insert(format!("{folder}/{name}"), fs::read(entry.path()).expect("a script")));
        }
    }
    for (path, text) in files {
        assert!(all.insert(*path, text.as_bytes()));
    }
    Sandbox::new(Library { roots: vec![Root { name: "all".into(), files: all }] }, Limits::default())
}

/// Every function that the interpreter can call, with its number of arguments.
fn callable() -> BTreeSet<(String, usize)> {
    let interpreter = Interpreter::new(Rc::new(Host::new(Limits::default())), Rc::default());
    interpreter.callable()
}

/// The number of parameters of a signature such as `max(x: Scalar, y: Scalar) -> Scalar`.
fn parameters(signature: &str) -> usize {
    let inside = signature.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inside, _)| inside);
    if inside.is_empty() { 0 } else { inside.split(',').count() }
}

#[test]
fn every_function_of_the_engine_is_in_the_reference() {
    let known: BTreeSet<&str> = items().iter().map(|entry| entry.name).collect();
    let native = |name: &str| items().iter().any(|entry| entry.name == name && entry.group.is_native());
    let mut missing: Vec<String> = Vec::new();
    for (name, arguments) in callable() {
        // Properties, such as `get$len`, are the functions of the same names.
        if name.contains('$') || HIDDEN.contains(&name.as_str()) {
            continue;
        }
        let word = name.starts_with(char::is_alphabetic);
        let signatures = items().iter().filter(|entry| entry.name == name).flat_map(|entry| entry.signatures);
        let fits = word && signatures.clone().any(|signature| parameters(signature) == arguments);
        if !(fits || !word && (known.contains(name.as_str()) || name.is_empty())) {
            missing.push(format!("{name}/{arguments}"));
        }
        assert!(!word || native(&name) || missing.iter().any(|one| one.starts_with(&name)), "{name}");
    }
    assert!(missing.is_empty(), "not in the reference: {missing:?}");
}

#[test]
fn every_function_of_the_reference_is_in_the_engine() {
    let callable = callable();
    for entry in items().iter().filter(|entry| entry.group.is_native() && !SYNTAX.contains(&entry.name)) {
        for signature in entry.signatures.iter().filter(|signature| signature.contains('(')) {
            assert!(signature.starts_with(&format!("{}(", entry.name)), "{signature}");
            let pair = (entry.name.to_owned(), parameters(signature));
            assert!(callable.contains(&pair), "{signature} cannot be called");
        }
    }
}

#[test]
fn contracts_and_contexts_match_the_engine() {
    let named = |of: Group| names(of).collect::<BTreeSet<_>>();
    let beside = ["perform", "params", "state", "derivative"];
    let contracts: BTreeSet<&str> =
        PluginKind::ALL.into_iter().flat_map(PluginKind::contracts).copied().chain(beside).collect();
    assert_eq!(named(Group::Contracts), contracts);
    for kind in PluginKind::ALL {
        let first = group(Group::Contracts).find(|entry| entry.name == kind.contracts()[0]).expect("a contract");
        let usage = kind.usage();
        assert!(usage.starts_with(&format!("{}(", first.name)), "{usage}");
        assert_eq!(parameters(usage), parameters(first.signatures[0]), "{usage}");
    }
    for name in slowgrad_engine::plugin::Optimizer::CONTEXT {
        assert!(named(Group::Context).contains(name), "{name}");
    }
    for name in slowgrad_engine::plugin::Schedule::CONTEXT {
        assert!(name == "step" || named(Group::Context).contains(name), "{name}");
    }
}

#[test]
fn names_are_unique_in_a_group_and_every_item_is_complete() {
    let mut seen = BTreeSet::new();
    for entry in items() {
        assert!(seen.insert((entry.group, entry.name)), "{} twice", entry.name);
        assert!(
            entry.description.ends_with('.') && !entry.example.is_empty() && !entry.signatures.is_empty(),
            "{entry:?}"
        );
    }
}

/// Wraps a snippet so that it can run.
fn surrounded(entry: &ReferenceItem, body: &str) -> (&'static str, String) {
    match entry.group {
        Group::Random => ("t.rhai", format!("fn dataset(ctx) {{ {body}\n [#{{ input: [0.0], target: [0.0] }}] }}")),
        Group::Cues | Group::LessonParts | Group::Conditions => {
            let lesson = "fn lesson() { #{ title: \"T\", layers: [2, 3, 1], data: \"xor\", test_fraction: 0.25 } }";
            ("t.rhai", format!("{lesson} fn perform(stage) {{ {body} }}"))
        }
        Group::LessonFields => {
            let usual = ["title: \"T\"", "layers: [2, 3, 1]", "data: \"xor\""];
            let own = format!("{}:", entry.name);
            let others: Vec<&str> = usual.into_iter().filter(|field| !field.starts_with(&own)).collect();
            ("t.rhai", format!("fn lesson() {{ #{{ {}, {body} }} }} fn perform(stage) {{ }}", others.join(", ")))
        }
        Group::Controls => ("t.rhai", format!("fn params() {{ {body} }} fn activation(z, p) {{ z }}")),
        Group::Contracts | Group::Context | Group::Layer => ("t.rhai", body.to_owned()),
        _ => ("t.rhai", format!("fn activation(z) {{ {body}\n z }}")),
    }
}

/// Runs a file according to the functions it defines and returns its console output.
fn run(entry: &ReferenceItem, text: &str) -> String {
    let sandbox = sandbox(&[("t.rhai", text)]);
    let plugin = PluginRef::named("t.rhai");
    let failed = |error: &dyn std::fmt::Debug| -> ! { panic!("{}: {text}\n{error:#?}", entry.name) };
    if text.contains("fn lesson(") {
        let perform = group(Group::Cues).any(|cue| text.contains(&format!("stage.{}(", cue.name)));
        match sandbox.open("t.rhai") {
            Ok(lesson) => assert!(!lesson.cues.is_empty() || !perform, "{text}"),
            Err(errors) => failed(&errors),
        }
    } else if text.contains("fn dataset(") {
        sandbox.dataset(&plugin, Some(10), 0.0, 1).unwrap_or_else(|error| failed(&error));
    } else if text.contains("fn init(") {
        sandbox.initializer(&plugin, &Shape::new(2, &[2, 1]), 1).unwrap_or_else(|error| failed(&error));
    } else if text.contains("fn activation(z)") && !text.contains("fn params(") && entry.group != Group::Contracts {
        let activation = sandbox.activation(&plugin, 1).unwrap_or_else(|error| failed(&error));
        activation.function.borrow_mut().call(&[1.0]).map_or_else(|error| failed(&error), drop);
    } else {
        let found = sandbox.check("t.rhai");
        if !found.is_empty() {
            failed(&found);
        }
    }
    sandbox.console().into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n")
}

/// For each line of an example that states a result: a script that prints the expression, and the stated result.
fn stated(example: &str) -> Vec<(String, String)> {
    let mut before = String::new();
    let mut cases = Vec::new();
    for line in example.lines() {
        match line.split_once("  // ") {
            Some((expression, result)) => {
                cases.push((format!("{before}print({expression});"), result.to_owned()));
                before = format!("{before}{expression};\n");
            }
            None => {
                before.push_str(line);
                before.push('\n');
            }
        }
    }
    cases
}

fn agrees(printed: &str, stated: &str) -> bool {
    // The console prints texts without quotes.
    let stated = if stated.starts_with('"') { stated.trim_matches('"') } else { stated };
    stated.strip_suffix('…').map_or(printed == stated, |beginning| printed.starts_with(beginning))
}

/// The script with every floating-point literal multiplied by a traced 1.
fn traced(script: &str) -> String {
    let mut text = String::new();
    let mut from = 0;
    for token in tokens(script) {
        let word = &script[token.start..token.end];
        if token.kind == TokenKind::Number && word.contains('.') {
            text.push_str(&script[from..token.start]);
            text.extend(["(z * ", word, ")"]);
            from = token.end;
        }
    }
    text + &script[from..]
}

#[test]
fn condition_fields_match_the_engine() {
    use slowgrad_engine::condition::{ParameterCondition, TrainingCondition};
    let of_parameters = ParameterCondition::INPUTS.into_iter().chain([ParameterCondition::INPUT, "is_bias"]);
    let all: Vec<&str> = of_parameters.chain(TrainingCondition::INPUTS).collect();
    assert_eq!(names(Group::Conditions).collect::<Vec<_>>(), all);
}

#[test]
fn every_example_gives_what_it_states() {
    let mut statements = 0;
    let mut wrong = Vec::new();
    for entry in items() {
        let cases = stated(entry.example);
        if cases.is_empty() {
            let (_, text) = surrounded(entry, entry.example);
            run(entry, &text);
        }
        for (script, result) in cases {
            statements += 1;
            let (_, text) = surrounded(entry, &script);
            let printed = run(entry, &text);
            if !agrees(&printed, &result) {
                wrong.push(format!(
                    "{}: {script}
gives {printed}, not {result}",
                    entry.name
                ));
            }
            if matches!(entry.group, Group::Operators | Group::Numbers | Group::Arrays) {
                let (_, text) = surrounded(entry, &traced(&script));
                let printed = run(entry, &text);
                if !agrees(&printed, &result) {
                    wrong.push(format!(
                        "{}, traced: {text}
gives {printed}, not {result}",
                        entry.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(statements > 120, "{statements}");
}

#[test]
fn derivatives_at_kinks_match_the_table() {
    for kink in KINKS {
        let (text, z, expected) = kink.test_case;
        let sandbox = sandbox(&[("t.rhai", &format!("fn activation(z) {{ {text} }}"))]);
        let activation = sandbox.activation(&PluginRef::named("t.rhai"), 1).expect("it runs");
        let call = activation.function.borrow_mut().call(&[z]).expect("it runs");
        let mut grads = Vec::new();
        call.trace.backward(&call.values, &[1.0], &mut grads);
        assert_eq!(grads[0], expected, "{text} at {z}");
    }
}

#[test]
fn the_printed_reference_is_current() {
    let path = format!("{}/../../scripts/REFERENCE.md", env!("CARGO_MANIFEST_DIR"));
    let page = markdown();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &page).expect("the file can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "scripts/REFERENCE.md is out of date; run this test with UPDATE_REFERENCE=1");
    for entry in group(Group::Numbers).filter(|entry| operation(entry.name).is_some()) {
        let section = page.split(&format!("### `{}`", entry.name)).nth(1).expect("it is there");
        assert!(section.split("###").next().is_some_and(|text| text.contains("Derivative")), "{}", entry.name);
    }
}

#[test]
fn definition_files_declare_everything_with_user_facing_types() {
    let files = definition_files();
    let all: String = files.iter().map(|(_, text)| text.as_str()).collect();
    for (name, text) in &files {
        assert!(name.ends_with(".d.rhai") && text.starts_with(super::GENERATED_MARK), "{name}");
        let declarations = text.lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with("//"));
        for line in declarations {
            let first = line.split(' ').next().unwrap_or("");
            assert!(["module", "fn", "op", "const"].contains(&first) && line.ends_with(';'), "{name}: {line}");
            assert!(!line.contains("::") && !line.contains("Result") && !line.contains("any"), "{name}: {line}");
            assert_eq!(line.matches('(').count(), line.matches(')').count(), "{line}");
            let of_function = first == "fn" || first == "op";
            assert!(!of_function || line.contains(") -> "), "{line}");
        }
    }
    for (name, _) in callable() {
        let known = HIDDEN.contains(&name.as_str());
        if !known && name.starts_with(char::is_alphabetic) && !name.contains('$') {
            let declared = all.contains(&format!("\nfn {name}(")) || all.contains(&format!("\nconst {name}:"));
            assert!(declared, "{name} is not declared");
        }
    }
    for entry in group(Group::Operators) {
        assert!(all.contains(&format!("\nop {}(", entry.name)), "{}", entry.name);
    }
}
