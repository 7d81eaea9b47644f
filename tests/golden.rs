//! Six pictures against the committed ones: forward, loss, backward, update, the inspector, a large network.
//!
//! Pictures are drawn by the program on Mesa's software Vulkan driver (lavapipe). Other drivers round
//! differently, so the driver is pinned. `UPDATE_GOLDENS=1` writes the pictures anew; look at them before
//! committing them.

#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

mod common;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const LAVAPIPE: &str = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

/// A channel may differ by so much before its pixel counts as different.
const CHANNEL: u8 = 32;
/// So many pixels in a thousand may be different.
const PIXELS_PER_THOUSAND: usize = 4;

struct Image {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

fn read(path: &Path) -> Image {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a PNG file");
    let mut rgb = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut rgb).expect("a picture");
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
    Image { width: info.width, height: info.height, rgb }
}

fn write(path: &Path, image: &Image) {
    let file = fs::File::create(path).expect("the file is made");
    let mut encoder = png::Encoder::new(file, image.width, image.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().expect("a header").write_image_data(&image.rgb).expect("a picture");
}

/// The index of the first event of a step that fits.
fn event(lesson: &str, fits: impl Fn(&Value) -> bool) -> String {
    let (code, lines, problems) = common::run(common::slowgrad().args(["trace", lesson, "--format", "jsonl"]));
    assert_eq!(code, 0, "{problems}");
    let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let found = events.into_iter().find(fits).expect("the step has such an event");
    found["event"].to_string()
}

fn compare(name: &str, arguments: &[&str]) {
    if !Path::new(LAVAPIPE).exists() {
        let message = format!("{LAVAPIPE} is missing; install mesa-vulkan-drivers");
        assert!(std::env::var_os("CI").is_none(), "{message}");
        eprintln!("NOT TESTED: {message}");
        return;
    }
    let folder = common::root().join("tests/golden");
    let actual = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.actual.png"));
    let (code, _, problems) = common::run(
        common::slowgrad()
            .env("VK_DRIVER_FILES", LAVAPIPE)
            .env("WGPU_BACKEND", "vulkan")
            .arg("render")
            .args(arguments)
            .args(["--size", "900x560", "-o"])
            .arg(&actual),
    );
    assert_eq!(code, 0, "{problems}");
    let golden = folder.join(format!("{name}.png"));
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::create_dir_all(&folder).expect("the folder is made");
        fs::copy(&actual, &golden).expect("the picture is written");
        return;
    }
    let (found, expected) = (read(&actual), read(&golden));
    assert_eq!((found.width, found.height), (expected.width, expected.height), "{name}: size");
    let mut difference = Image { rgb: vec![0; found.rgb.len()], width: found.width, height: found.height };
    let mut different = 0;
    for (at, (a, b)) in found.rgb.chunks_exact(3).zip(expected.rgb.chunks_exact(3)).enumerate() {
        let differs = a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > CHANNEL);
        different += usize::from(differs);
        let pixel = if differs { [255, 0, 80] } else { [a[0] / 4, a[1] / 4, a[2] / 4] };
        difference.rgb[at * 3..at * 3 + 3].copy_from_slice(&pixel);
    }
    let pixels = found.rgb.len() / 3;
    if different * 1000 > pixels * PIXELS_PER_THOUSAND {
        let path = actual.with_extension("").with_extension("diff.png");
        write(&path, &difference);
        panic!("{name}: {different} of {pixels} pixels differ; see {} and {}", actual.display(), path.display());
    }
    assert!(found.rgb.chunks_exact(3).any(|pixel| pixel != &found.rgb[..3]), "{name}: the picture is empty");
}

const LESSON: &str = "which-weights-change";

#[test]
fn forward() {
    let at = event(LESSON, |event| {
        event["kind"] == "product" && event["layer"] == 0 && event["neuron"] == 1 && event["input"] == 1
    });
    compare("forward", &[LESSON, "--at", &at, "--progress", "0.55"]);
}

#[test]
fn loss() {
    let at = event(LESSON, |event| event["phase"] == "loss" && event["op"] == "mul");
    compare("loss", &[LESSON, "--at", &at, "--progress", "0.7"]);
}

#[test]
fn backward() {
    let at = event(LESSON, |event| event["kind"] == "backprop");
    compare("backward", &[LESSON, "--at", &at, "--progress", "0.55"]);
}

#[test]
fn update() {
    let at = event(LESSON, |event| event["kind"] == "updated" && event["layer"] == 1);
    compare("update", &[LESSON, "--at", &at, "--progress", "0.6"]);
}

#[test]
fn inspector() {
    let at = event(LESSON, |event| event["kind"] == "updated" && event["layer"] == 1);
    compare("inspector", &[LESSON, "--at", &at, "--select", "weight(1,0,2)", "--theme", "light"]);
}

#[test]
fn large_network() {
    let at = 784 * 2 * 40 + 784;
    compare("large", &["large", "--at", &at.to_string(), "--by", "layer", "--progress", "0.5"]);
}
