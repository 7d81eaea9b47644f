//! A bounded run of the fuzz targets in `tests/fuzz` on the stable toolchain. Inputs are random mutations of shipped
//! files and of earlier failures. No input may cause a panic, a hang or a memory leak.
//!
//! `SLOWGRAD_FUZZ_SECONDS=600` extends the run, `SLOWGRAD_FUZZ_SEED=7` changes the seed.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test")]

mod common;
#[path = "../../../tests/fuzz/src/lib.rs"]
mod targets;

use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_script::CountingAllocator;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The longest time for one input, on any machine.
const HANG: Duration = Duration::from_mins(1);
/// Longer inputs are truncated.
const LONGEST: usize = 8_000;

/// Fragments that are likely to change how an input is parsed.
const WORDS: &[&str] = &[
    "fn activation(z) { ",
    "fn loss(output, target) { ",
    "fn update(w, grad, state, ctx) { ",
    "fn state() { ",
    "fn params() { ",
    "fn init(ctx) { ",
    "fn dataset(ctx) { ",
    "fn lesson() { ",
    "fn perform(stage) { ",
    "fn derivative(z, a) { ",
    "#{",
    "}",
    "{",
    "(",
    ")",
    "[",
    "]",
    "|x| ",
    "||",
    "&&",
    "if ",
    "else ",
    "while ",
    "loop {",
    "for i in 0..9 {",
    "switch z {",
    "=> ",
    "let ",
    "const ",
    "import \"shared/helper\" as h; ",
    "h::helper(z)",
    "return ",
    "break ",
    "throw ",
    "`${",
    "`",
    "\"",
    "'",
    "//",
    "/*",
    "*/",
    "///",
    "//!",
    "**",
    "..",
    "..=",
    "?.",
    "?[",
    "??",
    "+=",
    "-",
    "!",
    "::",
    ";",
    ",",
    ".map(",
    ".call(",
    "Fn(\"activation\")",
    ".sum()",
    ".softmax()",
    ".sort()",
    ".value()",
    "print(",
    "stop_gradient(",
    "slider(1.0, 0.0, 2.0)",
    "toggle(true)",
    "choice(\"a\", [\"a\"])",
    "0",
    "1",
    "-1",
    "0.5",
    "1e400",
    "9223372036854775808",
    "0x",
    "\\u{",
    "é",
    "\u{2028}",
    "\u{feff}",
    "\0",
    "this",
    "export ",
    "private ",
    "global::",
    "is_def_fn(\"x\", 1)",
    "PI",
    "__emit(z)",
    "__switch(z)",
    "__closure(z)",
    "curry(f, z)",
    "__many(z)",
    ".pad(100, z)",
    ".push(z)",
    "state.v",
    "ctx.lr",
    "ctx.rng.normal(0.0, 1.0)",
    "stage.say(\"{loss}\")",
    "\n",
    "\r\n",
    "\t",
];

fn changed(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let pick = |rng: &mut Rng, n: usize| rng.below(n as u64) as usize;
    let mut bytes = corpus[pick(rng, corpus.len())].clone();
    for _ in 0..=pick(rng, 6) {
        let (at, length) = (pick(rng, bytes.len() + 1), pick(rng, 40));
        let end = (at + length).min(bytes.len());
        match pick(rng, 9) {
            0 if at < bytes.len() => bytes[at] = pick(rng, 256) as u8,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                let to = pick(rng, bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            3 => {
                let other = &corpus[pick(rng, corpus.len())];
                let from = pick(rng, other.len() + 1);
                let piece = other[from..(from + pick(rng, 200)).min(other.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => bytes.truncate(at),
            5 => {
                let word = WORDS[pick(rng, WORDS.len())].as_bytes();
                let times = if pick(rng, 20) == 0 { pick(rng, 300) } else { 1 };
                bytes.splice(at..at, word.repeat(times));
            }
            6 => drop(bytes.splice(at..end, WORDS[pick(rng, WORDS.len())].bytes())),
            // Swap two adjacent bytes.
            7 if at + 1 < bytes.len() => bytes.swap(at, at + 1),
            _ => bytes.splice(at..at, WORDS[pick(rng, WORDS.len())].bytes()).for_each(drop),
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// Runs a target on a number of inputs, or for the time that the environment sets.
fn fuzz(name: &'static str, target: fn(&[u8]), corpus: Vec<Vec<u8>>, inputs: usize) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seconds, seed) = (number("SLOWGRAD_FUZZ_SECONDS"), number("SLOWGRAD_FUZZ_SEED").unwrap_or(1));
    let now: Arc<Mutex<(u64, Vec<u8>)>> = Arc::default();
    let shared = Arc::clone(&now);
    let run = move || {
        let mut rng = Rng::new(seed, Purpose::Data);
        let began = Instant::now();
        let mut held = None;
        let mut input = 0;
        while seconds.map_or(input < inputs, |seconds| began.elapsed().as_secs() < seconds) {
            // Start with the unchanged corpus.
            let bytes = corpus.get(input).cloned().unwrap_or_else(|| changed(&mut rng, &corpus));
            {
                let mut shared = shared.lock().unwrap();
                shared.0 += 1;
                shared.1.clone_from(&bytes);
            }
            target(&bytes);
            drop(bytes);
            input += 1;
            // All lazily created values exist by now.
            if input == inputs / 4 {
                held = Some(CountingAllocator::held());
            }
        }
        (input, CountingAllocator::held() - held.unwrap_or_else(CountingAllocator::held))
    };
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(run).unwrap();
    let (mut seen, mut since) = (0, Instant::now());
    while !thread.is_finished() {
        std::thread::sleep(Duration::from_millis(20));
        let (input, bytes) = now.lock().unwrap().clone();
        if input != seen {
            (seen, since) = (input, Instant::now());
        }
        assert!(since.elapsed() < HANG, "{name} hangs:\n{}", String::from_utf8_lossy(&bytes));
    }
    let Ok((inputs, grown)) = thread.join() else {
        let (_, bytes) = now.lock().unwrap().clone();
        panic!("{name} panics:\n{}\n{bytes:?}", String::from_utf8_lossy(&bytes));
    };
    assert!(grown < 1 << 20, "{name} keeps {grown} bytes after {inputs} inputs");
}

/// Texts that were once parsed incorrectly.
const FAULTY: &[&str] = &[
    "fn activation(z) {",
    "/* abc",
    "\"é",
    "fn activation(z) { \u{2028} z }",
    "fn lesson() { oops }",
    "fn f(k) { switch k + é { 1 => 2 } }",
    "fn activation(z) { let f = |g| g.call(g); f.call(f) }",
    "fn activation(z) { let a = [0]; let f = || a; a[0] = f; z }",
];

fn shipped(ending: &str) -> Vec<Vec<u8>> {
    let root = common::shipped();
    let files = root.files.paths().filter(|path| path.ends_with(ending));
    files.map(|path| root.files.get(path).unwrap().to_vec()).filter(|bytes| bytes.len() <= LONGEST).collect()
}

#[test]
fn texts_of_scripts() {
    let corpus = shipped(".rhai").into_iter().chain(FAULTY.iter().map(|text| text.as_bytes().to_vec()));
    fuzz("script", targets::script, corpus.collect(), 500);
}

#[test]
fn maps_of_lessons() {
    let corpus =
        (0..64_u8).map(|i| (0..40_u8).map(|k| i.wrapping_mul(37).wrapping_add(k.wrapping_mul(11))).collect()).collect();
    fuzz("lesson", targets::lesson, corpus, 400);
}

#[test]
fn weight_files() {
    use slowgrad_engine::{shape::Shape, weights};
    let shape = Shape::new(2, &[3, 1]);
    let values: Vec<f64> = (0..shape.parameters()).map(|i| i as f64 / 8.0 - 0.5).collect();
    let json = weights::to_json(&shape, &values).expect("finite numbers").into_bytes();
    let corpus = vec![weights::to_safetensors(&shape, &values).unwrap(), json, b"{}".to_vec()];
    fuzz("weights", targets::weights, corpus, 20_000);
}

#[test]
fn tables() {
    let mut corpus = shipped(".csv");
    corpus.push(b"a,b,c\n1,2,x\n3,4,y\n".to_vec());
    corpus.push(b"# note\na,\"b\",c\n1,2,3\n\n\"4\",5,\"6\"\n".to_vec());
    fuzz("csv", targets::csv, corpus, 20_000);
}
