//! The contract of the command line: output, files and exit codes.

mod common;

use common::{SMALL_LESSON as LESSON, run, slowgrad};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Stdio;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("create the folder");
        fs::write(path, text).expect("write the file");
    }
    folder
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn weights(path: &Path) -> Vec<u64> {
    let file: Value = serde_json::from_slice(&fs::read(path).expect("a weight file")).expect("JSON");
    let mut bits = Vec::new();
    let mut collect = |value: &Value| bits.push(value.as_f64().expect("a number").to_bits());
    for layer in file["layers"].as_array().expect("layers") {
        for row in layer["weight"].as_array().expect("rows") {
            row.as_array().expect("a row").iter().for_each(&mut collect);
        }
        layer["bias"].as_array().expect("a bias").iter().for_each(&mut collect);
    }
    bits
}

// Elsewhere the program would open its window.
#[cfg(not(any(target_os = "macos", windows)))]
#[test]
fn without_a_display_one_line_names_the_commands_that_need_none() {
    let (code, out, problems) =
        run(slowgrad().env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET"));
    assert_eq!(code, 1);
    assert!(out.is_empty());
    assert_eq!(problems.trim().lines().count(), 1, "{problems}");
    assert!(problems.contains("slowgrad render") && problems.contains("slowgrad trace"), "{problems}");
}

#[test]
fn without_a_graphics_adapter_the_error_names_the_package() {
    let out = tempfile::tempdir().expect("temporary folder");
    let (code, _, problems) = run(slowgrad()
        .env("VK_DRIVER_FILES", "/nonexistent")
        .env("VK_ICD_FILENAMES", "/nonexistent")
        .env("__EGL_VENDOR_LIBRARY_FILENAMES", "/nonexistent")
        .args(["render", "welcome", "-o"])
        .arg(out.path().join("x.png")));
    assert_eq!(code, 1, "{problems}");
    assert!(problems.contains("mesa-vulkan-drivers"), "{problems}");
    assert!(!out.path().join("x.png").exists(), "no incomplete picture is left behind");
}

#[test]
fn usage_errors_have_exit_code_2() {
    let lesson = folder(&[("small.rhai", LESSON)]);
    for arguments in [
        &["trace"][..],
        &["trace", "small.rhai", "--step", "0"],
        &["trace", "small.rhai", "--sample", "3"],
        &["trace", "small.rhai", "--phase", "sideways"],
        &["train", "small.rhai"],
        &["train", "small.rhai", "--steps", "1", "--weights-out", "w.pickle"],
        &["render", "small.rhai", "-o", "x.png", "--at", "100000"],
        &["render", "small.rhai", "-o", "x.png", "--select", "weight(7,0,0)"],
        &["render", "small.rhai", "-o", "x.png", "--step", "2", "--time", "3"],
        &["list", "activaton"],
        &["new", "los", "mine"],
        &["new", "loss", "mine", "--layer"],
        &["new", "loss", "../mine"],
        &["new", "loss", "a b"],
        &["new", "lesson", "nul"],
        &["dance"],
    ] {
        let (code, _, problems) = run(slowgrad().current_dir(lesson.path()).args(arguments));
        let expected = if arguments == ["dance"] { 1 } else { 2 };
        assert_eq!(code, expected, "{arguments:?}: {problems}");
        assert!(!problems.is_empty());
    }
}

#[test]
fn a_script_error_shows_its_location_and_a_suggestion() {
    let broken = LESSON.replace("\"momentum\"", "\"mine\"");
    let optimizer = "fn update(w, grad, state, ctx) {\n    w - ctx.lr * graad\n}\n";
    let lesson = folder(&[("small.rhai", &broken), ("optimizers/mine.rhai", optimizer)]);
    let (code, _, problems) = run(slowgrad().current_dir(lesson.path()).args(["trace", "small.rhai"]));
    assert_eq!(code, 1);
    assert!(problems.contains("optimizers/mine.rhai:2:18"), "{problems}");
    assert!(problems.contains("w - ctx.lr * graad"), "the source line: {problems}");
    assert!(problems.contains("did you mean") && problems.contains("grad"), "{problems}");
    for (missing, part) in [("no-such-lesson", "there is no lesson"), ("welcom", "did you mean «welcome»")] {
        let (code, _, problems) = run(slowgrad().args(["trace", missing]));
        assert_eq!(code, 1);
        assert!(problems.contains(part), "{problems}");
    }
}

#[test]
fn a_trace_leads_from_the_sample_to_the_updated_weights() {
    let lesson = folder(&[("small.rhai", LESSON)]);
    let dir = lesson.path();
    let (code, text, problems) = run(slowgrad().current_dir(dir).args(["trace", "small.rhai"]));
    assert_eq!((code, problems.as_str()), (0, ""));
    for part in ["small", "2–3–1", "FORWARD", "LOSS", "BACKWARD", "UPDATE", "sample 2 of 2", "activations/tanh.rhai:"]
    {
        assert!(text.contains(part), "{part} is missing from\n{text}");
    }
    let (_, lines, _) = run(slowgrad().current_dir(dir).args(["trace", "small.rhai", "--format", "jsonl"]));
    let events = json_lines(&lines);
    let (code, _, _) =
        run(slowgrad().current_dir(dir).args(["train", "small.rhai", "--steps", "1", "--weights-out", "w.json"]));
    assert_eq!(code, 0);
    let expected = weights(&dir.join("w.json"));
    // The file has the weights, then the biases, of each layer.
    let updated: Vec<&Value> = events.iter().filter(|event| event["kind"] == "updated").collect();
    let number = |event: &Value| event["result"].as_f64().expect("a number").to_bits();
    let mut found = Vec::new();
    for layer in 0..2 {
        for is_bias in [false, true] {
            let of = |event: &&&Value| event["layer"] == layer && event["input"].is_null() == is_bias;
            found.extend(updated.iter().filter(of).map(|event| number(event)));
        }
    }
    assert_eq!(found, expected, "the traced update equals the trained one, bit for bit");
    // Each operation of a script names its expression.
    for event in events.iter().filter(|event| event["kind"] == "operation" || event["kind"] == "chain") {
        let script = &event["script"];
        assert!(
            script["line"].as_u64() > Some(0) && !script["text"].as_str().expect("the expression").is_empty(),
            "{event}"
        );
    }
}

#[test]
fn a_trace_can_be_filtered() {
    let lesson = folder(&[("small.rhai", LESSON)]);
    let trace = |arguments: &[&str]| {
        let (code, text, problems) =
            run(slowgrad().current_dir(lesson.path()).args(["trace", "small.rhai"]).args(arguments));
        assert_eq!(code, 0, "{problems}");
        text
    };
    let backward = json_lines(&trace(&["--phase", "backward", "--sample", "2", "--format", "jsonl"]));
    assert!(backward.iter().all(|event| event["phase"] == "backward" && event["sample"] == 1));
    let layers = trace(&["--by", "layer"]);
    assert!(layers.contains("layer 2: ") && layers.lines().count() < 60, "{layers}");
    assert!(trace(&["--step", "7"]).contains("step 7"));
    assert_ne!(trace(&["--step", "3"]), trace(&["--step", "4"]));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = slowgrad()
        .args(["trace", "large", "--format", "jsonl", "--phase", "forward", "--sample", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start the program");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("wait for the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn training_resumes_from_weight_files_of_both_formats() {
    let plain = LESSON.replace("momentum", "sgd");
    let lesson = folder(&[("small.rhai", &plain)]);
    let train = |arguments: &[&str]| {
        let (code, _, problems) =
            run(slowgrad().current_dir(lesson.path()).args(["train", "small.rhai"]).args(arguments));
        assert_eq!(code, 0, "{problems}");
    };
    train(&["--steps", "10", "--weights-out", "whole.json"]);
    train(&["--steps", "4", "--weights-out", "half.safetensors"]);
    train(&["--steps", "6", "--weights-in", "half.safetensors", "--weights-out", "joined.json"]);
    // Four steps are two epochs, so both runs have the same order of samples.
    assert_eq!(weights(&lesson.path().join("joined.json")), weights(&lesson.path().join("whole.json")));
}

#[test]
fn predictions_equal_those_of_pytorch() {
    let folder_of_reference = common::root().join("tests/reference");
    let file = fs::read(folder_of_reference.join("sequential.json")).expect("the reference");
    let reference: Value = serde_json::from_slice(&file).expect("JSON");
    for kind in ["float64", "float32"] {
        let name = reference[kind]["file"].as_str().expect("a file name");
        let samples: Vec<String> = reference["inputs"]
            .as_array()
            .expect("inputs")
            .iter()
            .map(|input| {
                let numbers: Vec<String> = input
                    .as_array()
                    .expect("numbers")
                    .iter()
                    .map(|x| format!("{:?}", x.as_f64().expect("a number")))
                    .collect();
                format!("#{{ input: [{}], target: [0.0] }}", numbers.join(", "))
            })
            .collect();
        let text = format!(
            "fn lesson() {{ #{{ title: \"torch\", layers: [2, 3, 1], activation: \"tanh\", batch: 3,
                data: [{}], weights: \"{name}\" }} }}
             fn perform(stage) {{ }}",
            samples.join(", ")
        );
        let lesson = folder(&[("lesson.rhai", &text)]);
        fs::copy(folder_of_reference.join(name), lesson.path().join(name)).expect("copy the weights");
        let (code, lines, problems) = run(slowgrad().current_dir(lesson.path()).args([
            "trace",
            "lesson.rhai",
            "--phase",
            "forward",
            "--format",
            "jsonl",
        ]));
        assert_eq!(code, 0, "{problems}");
        let outputs: Vec<f64> = json_lines(&lines)
            .iter()
            .filter(|event| event["kind"] == "activated" && event["layer"] == 1)
            .map(|event| event["result"].as_f64().expect("a number"))
            .collect();
        assert_eq!(outputs.len(), 3);
        for (ours, theirs) in outputs.iter().zip(reference[kind]["outputs"].as_array().expect("outputs")) {
            let theirs = theirs[0].as_f64().expect("a number");
            assert!((ours - theirs).abs() < 1e-14, "{kind}: {ours} and {theirs}");
        }
    }
}

#[test]
fn metrics_have_one_line_per_step() {
    let lesson = folder(&[("small.rhai", LESSON)]);
    let (code, out, _) = run(slowgrad().current_dir(lesson.path()).args([
        "train",
        "small.rhai",
        "--steps",
        "30",
        "--metrics",
        "m.jsonl",
    ]));
    assert_eq!(code, 0);
    assert!(out.starts_with("30 steps: train loss "), "{out}");
    let lines = json_lines(&fs::read_to_string(lesson.path().join("m.jsonl")).expect("metrics"));
    assert_eq!(lines.len(), 30);
    assert!(lines.iter().enumerate().all(|(i, line)| line["step"] == i as u64 + 1 && line["loss"].is_f64()));
    assert!(lines[29]["train_loss"].as_f64() < lines[1]["train_loss"].as_f64(), "the loss decreases");
    // The targets of xor are two classes of two samples.
    let accuracy = lines[29]["train_accuracy"].as_f64().expect("an accuracy");
    assert!([0.0, 0.25, 0.5, 0.75, 1.0].contains(&accuracy), "{accuracy}");
    let table: Vec<Vec<u32>> =
        out.lines().skip(3).map(|row| row.split_whitespace().flat_map(str::parse).collect()).collect();
    assert!(out.contains("confusion of the training data") && table.len() == 2, "{out}");
    assert_eq!(f64::from(table[0][1] + table[1][2]) / 4.0, accuracy, "{out}");
    assert!(table.iter().all(|row| row[1] + row[2] == 2), "{out}");
}

#[test]
fn metrics_report_the_penalty_of_a_regularizer() {
    let penalized = LESSON.replacen("fn lesson()", "fn penalty(w) { 0.5 * w ** 2 }\nfn lesson()", 1);
    let lesson = folder(&[("small.rhai", &penalized), ("plain.rhai", LESSON)]);
    let metrics = |name: &str| {
        let arguments = ["train", name, "--steps", "3", "--metrics", "m.jsonl"];
        let (code, _, problems) = run(slowgrad().current_dir(lesson.path()).args(arguments));
        assert_eq!(code, 0, "{problems}");
        json_lines(&fs::read_to_string(lesson.path().join("m.jsonl")).expect("metrics"))
    };
    let (with, without) = (metrics("small.rhai"), metrics("plain.rhai"));
    assert_eq!(with[0]["loss"], without[0]["loss"], "the loss is the scripted one");
    assert!(with.iter().all(|line| line["penalty"].as_f64().is_some_and(|penalty| penalty > 0.0)));
    assert!(with[2]["penalty"].as_f64() < with[0]["penalty"].as_f64(), "the weights shrink");
    assert!(without.iter().all(|line| line.get("penalty").is_none()));
}

#[test]
fn metrics_are_complete_up_to_a_script_error() {
    let failing =
        "fn update(w, grad, state, ctx) {\n    if ctx.step > 5 { throw \"enough\"; }\n    w - ctx.lr * grad\n}\n";
    let lesson =
        folder(&[("small.rhai", &LESSON.replace("\"momentum\"", "\"mine\"")), ("optimizers/mine.rhai", failing)]);
    let (code, _, problems) = run(slowgrad().current_dir(lesson.path()).args([
        "train",
        "small.rhai",
        "--steps",
        "30",
        "--metrics",
        "m.jsonl",
    ]));
    assert_eq!(code, 1);
    assert!(problems.contains("enough") && problems.contains("optimizers/mine.rhai:2"), "{problems}");
    assert_eq!(json_lines(&fs::read_to_string(lesson.path().join("m.jsonl")).expect("metrics")).len(), 5);
}

#[test]
fn every_shipped_script_passes_check() {
    let scripts = common::root().join("scripts");
    let mut files: Vec<_> = fs::read_dir(&scripts)
        .expect("scripts")
        .flat_map(|kind| fs::read_dir(kind.expect("an entry").path()).into_iter().flatten())
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rhai"))
        .collect();
    files.sort();
    assert!(files.len() > 25, "{files:?}");
    let (code, out, problems) = run(slowgrad().arg("check").args(&files));
    assert_eq!(code, 0, "{problems}");
    // The summary of a lesson's data is indented.
    assert_eq!(out.lines().filter(|line| !line.starts_with(' ')).count(), files.len());
}

#[test]
fn a_wrong_derivative_formula_is_reported() {
    let wrong = "/// Squares.\nfn activation(z) { z * z }\nfn derivative(z, a) { 3.0 * z }\n";
    let lesson = folder(&[("square.rhai", wrong)]);
    let (_, _, problems) = run(slowgrad().current_dir(lesson.path()).args(["check", "square.rhai"]));
    assert!(problems.contains("derivative"), "{problems}");
}

/// The 64-bit FNV-1a hash of the weights' bits.
fn hash(bits: &[u64]) -> u64 {
    let bytes = bits.iter().flat_map(|bits| bits.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[test]
fn weights_are_bit_identical_on_every_machine_and_vector_unit() {
    let expected: Value =
        serde_json::from_slice(&fs::read(common::root().join("tests/bits.json")).expect("tests/bits.json"))
            .expect("JSON");
    let folder = tempfile::tempdir().expect("temporary folder");
    let units = ["portable", "avx2", "avx512"];
    let mut tried = 0;
    for (lesson, expected) in expected.as_object().expect("a map") {
        for (unit, threads) in units.into_iter().flat_map(|unit| [(unit, "1"), (unit, "3")]) {
            let (code, _, problems) = run(slowgrad().current_dir(folder.path()).env("SLOWGRAD_ISA", unit).args([
                "train",
                lesson,
                "--steps",
                "300",
                "--threads",
                threads,
                "--weights-out",
                "w.json",
            ]));
            if code == 2 && problems.contains("does not support") {
                continue;
            }
            assert_eq!(code, 0, "{problems}");
            let found = format!("{:016x}", hash(&weights(&folder.path().join("w.json"))));
            assert_eq!(Some(found.as_str()), expected.as_str(), "{lesson} on {unit} with {threads} threads");
            tried += 1;
        }
    }
    assert!(tried >= 5);
}

#[test]
fn every_shipped_lesson_learns() {
    let folder = tempfile::tempdir().expect("temporary folder");
    for entry in fs::read_dir(common::root().join("scripts/lessons")).expect("lessons") {
        let path = entry.expect("an entry").path();
        let lesson = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        // This lesson starts with a network that cannot learn. It has a separate test.
        if lesson == "why-not-zeros" {
            continue;
        }
        let steps = if lesson == "large" { "30" } else { "800" };
        let (code, _, problems) = run(slowgrad().current_dir(folder.path()).args([
            "train",
            &lesson,
            "--steps",
            steps,
            "--metrics",
            "m.jsonl",
        ]));
        assert_eq!(code, 0, "{lesson}: {problems}");
        let lines = json_lines(&fs::read_to_string(folder.path().join("m.jsonl")).expect("metrics"));
        let first = lines[0]["loss"].as_f64().expect("a finite loss");
        let last = lines[lines.len() - 1]["train_loss"].as_f64().expect("a finite loss");
        assert!(last < 0.5 * first, "{lesson}: {first} → {last}");
    }
}

const KINDS: [&str; 8] =
    ["activation", "loss", "regularizer", "optimizer", "initializer", "schedule", "dataset", "lesson"];

#[test]
fn starters_pass_check_and_work_in_a_lesson() {
    let here = folder(&[]);
    let in_folder = |arguments: &[&str]| run(slowgrad().current_dir(here.path()).args(arguments));
    let mut fields = String::new();
    for kind in KINDS {
        let (code, out, problems) = in_folder(&["new", kind, "mine"]);
        assert_eq!((code, problems.as_str()), (0, ""), "{kind}");
        let path = out.lines().next().and_then(|line| line.strip_prefix("wrote ")).expect("the path").to_owned();
        assert!(out.contains(&format!("slowgrad check {path}")) && out.lines().count() == 3, "{out}");
        // No warning, neither on standard error nor in the result.
        let (code, found, problems) = in_folder(&["check", &path]);
        assert_eq!((code, problems.as_str()), (0, ""), "{kind}");
        assert!(found.starts_with(&format!("{path}: ok")) && !found.contains("warning"), "{found}");
        if let Some(field) = out.split('`').nth(1) {
            fields.extend([field, ", "]);
        }
    }
    assert_eq!(in_folder(&["new", "activation", "whole", "--layer"]).0, 0);
    assert_eq!(in_folder(&["new", "optimizer", "centred", "--layer"]).0, 0);
    let (code, found, problems) = in_folder(&["check", "optimizers/centred.rhai"]);
    assert_eq!((code, problems.as_str()), (0, ""), "{found}");
    let lesson = format!(
        "fn lesson() {{ #{{ title: \"all\", layers: [2, #{{ size: 3, activation: \"whole\" }}, 2, 1], {fields} seed: 3 }} }}"
    );
    assert_eq!(fields.matches(':').count(), KINDS.len() - 1, "{fields}");
    fs::write(here.path().join("all.rhai"), lesson).expect("a lesson");
    let (code, out, problems) = in_folder(&["train", "all.rhai", "--steps", "300", "--metrics", "m.jsonl"]);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert!(out.starts_with("300 steps"), "{out}");
    let lines = json_lines(&fs::read_to_string(here.path().join("m.jsonl")).expect("metrics"));
    assert!(lines[299]["train_loss"].as_f64() < lines[0]["loss"].as_f64(), "the loss decreases");
    let (code, out, _) = in_folder(&["train", "all.rhai", "--steps", "300", "--set", "optimizer=centred"]);
    assert!(code == 0 && out.starts_with("300 steps"), "{out}");
    let (code, _, problems) = in_folder(&["train", "mine.rhai", "--steps", "800", "--metrics", "m.jsonl"]);
    assert_eq!((code, problems.as_str()), (0, ""));
    let lines = json_lines(&fs::read_to_string(here.path().join("m.jsonl")).expect("metrics"));
    assert!(lines[799]["train_loss"].as_f64() < Some(0.01), "{:?}", lines[799]);
    // The whole folder, by name and by default.
    let (code, out, problems) = in_folder(&["check"]);
    assert_eq!((code, problems.as_str(), out.lines().count()), (0, "", KINDS.len() + 3));
    assert_eq!(in_folder(&["check", "."]).1, out);
}

#[test]
fn new_overwrites_no_file_and_reports_the_path() {
    let (here, user) = (folder(&[("losses/mine.rhai", "mine")]), tempfile::tempdir().expect("temporary folder"));
    let in_folder = |arguments: &[&str]| {
        run(slowgrad().current_dir(here.path()).env("SLOWGRAD_SCRIPTS", user.path().join("scripts")).args(arguments))
    };
    let (code, out, problems) = in_folder(&["new", "loss", "mine"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(problems.contains("losses/mine.rhai already exists"), "{problems}");
    assert_eq!(fs::read_to_string(here.path().join("losses/mine.rhai")).expect("a file"), "mine");
    assert_eq!(
        fs::read_dir(here.path().join("losses")).expect("a folder").count(),
        1,
        "no incomplete file is left behind"
    );
    let (_, _, problems) = in_folder(&["new", "losss", "mine"]);
    assert!(problems.contains("did you mean «loss»"), "{problems}");

    let (code, out, problems) = in_folder(&["new", "loss", "mse", "--user"]);
    assert_eq!(code, 0, "{problems}");
    assert!(out.contains("in any lesson") && out.contains("hides the built-in loss"), "{out}");
    assert!(user.path().join("scripts/losses/mse.rhai").is_file());
    assert_eq!(in_folder(&["new", "lesson", "evening", "--user"]).0, 0);
    // The user's loss shadows the built-in one, here and in shipped lessons. The user's lessons open by name.
    let (_, traced, problems) = in_folder(&["trace", "evening", "--phase", "loss"]);
    assert!(traced.contains("losses/mse.rhai:") && traced.contains("ln("), "{traced}{problems}");
    assert!(in_folder(&["trace", "welcome", "--phase", "loss", "--sample", "1"]).1.contains("ln("));
    // A loss beside the lesson shadows both.
    fs::write(here.path().join("mse.rhai"), "fn loss(output, target) { abs(output[0] - target[0]) }").expect("a loss");
    fs::write(here.path().join("small.rhai"), LESSON).expect("a lesson");
    let (_, traced, problems) = in_folder(&["trace", "small", "--phase", "loss", "--sample", "1"]);
    assert!(traced.contains(" mse.rhai:1:"), "{traced}{problems}");
}

#[test]
fn list_shows_controls_roots_and_shadowed_scripts() {
    let here = folder(&[
        (
            "losses/mse.rhai",
            "/// Mine.\nfn params() { #{ power: slider(2.0, 1.0, 4.0) } }\n/// Mine.\nfn loss(o, t, p) { o[0] }",
        ),
        ("losses/broken.rhai", "fn loss(o, t) { o[0] - }"),
        ("optimizers/sgd.rhai", "/// \u{1b}[2JBlank.\nfn update(w, grad, state, ctx) { w }"),
        ("small.rhai", LESSON),
    ]);
    let user =
        folder(&[("losses/mse.rhai", "fn loss(o, t) { o[0] }"), ("losses/theirs.rhai", "fn los(o, t) { o[0] }")]);
    let in_folder = |arguments: &[&str]| {
        run(slowgrad().current_dir(here.path()).env("SLOWGRAD_SCRIPTS", user.path()).args(arguments))
    };
    let (code, all, problems) = in_folder(&["list"]);
    assert_eq!((code, problems.as_str()), (0, ""));
    for part in [
        "activations",
        "  leaky_relu ",
        "slope 0.01 (0 to 1)",
        "regularizers",
        "schedules",
        "lessons",
        "Which weights change?",
    ] {
        assert!(all.contains(part), "{part} is missing from\n{all}");
    }
    assert!(!all.contains('\u{1b}'), "no colours when piped, and no control characters from scripts");
    let lessons = all.split("\nlessons\n").nth(1).expect("the lessons");
    let order: Vec<&str> = ["small", "welcome", "which-weights", "large"].into_iter().collect();
    let places: Vec<Option<usize>> = order.iter().map(|name| lessons.find(name)).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{lessons}");

    let (_, losses, _) = in_folder(&["list", "losses"]);
    assert_eq!(in_folder(&["list", "loss"]).1, losses);
    for part in [
        "power 2 (1 to 4)",
        "hides the one in ",
        " and the built-in one",
        "cannot be used: ",
        "(losses/broken.rhai:1:",
        "did you mean `fn loss`?",
    ] {
        assert!(losses.contains(part), "{part} is missing from\n{losses}");
    }
    let (_, json, _) = in_folder(&["list", "loss", "--json"]);
    let rows: Value = serde_json::from_str(&json).expect("JSON");
    let row = |name: &str| rows.as_array().expect("rows").iter().find(|row| row["name"] == name).expect(name).clone();
    assert_eq!(row("mae")["root"], "built-in");
    let mse = row("mse");
    assert_eq!((&mse["signature"], &mse["path"]), (&"loss(o, t, p)".into(), &"losses/mse.rhai".into()));
    assert_eq!(
        mse["controls"][0],
        serde_json::json!({"name": "power", "kind": "slider", "value": 2.0, "min": 1.0, "max": 4.0, "log": false})
    );
    assert_eq!(mse["hides"].as_array().map(Vec::len), Some(2));
    assert_eq!(mse["hides"][1], "built-in");
    assert_eq!(row("broken")["problem"]["line"], 1);

    let (code, page, _) = in_folder(&["list", "loss", "huber"]);
    assert_eq!(code, 0);
    assert!(
        page.contains("Huber loss") && page.contains("fn loss(output, target, p)") && page.contains("delta 1 ("),
        "{page}"
    );
    let (code, _, problems) = in_folder(&["list", "loss", "hubber"]);
    assert_eq!(code, 1);
    assert!(problems.contains("did you mean «huber»?"), "{problems}");
}

#[test]
fn script_output_goes_to_standard_error_with_location_and_limit() {
    let chatty = LESSON.replace("    #{ title", "    print(\"reading\");\n    #{ title").replace("\"mse\"", "\"loud\"");
    let loud = "fn loss(output, target) {\n    print(\"out\\u001b[2J \" + output[0].value());\n    (output[0] - target[0]) ** 2\n}\n";
    let here = folder(&[("small.rhai", &chatty), ("losses/loud.rhai", loud)]);
    let in_folder = |arguments: &[&str]| run(slowgrad().current_dir(here.path()).args(arguments));
    let (code, out, problems) = in_folder(&["train", "small.rhai", "--steps", "3"]);
    // The summary and the confusion of two classes.
    assert_eq!((code, out.lines().count()), (0, 5), "{problems}");
    let printed: Vec<&str> = problems.lines().filter(|line| line.contains(": ")).collect();
    assert!(printed[0].contains("small.rhai:3") && printed[0].ends_with("reading"), "{problems}");
    // Three steps with two samples each.
    assert_eq!(
        printed.iter().filter(|line| line.starts_with("losses/loud.rhai:2") && line.contains("out")).count(),
        6,
        "{problems}"
    );
    let (_, _, problems) = in_folder(&["train", "small.rhai", "--steps", "2000"]);
    let lines = problems.matches("losses/loud.rhai:2").count();
    assert!((100..1000).contains(&lines) && problems.contains("further output"), "{lines}");
    let (code, _, problems) = in_folder(&["check", "losses/loud.rhai"]);
    assert_eq!(code, 0);
    let lines = problems.lines().filter(|line| line.starts_with("loud.rhai:2")).count();
    assert!((1..=20).contains(&lines), "{problems}");
    assert!(!problems.contains('\u{1b}'), "{problems}");
}

#[test]
fn check_reports_the_problems_of_all_scripts_in_a_folder() {
    let here = folder(&[
        ("small.rhai", LESSON),
        ("shared/helpers.rhai", "fn square(x) { x * x }"),
        (
            "losses/squared.rhai",
            "import \"shared/helpers\" as h;\n/// Squares.\nfn loss(output, target) { h::square(output[0] - target[0]) }\n",
        ),
        ("losses/broken.rhai", "fn loss(output, target) {\n    output[0] - tarrget[0]\n}\n"),
    ]);
    let in_folder = |arguments: &[&str]| run(slowgrad().current_dir(here.path()).args(arguments));
    let (code, out, problems) = in_folder(&["check"]);
    assert_eq!(code, 1);
    let names: Vec<&str> = out.lines().filter_map(|line| line.split_once(": ok").map(|(name, _)| name)).collect();
    assert_eq!(names, ["losses/squared.rhai", "shared/helpers.rhai", "small.rhai"], "{out}");
    assert!(out.contains("losses/squared.rhai: ok · gradient agrees at "), "{out}");
    assert!(problems.contains("losses/broken.rhai:2:17"), "{problems}");
    assert_eq!(in_folder(&["check", "losses/squared.rhai"]).0, 0, "imports may be in a parent folder");
    let empty = folder(&[]);
    let (code, _, problems) = run(slowgrad().current_dir(empty.path()).arg("check"));
    assert_eq!(code, 1);
    assert!(problems.contains("no scripts found in"), "{problems}");
}

#[test]
fn every_row_of_the_bench_is_measured() {
    let (code, table, problems) = run(slowgrad().args(["bench", "--quick", "--limits", "seconds=5"]));
    assert_eq!((code, problems.as_str()), (0, ""));
    let names: Vec<&str> = table.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
    for name in
        ["w1", "w1-exp", "w1-value", "w2", "w2-other", "w3", "adam", "event-w3", "seek-xor", "save", "window-1m"]
    {
        assert!(names.contains(&name), "{name} is missing from\n{table}");
    }
    let (code, json, _) = run(slowgrad().args(["bench", "--quick", "--json", "w1", "event", "memory-w1"]));
    assert_eq!(code, 0);
    let report: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(report["is_quick"], true);
    let rows = report["rows"].as_array().expect("rows");
    let of = |name: &str| rows.iter().find(|row| row["name"] == name).expect("a row");
    assert_eq!(rows.len(), 4);
    assert!(of("w1")["value"].as_f64() > Some(0.0) && of("w1")["worst"].is_null());
    assert!(of("event-w3")["worst"].as_f64() >= of("event-w3")["value"].as_f64());
    // Not every system reports memory use.
    assert_eq!(of("memory-w1")["value"].is_null(), report["peak_memory"].is_null());

    let (code, _, problems) = run(slowgrad().args(["bench", "sek-xor"]));
    assert_eq!(code, 2);
    assert!(problems.contains("did you mean «seek-xor»?"), "{problems}");
}
