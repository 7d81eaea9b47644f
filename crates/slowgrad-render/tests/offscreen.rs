//! Pixel tests of hand-made scenes: colours have their meaning and nothing is cut.
//!
//! Without a graphics adapter the tests of pixels are reported as ignored, and fail in continuous integration.

#[path = "../examples/demo/mod.rs"]
mod demo;
#[path = "../../../tests/common/harness.rs"]
mod harness;

use egui::Ui;
use harness::{Group, group};
use slowgrad_render::ScreenView;
use slowgrad_render::{Offscreen, RenderError, RgbaImage, StillContent, Theme, network_ui, still_ui};
use slowgrad_timeline::scene::{
    Bounds, Disc, Edge, Form, Formula, Heatmap, Ink, Levels, Math, Patch, Pulse, Scene, Target, View,
};
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

const TESTS: &[Group] = &[
    group!(
        adapter,
        [
            pixels_have_the_colours_of_their_ink,
            edges_are_smooth_at_every_scale,
            equal_input_gives_equal_pixels,
            stills_of_every_size_have_an_empty_border_and_visible_contents,
            images_are_written_as_png,
            large_matrices_are_drawn_with_small_textures,
            a_lost_device_is_an_error,
        ]
    ),
    group!(harness::nothing, [invalid_sizes_are_errors]),
];

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

/// Why no image can be rendered.
fn adapter() -> Result<(), String> {
    static FOUND: LazyLock<Result<(), String>> =
        LazyLock::new(|| match pollster::block_on(Offscreen::new(8, 8, 1.0)) {
            Err(error @ RenderError::NoAdapter(_)) => Err(error.to_string()),
            _ => Ok(()),
        });
    FOUND.clone()
}

/// A renderer of images.
fn offscreen(width: u32, height: u32, pixels_per_point: f32) -> Offscreen {
    pollster::block_on(Offscreen::new(width, height, pixels_per_point)).unwrap_or_else(|error| panic!("{error}"))
}

fn render(offscreen: &mut Offscreen, draw: impl FnMut(&mut Ui)) -> RgbaImage {
    pollster::block_on(offscreen.render(draw)).unwrap_or_else(|error| panic!("{error}"))
}

fn edge(y: f32, ink: Ink) -> Edge {
    Edge {
        from: [-80.0, y],
        to: [80.0, y],
        width: 10.0,
        ink,
        alpha: 1.0,
        ghost_width: None,
        glow: 0.0,
        frozen: false,
        target: Target::Weight { layer: 0, neuron: y as usize, input: 0 },
    }
}

fn scene() -> Scene {
    let empty = || Math::text("");
    Scene {
        bounds: Bounds { min: [-100.0, -100.0], max: [100.0, 100.0] },
        edges: vec![
            edge(-60.0, Ink::Weight(1.0)),
            edge(-20.0, Ink::Weight(-1.0)),
            edge(20.0, Ink::Gradient(1.0)),
            Edge { width: 2.0, ghost_width: Some(20.0), ..edge(60.0, Ink::Update(1.0)) },
        ],
        matrices: Vec::new(),
        maps: None,
        discs: vec![Disc {
            center: [-80.0, 0.0],
            radius: 15.0,
            fill: Ink::Value(1.0),
            ring: Ink::Gradient(-1.0),
            ring_width: 5.0,
            glow: 0.0,
            alpha: 1.0,
            target: Target::Input(0),
        }],
        pulses: vec![Pulse { center: [60.0, -85.0], radius: 6.0, ink: Ink::Loss }],
        labels: Vec::new(),
        formula: Formula {
            title: String::new(),
            question: String::new(),
            symbols: empty(),
            numbers: empty(),
            result: empty(),
            sentence: String::new(),
            notes: Vec::new(),
            why: Vec::new(),
        },
        script: None,
        comparisons: Vec::new(),
        status: "test".to_owned(),
        caption: String::new(),
    }
}

/// An image of the network alone, and a function from world positions to pixels.
fn network(pixels_per_point: f32, theme: &Theme) -> (RgbaImage, impl Fn([f32; 2]) -> [u8; 3]) {
    let side = (400.0 * pixels_per_point) as u32;
    let mut offscreen = offscreen(side, side, pixels_per_point);
    theme.apply(offscreen.context());
    let scene = scene();
    let mut view = View::default();
    let mut area = None;
    let image = render(&mut offscreen, |ui| area = network_ui(ui, &scene, &mut view, theme).rect);
    let area = area.expect("the network was drawn");
    let pixels = image.clone();
    let at = move |point: [f32; 2]| {
        let pos = view.to_screen(area, point) * pixels_per_point;
        pixels.pixel(pos.x as u32, pos.y as u32)
    };
    (image, at)
}

fn difference(a: [u8; 3], b: [u8; 3]) -> i32 {
    a.into_iter().zip(b).map(|(a, b)| (i32::from(a) - i32::from(b)).abs()).sum()
}

fn pixels_have_the_colours_of_their_ink() {
    for theme in [Theme::dark(), Theme::light()] {
        for scale in [1.0, 2.0] {
            let (_, at) = network(scale, &theme);
            let [r, _, b] = at([0.0, -60.0]);
            assert!(b > r + 60, "a positive weight is blue");
            // Dashes: some pixels are fully orange, some are in a gap.
            let along: Vec<_> = (0..30).map(|x| at([x as f32, -20.0])).collect();
            assert!(along.iter().any(|[r, _, b]| *r > b.saturating_add(120)), "a negative weight is orange: {along:?}");
            let background = at([0.0, 0.0]);
            assert!(along.iter().any(|pixel| difference(*pixel, background) < 30), "and dashed: {along:?}");
            let [r, g, b] = at([0.0, 20.0]);
            assert!(r > g && b > g, "a gradient is violet");
            let [r, g, b] = at([0.0, 60.0]);
            assert!(g > r && g >= b, "an update is green");
            assert!(difference(at([0.0, 50.0]), background) > 60, "the previous width is an outline");
            assert!(difference(at([0.0, 55.0]), background) < 20, "and the gap to the edge is empty");
            let [r, _, b] = at([-80.0, 0.0]);
            assert!(b > r + 60, "the disc has the colour of its value");
            let [r, g, b] = at([-80.0, 12.5]);
            assert!(r > g && b > g, "its ring has the colour of its gradient");
            assert!(difference(at([60.0, -85.0]), background) > 100, "a pulse is drawn");
        }
    }
}

fn edges_are_smooth_at_every_scale() {
    for scale in [1.0, 2.0] {
        let theme = Theme::dark();
        let (image, _) = network(scale, &theme);
        // The middle column must contain colours between background and edge.
        let column: Vec<_> = (0..image.height).map(|y| image.pixel(image.width / 2, y)).collect();
        let steps = column.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(steps > 10, "{steps}");
    }
}

fn equal_input_gives_equal_pixels() {
    let mut offscreen = offscreen(640, 400, 1.0);
    let (scene, phases) = (demo::scene(), demo::phases());
    let content =
        StillContent { scene: &scene, inspector: None, selected: None, title: "t", phases: &phases, progress: 0.3 };
    let theme = Theme::dark();
    let mut draw = || render(&mut offscreen, |ui| still_ui(ui, &content, &theme));
    let first = draw();
    assert!(first == draw());
}

fn stills_of_every_size_have_an_empty_border_and_visible_contents() {
    let (mut scene, inspector, phases) = (demo::scene(), demo::inspector(), demo::phases());
    "The gradient flows back. ".repeat(12).clone_into(&mut scene.caption);
    let theme = Theme::dark();
    for (width, height, scale) in
        [(640, 400, 1.0), (1280, 720, 1.0), (1920, 1080, 1.0), (2560, 1440, 2.0), (500, 900, 1.0)]
    {
        let content = StillContent {
            scene: &scene,
            inspector: Some(&inspector),
            selected: Some(demo::SELECTED),
            title: "A title that is much too long for the line it has to share with the status on the right",
            phases: &phases,
            progress: 0.6,
        };
        let mut offscreen = offscreen(width, height, scale);
        let image = render(&mut offscreen, |ui| still_ui(ui, &content, &theme));
        let background = image.pixel(0, 0);
        for x in 0..width {
            assert_eq!(image.pixel(x, 1), background, "top of {width}x{height} at {x}");
            assert_eq!(image.pixel(x, height - 2), background, "bottom of {width}x{height} at {x}");
        }
        for y in 0..height {
            assert_eq!(image.pixel(1, y), background, "left of {width}x{height} at {y}");
            assert_eq!(image.pixel(width - 2, y), background, "right of {width}x{height} at {y}");
        }
        let inked = image.rgba.chunks_exact(4).filter(|pixel| pixel[..3] != background).count();
        assert!(inked > image.rgba.len() / 4 / 5);
    }
}

fn images_are_written_as_png() {
    let (image, _) = network(1.0, &Theme::dark());
    let mut bytes = Vec::new();
    image.write_png(&mut bytes).unwrap_or_else(|error| panic!("{error}"));
    assert!(bytes.starts_with(b"\x89PNG"));
}

fn invalid_sizes_are_errors() {
    for (width, height) in [(0, 10), (10, 1_000_000)] {
        match pollster::block_on(Offscreen::new(width, height, 1.0)) {
            Err(RenderError::Size { .. } | RenderError::NoAdapter(_)) => {}
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("{width}x{height} was accepted"),
        }
    }
}

/// A matrix that is larger than the textures of an adapter is drawn in parts, and looks the same.
fn large_matrices_are_drawn_with_small_textures() {
    let (columns, rows) = (100, 60);
    let levels = (0..columns * rows).map(|cell| ((cell * 37) % 255) as i16 - 127).map(|level| level as i8).collect();
    let whole = Patch {
        place: Bounds { min: [-100.0, -60.0], max: [100.0, 60.0] },
        region: [0, 0, columns, rows],
        form: Form::Cells,
        alpha: 0.5,
        probe: None,
    };
    let row = Patch {
        place: Bounds { min: [-100.0, -8.0], max: [100.0, 8.0] },
        region: [0, 31, columns, 2],
        alpha: 1.0,
        ..whole
    };
    let mut scene = scene();
    scene.matrices = vec![Heatmap {
        levels: Arc::new(Levels { width: columns, height: rows, levels }),
        ink: Ink::Weight(0.0),
        layer: Some(0),
        patches: vec![whole, row],
    }];
    let theme = Theme::dark();
    let draw = |limit: Option<u32>| {
        let mut offscreen = offscreen(800, 600, 1.0);
        theme.apply(offscreen.context());
        if let Some(limit) = limit {
            offscreen.limit_textures(limit);
        }
        let mut view = View::default();
        render(&mut offscreen, |ui| drop(network_ui(ui, &scene, &mut view, &theme)))
    };
    let expected = draw(None);
    let empty = expected.pixel(2, 2);
    assert!((0..800).any(|x| expected.pixel(x, 300) != empty), "the matrix is drawn");
    for limit in [64, 33] {
        let found = draw(Some(limit));
        let pixels = (0..600).flat_map(|y| (0..800).map(move |x| (x, y)));
        let different = pixels.filter(|(x, y)| difference(expected.pixel(*x, *y), found.pixel(*x, *y)) > 24).count();
        // Only the pixels on the seams may be rounded to the other side.
        let seams = |cells: usize| (cells - 1) / limit as usize;
        let on_seams = seams(columns) * 600 + seams(rows) * 800;
        assert!(different <= on_seams, "limit {limit}: {different} pixels differ, {on_seams} are on seams");
    }
}

fn a_lost_device_is_an_error() {
    let mut offscreen = offscreen(64, 64, 1.0);
    render(&mut offscreen, |_| {});
    offscreen.lose_device();
    let error = pollster::block_on(offscreen.render(|_| {})).expect_err("the device is lost");
    assert!(matches!(&error, RenderError::DeviceFailed(cause) if !cause.is_empty()), "{error}");
}
