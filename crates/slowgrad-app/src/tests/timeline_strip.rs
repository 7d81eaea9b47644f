//! The timeline strip: dragging, zooming, selecting, bookmarks.

use super::*;

fn strip(window: &Window) -> egui::Rect {
    window.get_by_label_contains("timeline, step").rect()
}

#[test]
fn the_timeline_is_dragged_zoomed_and_selected() {
    let mut window = open("welcome");
    let len = window.state().session.now().map_or(0, |(timeline, _)| timeline.len()) as f64;
    let rect = strip(&window).shrink2(Vec2::new(6.0, 8.0));
    let at = |share: f32| Pos2::new(egui::lerp(rect.x_range(), share), rect.center().y);
    drag(&mut window, Modifiers::NONE, at(0.1), at(0.5));
    assert!((position(&window) - len / 2.0).abs() <= 1.0, "{} of {len}", position(&window));

    // Shift+drag selects the repeated range.
    drag(&mut window, Modifiers::SHIFT, at(0.25), at(0.5));
    let chosen =
        |window: &Window| match window.state().session.playhead.as_ref().map(|playhead| playhead.repeat().clone()) {
            Some(Loop::Range(range)) => Some(range),
            _ => None,
        };
    let range = chosen(&window).expect("a range");
    assert!((range.start as f64 - 0.25 * len).abs() <= 1.0 && (range.end as f64 - 0.5 * len).abs() <= 1.5, "{range:?}");
    press(&mut window, Modifiers::NONE, Key::L);
    assert_eq!(chosen(&window), None);
    for _ in 0..2 {
        press(&mut window, Modifiers::NONE, Key::L);
    }
    assert_eq!(chosen(&window), Some(range), "off, the step, the selected range");

    // After zooming in at the left end, the middle of the strip is early in the step.
    wheel(&mut window, at(0.0), Vec2::new(0.0, 400.0));
    drag(&mut window, Modifiers::NONE, at(0.1), at(0.5));
    let zoomed = position(&window);
    assert!(zoomed < len / 8.0, "{zoomed} of {len}");
    wheel(&mut window, at(0.5), Vec2::new(-300.0, 0.0));
    drag(&mut window, Modifiers::NONE, at(0.4), at(0.5));
    assert!(position(&window) > zoomed, "sideways it scrolls");
}

#[test]
fn the_timeline_shows_the_whole_run_with_bookmarks() {
    let mut window = open("welcome");
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::B);
    let here = position(&window);
    for _ in 0..9 {
        press(&mut window, Modifiers::COMMAND, Key::ArrowRight);
    }
    settle(&mut window);
    let step = |window: &Window| window.state().session.now().map_or(0, |(timeline, _)| timeline.step().step);
    assert_eq!(step(&window), 10);
    let has_flag = |window: &Window| {
        let mut nodes = window.root().children_recursive().map(|node| node.accesskit_node());
        nodes.any(|node| node.role() == Role::Button && node.label().is_some_and(|name| name.starts_with("bookmark:")))
    };
    assert!(!has_flag(&window), "the bookmark is in another step");
    press(&mut window, Modifiers::NONE, Key::Z);
    assert!(has_flag(&window));
    let rect = strip(&window).shrink2(Vec2::new(6.0, 8.0));
    let at = Pos2::new(egui::lerp(rect.x_range(), 0.45), rect.center().y);
    drag(&mut window, Modifiers::NONE, at, at + Vec2::new(8.0, 0.0));
    assert_eq!(step(&window), 5);
    press(&mut window, Modifiers::SHIFT, Key::J);
    settle(&mut window);
    assert_eq!((step(&window), position(&window)), (1, here));
    press(&mut window, Modifiers::NONE, Key::B);
    assert!(window.state().session.bookmarks.is_empty(), "the key removes it");
}

#[test]
fn a_drag_to_a_step_with_fewer_events_ends_at_the_pointer() {
    let mut window = open("which-weights-change");
    let len = |window: &Window| window.state().session.now().map_or(0, |(timeline, _)| timeline.len());
    let small = len(&window);
    press(&mut window, Modifiers::COMMAND, Key::ArrowRight);
    for _ in 0..3 {
        press(&mut window, Modifiers::NONE, Key::N);
    }
    settle(&mut window);
    assert!(len(&window) > small + 30, "{small} {}", len(&window));
    press(&mut window, Modifiers::NONE, Key::Z);
    let rect = strip(&window).shrink2(Vec2::new(6.0, 8.0));
    let at = Pos2::new(egui::lerp(rect.x_range(), 0.35), rect.center().y);
    drag(&mut window, Modifiers::NONE, at - Vec2::new(8.0, 0.0), at);
    assert_eq!(len(&window), small, "the position is in the first of two steps");
    let share = position(&window) / small as f64;
    assert!((share - 0.7).abs() < 0.05, "{share}");
}

#[test]
fn typed_digits_set_the_speed() {
    let mut window = open("welcome");
    let speed = |window: &Window| {
        window.state().session.playhead.as_ref().map(slowgrad_timeline::playback::playhead::Playhead::speed)
    };
    for (typed, meant) in [("50", 50.0), ("05", 0.5), ("3", 3.0)] {
        for digit in typed.chars() {
            window.event(Event::Text(digit.to_string()));
            window.step();
        }
        assert_eq!(speed(&window), Some(meant), "{typed}");
        // Later digits are another number.
        window.run_steps(30);
    }
}

#[test]
fn a_click_goes_to_a_section() {
    let mut window = open("sgd-and-momentum");
    window.get_by_label("section Without momentum").click();
    settle(&mut window);
    assert_eq!(window.state().session.player.section(), Some("Without momentum"));
}
