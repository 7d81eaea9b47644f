//! `slowgrad train`: runs that break, weight files of other programs, and runs that are resumed.

mod common;

use common::{run, slowgrad};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (path, text) in files {
        fs::write(folder.path().join(path), text).expect("write the file");
    }
    folder
}

/// Runs `slowgrad train` in a folder: the exit code, standard output and standard error.
fn train(folder: &Path, arguments: &str) -> (i32, String, String) {
    run(slowgrad().current_dir(folder).arg("train").args(arguments.split(' ')))
}

fn succeeds(folder: &Path, arguments: &str) -> String {
    let (code, _, problems) = train(folder, arguments);
    assert_eq!(code, 0, "{arguments}: {problems}");
    problems
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("metrics");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The weight is multiplied by −5 in each step: its square overflows.
const DIVERGES: &str = "fn lesson() {
    #{ title: \"Too fast\", layers: [1, 1], output: \"identity\", loss: \"mine\", optimizer: \"sgd\", params: #{ lr: 3.0 },
       data: [#{ input: [1.0], target: [0.0] }], weights: [ #{ weight: [[2.0]], bias: [0.0] } ] }
}
fn loss(output, target) {
    let d = output[0] - target[0];
    d * d
}
";

#[test]
fn a_run_that_breaks_stops_and_keeps_the_good_files() {
    let lesson = folder(&[("fast.rhai", DIVERGES)]);
    let at = |name: &str| lesson.path().join(name);
    succeeds(lesson.path(), "fast.rhai --steps 5 --weights-out w.json --state-out s.safetensors");
    let good = ["w.json", "s.safetensors"].map(|name| fs::read(at(name)).expect("a file"));
    let (code, out, problems) =
        train(lesson.path(), "fast.rhai --steps 2000 --weights-out w.json --state-out s.safetensors --metrics m.jsonl");
    assert_eq!((code, out.as_str()), (1, ""), "{problems}");
    assert_eq!(["w.json", "s.safetensors"].map(|name| fs::read(at(name)).expect("a file")), good);
    // The report names the step, the operation, the line and the column.
    let metrics = lines(&at("m.jsonl"));
    let (last, before) = metrics.split_last().expect("metrics");
    assert_eq!(last["loss"], "Infinity");
    assert!(before.iter().all(|line| line["loss"].is_f64()) && before.len() > 100);
    let step = last["step"].as_u64().expect("a step");
    assert!(problems.contains(&format!("training stopped at step {step}: the loss is ∞")), "{problems}");
    assert!(problems.contains("fast.rhai:7:5") && problems.contains("d * d"), "{problems}");
    assert!(problems.contains("The script computes") && problems.contains("= ∞"), "{problems}");
    assert!(problems.contains("--keep-going"), "{problems}");

    // A step less is finite.
    let finite = format!("fast.rhai --steps {} --weights-out w.json", step - 1);
    succeeds(lesson.path(), &finite);
    let (code, out, problems) = train(lesson.path(), "fast.rhai --steps 2000 --keep-going --metrics m.jsonl");
    assert_eq!((code, lines(&at("m.jsonl")).len()), (0, 2000), "{problems}");
    assert!(out.ends_with("→ NaN\n") && problems.contains("a smaller learning rate"), "{out} {problems}");
    // A file that could not be read again is not written.
    let good = fs::read(at("w.json")).expect("a file");
    let (code, _, problems) = train(lesson.path(), "fast.rhai --steps 2000 --keep-going --weights-out w.json");
    assert_eq!(code, 1);
    assert!(problems.contains("w.json was not written: «0.weight» contains a number that is not finite"), "{problems}");
    assert_eq!(fs::read(at("w.json")).expect("a file"), good);
}

#[test]
fn a_parameter_that_breaks_behind_a_finite_loss_is_named() {
    let text = "fn lesson() {
    #{ title: \"Doubles\", layers: [1, 1, 1], activation: \"tanh\", output: \"tanh\", optimizer: \"own\",
       data: [#{ input: [1.0], target: [0.0] }],
       weights: [#{ weight: [[8.0]], bias: [0.0] }, #{ weight: [[1.0]], bias: [0.0] }] }
}
fn update(w, grad, state, ctx) {
    w + w
}
";
    let lesson = folder(&[("doubles.rhai", text)]);
    let (code, _, problems) = train(lesson.path(), "doubles.rhai --steps 5000 --metrics m.jsonl");
    assert_eq!(code, 1);
    let message = "training stopped at step 1021: the weight from input 1 to neuron 1 of layer 1 is ∞";
    assert!(problems.contains(message), "{problems}");
    assert!(
        problems.contains("doubles.rhai:7:5") && problems.contains("update · layer 1 · weight 1 → 1"),
        "{problems}"
    );
    let metrics = lines(&lesson.path().join("m.jsonl"));
    assert!((1021..1021 + 16).contains(&metrics.len()), "{} lines", metrics.len());
    assert!(metrics.iter().all(|line| line["loss"].is_f64()));
}

#[test]
fn an_operation_without_a_script_is_named() {
    let text = DIVERGES.replace("[[2.0]], bias", "[[1e308]], bias").replace("input: [1.0]", "input: [10.0]");
    let lesson = folder(&[("huge.rhai", &text)]);
    let (code, _, problems) = train(lesson.path(), "huge.rhai --steps 3");
    assert_eq!(code, 1);
    assert!(problems.contains("step 1") && problems.contains("forward · layer 1 · neuron 1: Weight"), "{problems}");
}

const NETWORK: &str = "fn lesson() {
    #{ title: \"Loaded\", layers: [2, 3, 1], activation: \"tanh\", data: [#{ input: [1.0, -1.0], target: [0.5] }], seed: 1 }
}
";

/// A tensor of a safetensors file: its name, its shape, and its numbers.
type Tensor<'a> = (&'a str, &'a [usize], &'a [f32]);

/// A safetensors file in float32.
fn safetensors(tensors: &[Tensor<'_>]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, shape, numbers) in tensors {
        let start = data.len();
        data.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        let offsets = [start, data.len()];
        header
            .insert((*name).to_owned(), serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": offsets }));
    }
    let header = serde_json::to_vec(&header).expect("JSON");
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

const W1: [f32; 6] = [0.5, -0.25, 1.5, 2.0, -3.0, 0.125];
const W1_TRANSPOSED: [f32; 6] = [0.5, 1.5, -3.0, -0.25, 2.0, 0.125];
const B1: [f32; 3] = [0.25, 0.5, 0.75];
const W2: [f32; 3] = [1.0, -1.0, 0.5];
const B2: [f32; 1] = [0.75];

#[test]
fn weight_files_of_other_programs_are_read_and_the_mapping_is_told() {
    let lesson = folder(&[("net.rhai", NETWORK)]);
    let at = |name: &str| lesson.path().join(name);
    let write = |file: &str, names: [&str; 4], transposed: bool| {
        let [w1, b1, w2, b2] = names;
        let (dims_1, first): (&[usize], _) = if transposed { (&[2, 3], &W1_TRANSPOSED) } else { (&[3, 2], &W1) };
        let dims_2: &[usize] = if transposed { &[3, 1] } else { &[1, 3] };
        let bytes = safetensors(&[(b2, &[1], &B2), (b1, &[3], &B1), (w2, dims_2, &W2), (w1, dims_1, first)]);
        fs::write(at(file), bytes).expect("write the file");
    };
    let weights = |file: &str| {
        let notes = succeeds(lesson.path(), &format!("net.rhai --steps 0 --weights-in {file} --weights-out out.json"));
        (fs::read_to_string(at("out.json")).expect("weights"), notes)
    };
    write("own.safetensors", ["0.weight", "0.bias", "2.weight", "2.bias"], false);
    let (expected, notes) = weights("own.safetensors");
    assert_eq!(notes, "");
    assert_eq!(serde_json::from_str::<Value>(&expected).expect("JSON")["layers"][0]["weight"][2][1], 0.125);
    for (names, transposed) in [
        (["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"], false),
        (["net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias"], false),
        (["d/kernel", "d/bias", "d_1/kernel", "d_1/bias"], true),
    ] {
        write("theirs.safetensors", names, transposed);
        let (read, notes) = weights("theirs.safetensors");
        assert_eq!(read, expected, "{names:?}");
        assert!(notes.contains(&format!("{} → 0.weight, {} → 0.bias", names[0], names[1])), "{notes}");
        assert_eq!(notes.contains("transposed"), transposed, "{notes}");
        // A lesson that names the file says the same.
        let named = NETWORK.replace("seed: 1", "weights: \"theirs.safetensors\"");
        fs::write(at("named.rhai"), named).expect("write the lesson");
        let notes = succeeds(lesson.path(), "named.rhai --steps 0 --weights-out named.json");
        assert!(notes.contains(&format!("{} → 2.bias", names[3])), "{notes}");
        assert_eq!(fs::read_to_string(at("named.json")).expect("weights"), expected);
    }
    // Upper-case extensions, and a byte order mark before JSON.
    fs::copy(at("own.safetensors"), at("OWN.SAFETENSORS")).expect("copy the file");
    fs::write(at("W.JSON"), format!("\u{feff}{expected}")).expect("write the file");
    for file in ["OWN.SAFETENSORS", "W.JSON"] {
        assert_eq!(weights(file), (expected.clone(), String::new()));
        let named = NETWORK.replace("seed: 1", &format!("weights: \"{file}\""));
        fs::write(at("named.rhai"), named).expect("write the lesson");
        succeeds(lesson.path(), "named.rhai --steps 0 --weights-out NAMED.JSON");
        assert_eq!(fs::read_to_string(at("NAMED.JSON")).expect("weights"), expected);
    }
}

#[test]
fn tensors_that_do_not_fit_are_listed_beside_those_wanted() {
    let lesson =
        folder(&[("net.rhai", NETWORK), ("own.rhai", &NETWORK.replace("seed: 1", "weights: \"w.safetensors\""))]);
    let bytes =
        safetensors(&[("fc1.weight", &[2, 2], &[0.0; 4]), ("fc1.bias", &[2], &[0.0; 2]), ("steps", &[], &[1.0])]);
    fs::write(lesson.path().join("w.safetensors"), bytes).expect("write the file");
    let (code, _, problems) = train(lesson.path(), "net.rhai --steps 1 --weights-in w.safetensors");
    let table = [
        "error: w.safetensors: the tensors do not fit this network",
        "  in the file         wanted",
        "  fc1.bias 2          0.bias 3",
        "  fc1.weight 2 × 2    0.weight 3 × 2",
        "  steps (one number)  2.bias 1",
        "  —                   2.weight 1 × 3",
        "",
    ];
    assert_eq!((code, problems.as_str()), (1, table.join("\n").as_str()));
    let (code, _, problems) = train(lesson.path(), "own.rhai --steps 1");
    assert_eq!(code, 1);
    assert!(problems.contains("there is fc1.bias 2, fc1.weight 2 × 2, steps"), "{problems}");
    assert!(problems.contains("needs 0.bias 3, 0.weight 3 × 2"), "{problems}");
}

/// A network with 4.3 million parameters: 35 MB.
#[test]
fn large_weight_files_that_are_written_can_be_read() {
    const SIZE: usize = 2080;
    let text = format!(
        "fn lesson() {{ #{{ title: \"Large\", layers: [2, {SIZE}, {SIZE}, 1], data: \"xor\", weights: \"big.safetensors\" }} }}"
    );
    let lesson = folder(&[("large.rhai", &text)]);
    let numbers = vec![0.001; SIZE * SIZE];
    let bytes = safetensors(&[
        ("0.weight", &[SIZE, 2], &numbers[..2 * SIZE]),
        ("0.bias", &[SIZE], &numbers[..SIZE]),
        ("2.weight", &[SIZE, SIZE], &numbers),
        ("2.bias", &[SIZE], &numbers[..SIZE]),
        ("4.weight", &[1, SIZE], &numbers[..SIZE]),
        ("4.bias", &[1], &numbers[..1]),
    ]);
    fs::write(lesson.path().join("big.safetensors"), bytes).expect("write the file");
    succeeds(lesson.path(), "large.rhai --steps 0 --weights-out out.safetensors");
    let path = lesson.path().join("out.safetensors");
    assert!(fs::metadata(&path).expect("a file").len() > 33 << 20);
    succeeds(lesson.path(), "large.rhai --steps 0 --weights-in out.safetensors --weights-out again.safetensors");
    assert!(fs::read(&path).expect("a file") == fs::read(lesson.path().join("again.safetensors")).expect("a file"));
    // The lesson reads it as well.
    fs::rename(&path, lesson.path().join("big.safetensors")).expect("rename the file");
    succeeds(lesson.path(), "large.rhai --steps 0");
}

/// Seven samples in batches of three, in another order in each epoch, with a schedule.
fn shuffled(optimizer: &str) -> String {
    let samples: Vec<String> =
        (0..7).map(|i| format!("#{{ input: [{}.0, {}.5], target: [{}.0] }}", i % 3, i % 4, i % 2)).collect();
    format!(
        "fn lesson() {{ #{{ title: \"R\", layers: [2, 3, 1], output: \"sigmoid\", optimizer: \"{optimizer}\", batch: 3,
           shuffle: true, schedule: \"cosine\", data: [{}], seed: 5, params: #{{ lr: 0.01 }} }} }}",
        samples.join(", ")
    )
}

#[test]
fn a_run_that_is_resumed_has_the_bits_of_a_whole_one_with_every_optimizer() {
    let optimizers = fs::read_dir(common::root().join("scripts/optimizers")).expect("the optimizers");
    let mut tried = 0;
    for entry in optimizers {
        let path = entry.expect("an entry").path();
        let optimizer = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        let lesson = folder(&[("r.rhai", &shuffled(optimizer))]);
        let at = |name: &str| lesson.path().join(name);
        let run = |arguments: &str| assert_eq!(succeeds(lesson.path(), arguments), "", "{optimizer}");
        run("r.rhai --steps 200 --state-out whole.safetensors --weights-out whole.json --metrics whole.jsonl");
        run("r.rhai --steps 100 --state-out half.safetensors");
        run("r.rhai --steps 100 --state-in half.safetensors --state-out joined.safetensors --metrics half.jsonl");
        let read = |name: &str| fs::read(at(name)).expect("a file");
        assert!(read("joined.safetensors") == read("whole.safetensors"), "{optimizer}");
        // The metrics continue, and the state file is a weight file too.
        assert_eq!(lines(&at("half.jsonl"))[..], lines(&at("whole.jsonl"))[100..], "{optimizer}");
        run("r.rhai --steps 0 --weights-in joined.safetensors --weights-out joined.json");
        assert!(read("joined.json") == read("whole.json"), "{optimizer}");
        tried += 1;
    }
    assert!(tried >= 15, "{tried}");
}

#[test]
fn a_state_that_does_not_fit_is_refused_with_a_remedy() {
    let lesson = folder(&[
        ("adam.rhai", &shuffled("adam")),
        ("sgd.rhai", &shuffled("sgd")),
        ("seed.rhai", &shuffled("adam").replace("seed: 5", "seed: 6")),
    ]);
    succeeds(lesson.path(), "adam.rhai --steps 3 --state-out adam.safetensors --weights-out w.safetensors");
    let refused = |arguments: &str, code: i32, part: &str| {
        let (found, _, problems) = train(lesson.path(), arguments);
        assert!(found == code && problems.contains(part), "{arguments}: {found} {problems}");
    };
    refused("sgd.rhai --steps 1 --state-in adam.safetensors", 1, "this run uses sgd (no state); --weights-in");
    refused("adam.rhai --steps 1 --state-in w.safetensors", 1, "write one with --state-out");
    refused("adam.rhai --steps 1 --state-out s.json", 2, "the name of a training state must end in .safetensors");
    refused("adam.rhai --steps 1 --state-in adam.safetensors --weights-in w.safetensors", 2, "cannot be used with");
    refused("seed.rhai --steps 1 --state-in adam.safetensors", 0, "warning: adam.safetensors: seed was 5 and is 6");
}
