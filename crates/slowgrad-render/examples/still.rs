//! Renders a hand-made still for inspection:
//! `cargo run -p slowgrad-render --example still -- out.png [width] [height] [pixels per point] [light] [caption] [compare]`

mod demo;

use std::fs::File;
use std::io::BufWriter;

use slowgrad_render::{Offscreen, StillContent, Theme, still_ui};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let number =
        |index: usize, default: f32| arguments.get(index).and_then(|text| text.parse::<f32>().ok()).unwrap_or(default);
    let path = arguments.first().map_or("still.png", String::as_str);
    let theme = if has("light") { Theme::light() } else { Theme::dark() };
    let mut scene = demo::scene();
    if has("caption") {
        "The gradient flows back through every connection: which weights should change, and by how much?"
            .clone_into(&mut scene.caption);
    }
    let inspector = demo::inspector();
    let phases = demo::phases();
    let content = StillContent {
        scene: &scene,
        inspector: (!has("compare")).then_some(&inspector),
        selected: Some(demo::SELECTED),
        title: "Which weights change?",
        phases: &phases,
        progress: 0.61,
    };
    let (width, height) = (number(1, 1280.0) as u32, number(2, 720.0) as u32);
    let mut offscreen = pollster::block_on(Offscreen::new(width, height, number(3, 1.0)))?;
    theme.apply(offscreen.context());
    let image = pollster::block_on(offscreen.render(|ui| still_ui(ui, &content, &theme)))?;
    image.write_png(BufWriter::new(File::create(path)?))?;
    Ok(())
}
