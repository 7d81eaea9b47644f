//! Compares pictures with the committed ones: forward, loss, backward, update, the inspector, a large network, a lesson in
//! six scripts.
//!
//! The program draws them with Mesa's software Vulkan driver (lavapipe). Other drivers round differently, so the driver
//! is pinned. `UPDATE_GOLDENS=1` rewrites the pictures; look at them before you commit them.

mod common;
#[path = "common/harness.rs"]
mod harness;

use harness::{Group, group};
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TESTS: &[Group] = &[group!(
    lavapipe,
    [
        forward,
        loss,
        backward,
        update,
        inspector,
        large_network,
        letters,
        missing_letters,
        screenshot_after_camera_cue,
        pictures_are_written_to_any_output,
    ]
)];

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

/// Where Vulkan drivers are registered.
const DRIVER_FOLDER: &str = "/usr/share/vulkan/icd.d";

/// The largest difference of a colour channel between equal pixels.
const MAX_CHANNEL_DIFFERENCE: u8 = 32;
/// The largest number of different pixels in a thousand.
const MAX_DIFFERENT_PER_THOUSAND: usize = 4;

fn lavapipe() -> Result<(), String> {
    let found = registrations().map(drop);
    found.ok_or_else(|| format!("no lavapipe in {DRIVER_FOLDER}; `cargo xtask test` installs mesa-vulkan-drivers"))
}

/// The registrations of lavapipe, separated as in `PATH`. There may be one for each kind of processor; Vulkan takes the
/// one that can be loaded.
fn registrations() -> Option<OsString> {
    let paths = fs::read_dir(DRIVER_FOLDER).ok()?.flatten().map(|entry| entry.path());
    let is_lavapipe =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("lvp_icd"));
    let found: Vec<PathBuf> = paths.filter(is_lavapipe).collect();
    if found.is_empty() { None } else { std::env::join_paths(found).ok() }
}

struct Image {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

fn read(path: &Path) -> Image {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a PNG file");
    let mut rgb = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut rgb).expect("read the picture");
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
    Image { width: info.width, height: info.height, rgb }
}

fn write(path: &Path, image: &Image) {
    let file = fs::File::create(path).expect("create the file");
    let mut encoder = png::Encoder::new(file, image.width, image.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().expect("write the header").write_image_data(&image.rgb).expect("write the pixels");
}

/// The index of the first event of the first step that satisfies `matches`.
fn event(lesson: &str, matches: impl Fn(&Value) -> bool) -> String {
    let (code, lines, problems) = common::run(common::slowgrad().args(["trace", lesson, "--format", "jsonl"]));
    assert_eq!(code, 0, "{problems}");
    let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let found = events.into_iter().find(matches).expect("a matching event");
    found["event"].to_string()
}

/// The program with the pinned driver.
fn slowgrad() -> Command {
    let mut command = common::slowgrad();
    command.env("VK_DRIVER_FILES", registrations().expect("lavapipe")).env("WGPU_BACKEND", "vulkan");
    command
}

/// Renders a still of 900 × 560 pixels and compares it.
fn compare(name: &str, arguments: &[&str]) {
    compare_output(name, slowgrad().arg("render").args(arguments).args(["--size", "900x560", "-o"]));
}

/// Compares the picture that a command writes to the path given as its last argument.
fn compare_output(name: &str, command: &mut Command) {
    let folder = common::root().join("tests/golden");
    let actual = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.actual.png"));
    let (code, _, problems) = common::run(command.arg(&actual));
    assert_eq!((code, problems.as_str()), (0, ""));
    let golden = folder.join(format!("{name}.png"));
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::create_dir_all(&folder).expect("create the folder");
        fs::copy(&actual, &golden).expect("copy the picture");
        return;
    }
    let (found, expected) = (read(&actual), read(&golden));
    assert_eq!((found.width, found.height), (expected.width, expected.height), "{name}: size");
    let mut difference = Image { rgb: vec![0; found.rgb.len()], width: found.width, height: found.height };
    let mut different = 0;
    for (at, (a, b)) in found.rgb.chunks_exact(3).zip(expected.rgb.chunks_exact(3)).enumerate() {
        let differs = a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > MAX_CHANNEL_DIFFERENCE);
        different += usize::from(differs);
        let pixel = if differs { [255, 0, 80] } else { [a[0] / 4, a[1] / 4, a[2] / 4] };
        difference.rgb[at * 3..at * 3 + 3].copy_from_slice(&pixel);
    }
    let pixels = found.rgb.len() / 3;
    if different * 1000 > pixels * MAX_DIFFERENT_PER_THOUSAND {
        let path = actual.with_extension("").with_extension("diff.png");
        write(&path, &difference);
        panic!("{name}: {different} of {pixels} pixels differ; see {} and {}", actual.display(), path.display());
    }
    assert!(found.rgb.chunks_exact(3).any(|pixel| pixel != &found.rgb[..3]), "{name}: the picture is empty");
}

const LESSON: &str = "which-weights-change";

fn forward() {
    let at = event(LESSON, |event| {
        event["kind"] == "product" && event["layer"] == 0 && event["neuron"] == 1 && event["input"] == 1
    });
    compare("forward", &[LESSON, "--at", &at, "--progress", "0.55"]);
}

fn loss() {
    let at = event(LESSON, |event| event["phase"] == "loss" && event["op"] == "mul");
    compare("loss", &[LESSON, "--at", &at, "--progress", "0.7"]);
}

fn backward() {
    let at = event(LESSON, |event| event["kind"] == "backprop");
    compare("backward", &[LESSON, "--at", &at, "--progress", "0.55"]);
}

fn update() {
    let at = event(LESSON, |event| event["kind"] == "updated" && event["layer"] == 1);
    compare("update", &[LESSON, "--at", &at, "--progress", "0.6"]);
}

fn inspector() {
    let at = event(LESSON, |event| event["kind"] == "updated" && event["layer"] == 1);
    compare("inspector", &[LESSON, "--at", &at, "--select", "weight(1,0,2)", "--theme", "light"]);
}

fn large_network() {
    let at = 784 * 2 * 40 + 784;
    compare("large", &["large", "--at", &at.to_string(), "--by", "layer", "--progress", "0.5"]);
}

/// A lesson in six scripts with the fonts of the tests. They have all of its letters, so the picture does not depend on
/// the fonts of the machine.
fn letters() {
    let root = common::root();
    let lesson = root.join("tests/golden/letters.rhai");
    let mut command = slowgrad();
    command.env("SLOWGRAD_FONTS", root.join("tests/fonts")).arg(lesson);
    compare_output("letters", command.args(["--size", "1100x640", "--after", "1", "--screenshot"]));
}

/// Without a font for its title, a lesson is drawn with boxes, and one line says what helps.
fn missing_letters() {
    let folder = tempfile::tempdir().expect("a folder");
    let lesson = common::root().join("tests/golden/letters.rhai");
    let mut command = slowgrad();
    command.env("SLOWGRAD_FONTS", folder.path()).arg("render").arg(lesson);
    let (code, output, told) = common::run(command.arg("-o").arg(folder.path().join("boxes.png")));
    assert_eq!((code, output.as_str()), (0, ""));
    assert!(told.starts_with("note: no font has ") && told.ends_with('\n') && told.lines().count() == 1, "{told}");
    for helps in ["Chinese, Japanese or Korean", "Arabic", "fonts-noto-cjk", "fonts-noto-core"] {
        assert!(told.contains(helps), "{told}");
    }
}

/// A screenshot shows the camera where the lesson sent it, however long ago that was.
fn screenshot_after_camera_cue() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let screenshot = |lesson: &Path, after: &str| {
        let picture = lesson.with_extension(format!("{after}.png"));
        let mut command = slowgrad();
        let arguments = ["--size", "900x560", "--after", after, "--screenshot"];
        let (code, _, problems) = common::run(command.arg(lesson).args(arguments).arg(&picture));
        assert_eq!(code, 0, "{problems}");
        read(&picture).rgb
    };
    let lesson = |name: &str, camera: &str| {
        let path = folder.join(name);
        let description = r#"#{ title: "T", layers: [2, 3, 1], data: "xor", seed: 3 }"#;
        let cues = format!(r#"stage.camera({camera}); stage.say("Here."); stage.wait();"#);
        fs::write(&path, format!("fn lesson() {{ {description} }}\nfn perform(stage) {{ {cues} }}\n")).expect("a file");
        path
    };
    let near = lesson("camera-near.rhai", "neuron(1, 0)");
    let soon = screenshot(&near, "1.5");
    assert!(soon == screenshot(&near, "4"), "the camera has not arrived");
    assert!(soon != screenshot(&lesson("camera-fit.rhai", r#""fit""#), "1.5"), "the camera has not moved");
}

fn pictures_are_written_to_any_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let draw = |arguments: &[&str]| {
        let mut command = slowgrad();
        let output = command.current_dir(folder.path()).args(arguments).output().expect("start the program");
        (output.status.code(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for picture in [&["render", LESSON, "--size", "400x300", "-o"][..], &[LESSON, "--size", "800x500", "--screenshot"]]
    {
        assert_eq!(draw(&[picture, &["x.png"]].concat()).0, Some(0));
        let file = fs::read(folder.path().join("x.png")).expect("the picture");
        assert!(file.starts_with(b"\x89PNG"));
        for name in ["-", "/dev/stdout"] {
            let (code, out, problems) = draw(&[picture, &[name]].concat());
            assert_eq!((code, problems.as_str()), (Some(0), ""), "{name}");
            assert!(out == file, "{name}: {} and {} bytes", out.len(), file.len());
        }
        let (code, _, problems) = draw(&[picture, &["/dev/full"]].concat());
        assert_eq!(code, Some(1));
        assert!(problems.contains("cannot write /dev/full"), "{problems}");
    }
    let names: Vec<_> =
        fs::read_dir(folder.path()).expect("the folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["x.png"]);
}
