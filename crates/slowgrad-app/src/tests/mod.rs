//! The panels, driven by keys, the pointer and accessible names.

mod lesson;
mod letters;
mod platform;
mod timeline_strip;

use crate::actions::{ACTIONS, keys_text};
use crate::platform::{
    FileRef, KnownSession, NoFiles, Platform, PlatformRequest, ScriptSave, ScriptSaveError, ScriptTarget,
};
use crate::state::App;
use egui::accesskit::{Action, Node, Role};
use egui::{Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, Pos2, TouchPhase, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use slowgrad_render::ScreenView;
use slowgrad_script::Limits;
use slowgrad_session::RunAction;
use slowgrad_session::Session;
use slowgrad_session::shipped;
use slowgrad_session::testing::{inline, timeout};
use slowgrad_session::{BackendCommand, BackendLink, Difference, Slot};
use slowgrad_timeline::playback::playhead::Loop;
use std::time::Duration;

/// An app without a window.
pub(super) struct AppHarness {
    pub(super) app: Option<App>,
    pub(super) session: Session,
}

pub(super) type Window = Harness<'static, AppHarness>;

/// Opens a lesson.
pub(super) fn open(lesson: &str) -> Window {
    window(slowgrad_session::testing::lesson(lesson))
}

/// An app over the lesson of a backend.
pub(super) fn window(link: impl BackendLink + 'static) -> Window {
    window_on(link, NoFiles)
}

/// An app over the lesson of a backend, on a platform.
fn window_on(link: impl BackendLink + 'static, platform: impl Platform + Clone + 'static) -> Window {
    let mut session = Session::new(link);
    assert!(session.run_until_idle(timeout()));
    session.player.hold();
    let draw = move |ui: &mut egui::Ui, harness: &mut AppHarness| {
        harness.session.tick(0.02);
        let app = harness.app.get_or_insert_with(|| App::new(ui.ctx().clone(), platform.clone()));
        app.window_ui(ui, &mut harness.session);
    };
    let mut window = Harness::builder()
        .with_size(Vec2::new(1280.0, 720.0))
        .with_step_dt(0.05)
        .build_ui_state(draw, AppHarness { app: None, session });
    settle(&mut window);
    window
}

/// Draws until the backend is idle and nothing changes.
pub(super) fn settle(window: &mut Window) {
    let mut quiet = 0;
    for _ in 0..20_000 {
        window.step();
        let idle = !window.state().session.is_busy() && !window.state().session.is_active();
        quiet = if idle { quiet + 1 } else { 0 };
        if quiet > 10 {
            return;
        }
    }
    panic!("the app does not become idle");
}

fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run_steps(8);
}

fn overlay(window: &Window) -> &'static str {
    window.state().app.as_ref().map_or("", |app| app.overlays.name())
}

fn position(window: &Window) -> f64 {
    window.state().session.now().map_or(f64::NAN, |(_, playhead)| playhead.position())
}

#[test]
fn the_palette_finds_and_performs_any_action() {
    let mut window = open("welcome");
    press(&mut window, Modifiers::COMMAND, Key::K);
    assert_eq!(overlay(&window), "palette");
    window.get_by_label("find a command").type_text("end of the step");
    window.run_steps(8);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(overlay(&window), "");
    let events = window.state().session.now().map_or(0, |(timeline, _)| timeline.len());
    assert_eq!(position(&window), events as f64);

    press(&mut window, Modifiers::COMMAND, Key::K);
    window.get_by_label("find a command").type_text("bookmark");
    window.run_steps(8);
    window.get_by_label("Rename bookmark").click();
    window.run_steps(8);
    assert_eq!(overlay(&window), "name");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!((overlay(&window), window.state().session.bookmarks.len()), ("", 1));
}

#[test]
fn a_slow_script_has_a_warning_with_its_location() {
    let lesson = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], activation: "by_value", data: "xor", seed: 3 } }"#;
    let activation =
        "fn activation(z) {\n    let shown = value(z);\n    if shown > 100.0 { 1.0 } else { tanh(z) }\n}\n";
    let files = [("t.rhai", lesson.as_bytes()), ("activations/by_value.rhai", activation.as_bytes())];
    let own = slowgrad_script::Root { name: "own".into(), files: slowgrad_script::Files::from_iter(files) };
    let library = slowgrad_script::Library { roots: vec![shipped::shipped(), own] };
    let mut window = window(inline(library, Limits::default(), "t.rhai"));
    window.get_by_label("1 warning").click();
    window.run_steps(8);
    window.get_by_label("`activation` runs again for each number because it uses `value(…)`");
    window.get_by_label_contains("by_value.rhai:2:17");
}

#[test]
fn the_help_has_every_command_with_its_keys() {
    let mut window = open("welcome");
    window.get_by_label_contains("? keys").click();
    window.run_steps(8);
    assert_eq!(overlay(&window), "help");
    for info in ACTIONS {
        assert!(window.query_all_by_label(&keys_text(info)).next().is_some(), "{}", info.name);
        assert!(window.query_all_by_label(info.help).next().is_some(), "{}", info.name);
    }
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(overlay(&window), "");
}

/// Asserts that every control has an accessible name; returns the number of controls.
fn named_controls(window: &Window, when: &str) -> usize {
    let nodes = window.root().children_recursive().map(|node| node.accesskit_node());
    // Labels are their own name; the role is enough for scroll bars and the area behind a dialog.
    let is_control = |role: Role| !matches!(role, Role::Label | Role::ScrollBar | Role::Unknown);
    let listens = |node: &Node| node.supports_action(Action::Click) || node.supports_action(Action::Focus);
    let controls: Vec<_> = nodes.filter(|node| listens(node.data()) && is_control(node.role())).collect();
    for node in &controls {
        let named = node.label().is_some_and(|label| !label.trim().is_empty()) || node.labelled_by().next().is_some();
        assert!(named, "{when}: a {:?} at {:?} has no name", node.role(), node.bounding_box());
    }
    controls.len()
}

#[test]
fn every_control_has_a_name() {
    for lesson in ["welcome", "sgd-and-momentum", "playground"] {
        let mut window = open(lesson);
        press(&mut window, Modifiers::NONE, Key::B);
        assert!(named_controls(&window, lesson) > 20);
    }
}

#[test]
fn every_control_of_overlays_and_plots_has_a_name() {
    let mut window = open("welcome");
    window.state_mut().app.as_mut().expect("it is drawn").appearance.preferences_mut().hints_seen.clear();
    let weight = slowgrad_timeline::scene::Target::Weight { layer: 0, neuron: 0, input: 0 };
    window.state_mut().session.view.selected = Some(weight);
    settle(&mut window);
    let usual = named_controls(&window, "selected");
    let plain = |key| (Modifiers::NONE, key);
    let with_command = |key| (Modifiers::COMMAND, key);
    let opened = [plain(Key::Enter), plain(Key::A), plain(Key::C), plain(Key::Questionmark)].into_iter().chain([
        with_command(Key::K),
        with_command(Key::O),
        (Modifiers::COMMAND | Modifiers::SHIFT, Key::S),
    ]);
    for (modifiers, key) in opened {
        press(&mut window, modifiers, key);
        assert_ne!(overlay(&window), "", "{key:?}");
        named_controls(&window, overlay(&window));
        press(&mut window, Modifiers::NONE, Key::Escape);
        window.state_mut().session.view.selected = Some(weight);
    }
    window.state_mut().session.send(BackendCommand::Compare(Some(Difference::plugin(Slot::Optimizer, "adam"))));
    let plots = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6].map(with_command);
    for (modifiers, key) in plots.into_iter().chain([plain(Key::G), plain(Key::E)]) {
        press(&mut window, modifiers, key);
        settle(&mut window);
        assert!(named_controls(&window, key.name()) > usual, "{key:?}");
    }
}

#[test]
fn tooltips_name_the_keys() {
    let mut window = open("welcome");
    for (control, key) in
        [("Reset", "Ctrl+R"), ("New weights", "Ctrl+N"), ("commands", "Ctrl+K"), ("? keys", "?"), ("Edit script", "E")]
    {
        window.get_by_label(control).hover();
        window.run_steps(30);
        let tip = format!("({key}");
        assert!(window.query_all_by_label_contains(&tip).next().is_some(), "{control}");
        window.remove_cursor();
        window.run_steps(8);
    }
    // Icons are named with their keys.
    for name in ["Play or pause (Space)", "Step (→)", "Step back (←)", "Repeat (L)", "Train at full speed (T)"] {
        assert!(window.query_by_label(name).is_some(), "{name}");
    }
}

pub(super) fn wheel(window: &mut Window, at: Pos2, delta: Vec2) {
    window.hover_at(at);
    window.step();
    let (unit, phase, source) = (MouseWheelUnit::Point, TouchPhase::Move, MouseWheelSource::Unknown);
    window.event(Event::MouseWheel { unit, delta, phase, source, modifiers: Modifiers::NONE });
    window.run_steps(30);
}

/// Presses, drags and releases the primary button.
pub(super) fn drag(window: &mut Window, modifiers: Modifiers, from: Pos2, to: Pos2) {
    let button = |pos, pressed| Event::PointerButton { pos, button: egui::PointerButton::Primary, pressed, modifiers };
    window.hover_at(from);
    window.step();
    window.event_modifiers(button(from, true), modifiers);
    window.step();
    for share in [0.25, 0.5, 0.75, 1.0] {
        window.event_modifiers(Event::PointerMoved(from.lerp(to, share)), modifiers);
        window.step();
    }
    window.event_modifiers(button(to, false), modifiers);
    window.step();
    settle(window);
}

#[test]
fn three_hints_are_shown_once() {
    let mut window = open("welcome");
    assert!(window.query_by_label("Close this hint").is_none(), "hints are off by default");
    window.state_mut().app.as_mut().expect("it is drawn").appearance.preferences_mut().hints_seen.clear();
    window.run_steps(3);
    assert_eq!(window.query_all_by_label("Close this hint").count(), 3);
    // A selection follows the advice of the first hint.
    window.state_mut().session.view.selected = Some(slowgrad_timeline::scene::Target::Loss);
    window.run_steps(3);
    for left in [2, 1] {
        assert_eq!(window.query_all_by_label("Close this hint").count(), left);
        window.query_all_by_label("Close this hint").next().expect("a hint").click();
        window.run_steps(6);
    }
    assert!(window.query_by_label("Close this hint").is_none());
    assert_eq!(window.state().app.as_ref().map(|app| app.preferences().hints_seen.len()), Some(3));
}

#[test]
fn a_picker_describes_its_items_and_starts_at_the_current_one() {
    let mut window = open("playground");
    window.key_press(Key::A);
    window.run_steps(4);
    assert!(window.query_by_label_contains("Enter confirms").is_some());
    let help = window.get_by_label("Squashes z into the range −1 to 1.").rect();
    let field = window.get_by_role_and_label(Role::TextInput, "new activation for layer 1").rect();
    let keys = window.get_by_label_contains("Enter confirms").rect();
    assert!(field.bottom() < help.top() && help.bottom() < keys.top(), "the current item is visible: {help}");
    window.key_press(Key::Enter);
    settle(&mut window);
    assert!(window.query_by_label_contains("Enter confirms").is_none());
    assert_eq!(window.state().session.snapshot.as_ref().and_then(|snapshot| snapshot.undo.clone()), None);
}

#[test]
fn hints_cover_no_network() {
    let mut window = open("welcome");
    window.state_mut().app.as_mut().expect("it is drawn").appearance.preferences_mut().hints_seen.clear();
    for (compared, count) in [(None, 1), (Some(Difference::plugin(Slot::Optimizer, "adam")), 2)] {
        window.state_mut().session.send(BackendCommand::Compare(compared));
        settle(&mut window);
        let networks: Vec<_> = window.query_all_by_label_contains("network, ").map(|network| network.rect()).collect();
        assert_eq!(networks.len(), count);
        let words = ["plays or pauses", "to see how its values are computed; double-click", "on the right explains"];
        for words in words {
            let hint = window.get_by_label_contains(words).rect();
            assert!(networks.iter().all(|network| !network.intersects(hint)), "{words}: {hint} covers {networks:?}");
        }
    }
}

#[test]
fn a_followed_hint_does_not_move_the_network_under_the_pointer() {
    let mut window = open("welcome");
    window.state_mut().app.as_mut().expect("it is drawn").appearance.preferences_mut().hints_seen.clear();
    settle(&mut window);
    let weight = |window: &Window| window.state().app.as_ref().and_then(App::weight_pos).expect("it is drawn");
    let at = weight(&window);
    drag(&mut window, Modifiers::NONE, at, at);
    assert!(window.state().session.view.selected.is_some());
    assert_eq!(weight(&window), at, "a second click would miss");
    window.hover_at(Pos2::new(5.0, 5.0));
    settle(&mut window);
    assert!(window.query_all_by_label("Close this hint").count() == 2, "the hint closes once the pointer has left");
}

#[test]
fn panels_text_size_and_theme_follow_the_preferences() {
    let mut window = open("welcome");
    let has = |window: &Window, label: &str| window.query_all_by_label(label).next().is_some();
    assert!(has(&window, "Reset") && has(&window, "Script"));
    press(&mut window, Modifiers::NONE, Key::F2);
    press(&mut window, Modifiers::NONE, Key::F3);
    assert!(!has(&window, "Reset") && !has(&window, "Script"));
    // An edited script is shown although its panel is hidden.
    press(&mut window, Modifiers::NONE, Key::E);
    assert!(has(&window, "Script"));
    press(&mut window, Modifiers::NONE, Key::F2);
    let edge = window.get_by_label("width of the lesson panel").rect().center();
    drag(&mut window, Modifiers::NONE, edge, edge + Vec2::new(60.0, 0.0));
    let moved = window.get_by_label("width of the lesson panel").rect().center();
    assert!((moved.x - edge.x - 60.0).abs() < 8.0, "{edge} {moved}");

    let preferences = |window: &Window| window.state().app.as_ref().expect("it is drawn").preferences().clone();
    press(&mut window, Modifiers::COMMAND, Key::Plus);
    assert!(
        (window.ctx.zoom_factor() - 1.1).abs() < 1e-6 && preferences(&window).scale > 1.0,
        "also while the editor is open"
    );
    press(&mut window, Modifiers::COMMAND, Key::Num0);
    assert_eq!(window.ctx.zoom_factor(), 1.0);
    press(&mut window, Modifiers::NONE, Key::Escape);
    press(&mut window, Modifiers::NONE, Key::Escape);
    let is_dark = |window: &Window| window.state().app.as_ref().is_some_and(|app| app.theme().dark_mode);
    assert!(is_dark(&window));
    for (key, dark) in [(Key::D, true), (Key::D, false), (Key::D, true)] {
        press(&mut window, Modifiers::NONE, key);
        assert_eq!(is_dark(&window), dark, "{:?}", preferences(&window).theme);
    }
}

#[test]
fn without_animations_a_unit_is_shown_at_its_end() {
    let mut window = open("welcome");
    press(&mut window, Modifiers::NONE, Key::M);
    press(&mut window, Modifiers::NONE, Key::ArrowDown);
    window.key_press(Key::ArrowRight);
    window.run_steps(2);
    let half = position(&window);
    assert!(half.fract() != 0.0, "the unit is playing: {half}");
    let mut scene = || {
        let harness = window.state_mut();
        harness.app.as_mut().and_then(|app| app.scene(&harness.session)).expect("a scene")
    };
    let during = scene();
    settle(&mut window);
    let harness = window.state_mut();
    let after = harness.app.as_mut().and_then(|app| app.scene(&harness.session)).expect("a scene");
    assert_eq!(*during, *after);
}

#[test]
fn dragging_a_neuron_is_undone_as_one_change() {
    let mut window = open("welcome");
    let target = slowgrad_timeline::scene::Target::Neuron { layer: 0, neuron: 1 };
    let place = |window: &Window| {
        let harness = window.state();
        let app = harness.app.as_ref().expect("it is drawn");
        let rect = app.canvas_rect().expect("it is drawn");
        harness.session.view.to_screen(rect, app.network.position(target).expect("a neuron"))
    };
    // Refitting would move the network during the drag.
    window.state_mut().session.view.auto_fit = false;
    let before = place(&window);
    drag(&mut window, Modifiers::NONE, before, before + Vec2::new(50.0, 30.0));
    let dragged = place(&window);
    assert!((dragged - before).length() > 30.0, "{before} {dragged}");
    let undo = |window: &Window| window.state().session.snapshot.as_ref().and_then(|snapshot| snapshot.undo.clone());
    assert_eq!(undo(&window).as_deref(), Some("layout"));
    press(&mut window, Modifiers::COMMAND, Key::Z);
    settle(&mut window);
    assert!((place(&window) - before).length() < 0.5 && undo(&window).is_none());
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    settle(&mut window);
    assert!((place(&window) - dragged).length() < 0.5);
}

#[test]
fn the_selected_number_is_typed_nudged_and_dragged() {
    let mut window = open("welcome");
    let target = slowgrad_timeline::scene::Target::Weight { layer: 0, neuron: 0, input: 0 };
    window.state_mut().session.view.selected = Some(target);
    settle(&mut window);
    let value = |window: &Window| window.state().session.editable(target).map_or(f64::NAN, |(_, value)| value);
    let before = value(&window);
    let field = |window: &Window| {
        let is_field = |node: &egui_kittest::Node<'_>| node.accesskit_node().role() == Role::SpinButton;
        let nodes = window.root().children_recursive().filter(is_field);
        nodes.map(|node| node.rect()).find(|rect| rect.left() > 900.0).expect("the number's field").center()
    };
    let at = field(&window);
    drag(&mut window, Modifiers::NONE, at, at + Vec2::new(40.0, 0.0));
    assert!(value(&window) > before, "dragging to the right increases it");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    settle(&mut window);
    assert_eq!(value(&window).to_bits(), before.to_bits(), "a drag is undone at once");

    drag(&mut window, Modifiers::NONE, at, at);
    press(&mut window, Modifiers::COMMAND, Key::A);
    window.event(Event::Text("1.5".into()));
    settle(&mut window);
    assert_eq!(value(&window), 1.5, "it applies at once");
    press(&mut window, Modifiers::NONE, Key::Enter);
    drag(&mut window, Modifiers::NONE, at, at);
    press(&mut window, Modifiers::NONE, Key::ArrowUp);
    settle(&mut window);
    assert!(value(&window) > 1.5, "{}", value(&window));
}

#[test]
fn one_key_switches_between_slow_motion_and_full_speed() {
    let mut window = open("welcome");
    window.key_press(Key::Space);
    window.run_steps(4);
    let is_playing = |window: &Window| {
        let playhead = window.state().session.playhead.as_ref();
        playhead.is_some_and(|playhead| playhead.is_playing() && !playhead.is_full_speed())
    };
    assert!(is_playing(&window));
    let step = |window: &Window| window.state().session.now().map_or(0, |(timeline, _)| timeline.step().step);
    window.key_press(Key::T);
    let mut frames = 0;
    while step(&window) < 20 {
        window.step();
        std::thread::sleep(Duration::from_millis(1));
        frames += 1;
        assert!(frames < 20_000, "it does not train");
    }
    assert!(!is_playing(&window));
    window.key_press(Key::T);
    window.run_steps(4);
    assert!(is_playing(&window), "slow motion continues");
    window.key_press(Key::Space);
    settle(&mut window);
    for _ in 0..2 {
        window.key_press(Key::T);
        window.run_steps(4);
    }
    settle(&mut window);
    assert!(!is_playing(&window), "a paused playhead is paused again");
}
