//! Looks at the pixels of hand-made scenes: colours have their meaning, and nothing is cut off.
//!
//! Without a graphics adapter the tests of pixels are reported as ignored, and fail in continuous integration.

#[path = "../examples/demo/mod.rs"]
mod demo;
#[path = "../../../tests/common/harness.rs"]
mod harness;

use harness::{Group, group};
use slowgrad_render::{Offscreen, Picture, RenderError, Stage, Theme, View, network_ui, stage_ui};
use slowgrad_timeline::scene::{Bounds, Disc, Edge, Formula, Ink, Math, Pulse, Scene, Target};
use std::process::ExitCode;
use std::sync::LazyLock;

const TESTS: &[Group] = &[
    group!(
        adapter,
        [
            colours_on_screen_mean_what_the_ink_says,
            edges_are_smooth_at_every_scale,
            equal_input_gives_equal_pixels,
            stills_of_every_size_keep_their_border_free_and_show_something,
            a_picture_can_be_written_as_png,
        ]
    ),
    group!(harness::nothing, [an_impossible_size_is_an_error]),
];

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

fn adapter() -> Result<(), String> {
    static FOUND: LazyLock<Result<(), String>> = LazyLock::new(|| match Offscreen::new(8, 8, 1.0) {
        Err(error @ RenderError::NoAdapter(_)) => Err(error.to_string()),
        _ => Ok(()),
    });
    FOUND.clone()
}

fn offscreen(width: u32, height: u32, pixels_per_point: f32) -> Offscreen {
    Offscreen::new(width, height, pixels_per_point).unwrap_or_else(|error| panic!("{error}"))
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
        is_frozen: false,
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
            asked: String::new(),
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

/// The network alone, and a way from world places to pixels.
fn network(pixels_per_point: f32, theme: &Theme) -> (Picture, impl Fn([f32; 2]) -> [u8; 3]) {
    let side = (400.0 * pixels_per_point) as u32;
    let mut offscreen = offscreen(side, side, pixels_per_point);
    theme.apply(offscreen.context());
    let scene = scene();
    let mut view = View::default();
    let mut area = None;
    let picture = offscreen
        .picture(|ui| area = network_ui(ui, &scene, &mut view, theme).rect)
        .unwrap_or_else(|error| panic!("{error}"));
    let area = area.expect("the network was drawn");
    let seen = picture.clone();
    let at = move |place: [f32; 2]| {
        let pos = view.to_screen(area, place) * pixels_per_point;
        seen.pixel(pos.x as u32, pos.y as u32)
    };
    (picture, at)
}

fn differs(a: [u8; 3], b: [u8; 3]) -> i32 {
    a.into_iter().zip(b).map(|(a, b)| (i32::from(a) - i32::from(b)).abs()).sum()
}

fn colours_on_screen_mean_what_the_ink_says() {
    for theme in [Theme::dark(), Theme::light()] {
        for scale in [1.0, 2.0] {
            let (_, at) = network(scale, &theme);
            let [r, _, b] = at([0.0, -60.0]);
            assert!(b > r + 60, "a positive weight is blue");
            // Dashes: somewhere along a short way there is full orange, and somewhere a gap.
            let along: Vec<_> = (0..30).map(|x| at([x as f32, -20.0])).collect();
            assert!(along.iter().any(|[r, _, b]| *r > b.saturating_add(120)), "a negative weight is orange: {along:?}");
            let ground = at([0.0, 0.0]);
            assert!(along.iter().any(|seen| differs(*seen, ground) < 30), "and dashed: {along:?}");
            let [r, g, b] = at([0.0, 20.0]);
            assert!(r > g && b > g, "a gradient is violet");
            let [r, g, b] = at([0.0, 60.0]);
            assert!(g > r && g >= b, "an update is green");
            assert!(differs(at([0.0, 50.0]), ground) > 60, "the old width stays as an outline");
            assert!(differs(at([0.0, 55.0]), ground) < 20, "and nothing between outline and edge");
            let [r, _, b] = at([-80.0, 0.0]);
            assert!(b > r + 60, "the disc is filled by its value");
            let [r, g, b] = at([-80.0, 12.5]);
            assert!(r > g && b > g, "its ring is its gradient");
            assert!(differs(at([60.0, -85.0]), ground) > 100, "a pulse is drawn");
        }
    }
}

fn edges_are_smooth_at_every_scale() {
    for scale in [1.0, 2.0] {
        let theme = Theme::dark();
        let (picture, _) = network(scale, &theme);
        // Down the middle column there must be colours between ground and edge.
        let column: Vec<_> = (0..picture.height).map(|y| picture.pixel(picture.width / 2, y)).collect();
        let steps = column.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(steps > 10, "{steps}");
    }
}

fn equal_input_gives_equal_pixels() {
    let mut offscreen = offscreen(640, 400, 1.0);
    let (scene, phases) = (demo::scene(), demo::phases());
    let stage = Stage { scene: &scene, inspector: None, selected: None, title: "t", phases: &phases, progress: 0.3 };
    let theme = Theme::dark();
    let mut draw = || offscreen.picture(|ui| stage_ui(ui, &stage, &theme)).unwrap_or_else(|error| panic!("{error}"));
    let first = draw();
    assert!(first == draw());
}

fn stills_of_every_size_keep_their_border_free_and_show_something() {
    let (mut scene, inspector, phases) = (demo::scene(), demo::inspector(), demo::phases());
    "The gradient flows back. ".repeat(12).clone_into(&mut scene.caption);
    let theme = Theme::dark();
    for (width, height, scale) in
        [(640, 400, 1.0), (1280, 720, 1.0), (1920, 1080, 1.0), (2560, 1440, 2.0), (500, 900, 1.0)]
    {
        let stage = Stage {
            scene: &scene,
            inspector: Some(&inspector),
            selected: Some(demo::SELECTED),
            title: "A title that is much too long for the line it has to share with the status on the right",
            phases: &phases,
            progress: 0.6,
        };
        let mut offscreen = offscreen(width, height, scale);
        let picture = offscreen.picture(|ui| stage_ui(ui, &stage, &theme)).unwrap_or_else(|error| panic!("{error}"));
        let ground = picture.pixel(0, 0);
        for x in 0..width {
            assert_eq!(picture.pixel(x, 1), ground, "top of {width}x{height} at {x}");
            assert_eq!(picture.pixel(x, height - 2), ground, "bottom of {width}x{height} at {x}");
        }
        for y in 0..height {
            assert_eq!(picture.pixel(1, y), ground, "left of {width}x{height} at {y}");
            assert_eq!(picture.pixel(width - 2, y), ground, "right of {width}x{height} at {y}");
        }
        let inked = picture.rgba.chunks_exact(4).filter(|pixel| pixel[..3] != ground).count();
        assert!(inked > picture.rgba.len() / 4 / 5);
    }
}

fn a_picture_can_be_written_as_png() {
    let (picture, _) = network(1.0, &Theme::dark());
    let mut bytes = Vec::new();
    picture.write_png(&mut bytes).unwrap_or_else(|error| panic!("{error}"));
    assert!(bytes.starts_with(b"\x89PNG"));
}

fn an_impossible_size_is_an_error() {
    for (width, height) in [(0, 10), (10, 1_000_000)] {
        match Offscreen::new(width, height, 1.0) {
            Err(RenderError::Size { .. } | RenderError::NoAdapter(_)) => {}
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("{width}x{height} was accepted"),
        }
    }
}
