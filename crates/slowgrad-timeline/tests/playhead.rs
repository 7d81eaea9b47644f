//! The playhead as a state machine: durations, loops, and invariants after any sequence of commands.

mod scene_nets;

use proptest::prelude::*;
use scene_nets::{momentum, sgd, sigmoid, tanh, timeline};
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::events::Phase;
use slowgrad_timeline::playback::playhead::{Command, Loop, NeededStep, PHASE_PAUSE_SECS, Playhead, natural_secs};

/// The duration of a frame at 60 frames per second, in seconds.
const DT: f64 = 1.0 / 60.0;

/// One sample of a 2-4-2-1 network.
fn sample() -> Timeline {
    timeline(&[2, 4, 2, 1], vec![tanh(), tanh(), sigmoid()], sgd(), 1)
}

/// The duration of a step in seconds, played in frames.
fn played(timeline: &Timeline, by: Granularity) -> f64 {
    let mut playhead = Playhead::new(timeline, by);
    playhead.apply(&Command::Play, timeline);
    let mut secs = 0.0;
    while playhead.tick(DT, timeline).needed_step.is_none() {
        secs += DT;
        assert!(secs < 600.0, "the step does not end");
    }
    secs
}

#[test]
fn a_sample_takes_eleven_seconds_layer_by_layer() {
    let timeline = sample();
    assert_eq!(natural_secs(Granularity::Operation), 0.25);
    assert_eq!(natural_secs(Granularity::Layer), 0.75);
    let secs = played(&timeline, Granularity::Layer);
    assert!((secs - 11.0).abs() < 0.1, "{secs}");
    // Five phases with a pause between each two.
    let operations = played(&timeline, Granularity::Operation);
    assert!((operations - 0.25 * timeline.len() as f64 - 4.0 * PHASE_PAUSE_SECS).abs() < 0.1, "{operations}");
}

#[test]
fn it_pauses_between_phases_but_a_command_moves_it_at_once() {
    let timeline = sample();
    let forward = timeline.phase(Phase::Forward, Some(0)).expect("a phase").end;
    for (command, start) in [(Command::Play, forward - 1), (Command::PlayBackwards, forward)] {
        let mut playhead = Playhead::new(&timeline, Granularity::Layer);
        playhead.apply(&Command::Seek(start), &timeline);
        playhead.apply(&command, &timeline);
        let mut positions = vec![playhead.position()];
        positions.extend((0..180).map(|_| {
            playhead.tick(DT, &timeline);
            playhead.position()
        }));
        assert_ne!(positions[0], positions[1], "{command:?}");
        let here = positions.iter().filter(|position| **position == forward as f64).count();
        // Forwards it starts from this event; backwards it arrives at it.
        let rests = if command == Command::Play { 0.0 } else { PHASE_PAUSE_SECS };
        assert!((here as f64 * DT - rests).abs() < 0.1, "{command:?} {here}");
    }
}

#[test]
fn no_granularity_skips_or_repeats_an_event_in_either_direction() {
    let timeline = timeline(&[2, 3, 1], vec![tanh(), sigmoid()], momentum(), 2);
    for by in Granularity::ALL {
        let mut playhead = Playhead::new(&timeline, by);
        playhead.apply(&Command::Play, &timeline);
        let mut positions = vec![playhead.position()];
        while playhead.tick(DT, &timeline).needed_step != Some(NeededStep::Next) {
            positions.push(playhead.position());
        }
        assert!(positions.is_sorted() && playhead.position() == timeline.len() as f64, "{by:?}");
        playhead.apply(&Command::PlayBackwards, &timeline);
        let mut back = vec![playhead.position()];
        while playhead.tick(DT, &timeline).needed_step != Some(NeededStep::Previous) {
            back.push(playhead.position());
        }
        assert!(back.iter().rev().is_sorted() && playhead.position() == 0.0, "{by:?}");
        let most = 64.0 * DT * timeline.len() as f64;
        assert!(positions.windows(2).all(|pair| pair[1] - pair[0] <= most), "{by:?}");
    }
}

#[test]
fn a_range_repeats_in_both_directions() {
    let timeline = sample();
    let range = timeline.unit(20, Granularity::Layer);
    for command in [Command::Play, Command::PlayBackwards] {
        let mut playhead = Playhead::new(&timeline, Granularity::Neuron);
        playhead.apply(&Command::Loop(Loop::Range(range.clone())), &timeline);
        playhead.apply(&Command::Seek(range.start), &timeline);
        playhead.apply(&command, &timeline);
        let mut rounds = 0;
        let mut before = playhead.position();
        for _ in 0..6_000 {
            assert_eq!(playhead.tick(DT, &timeline).needed_step, None);
            let now = playhead.position();
            let turned = if command == Command::Play { now < before } else { now > before };
            rounds += usize::from(turned);
            assert!(now >= range.start as f64 && now <= range.end as f64, "{now}");
            before = now;
        }
        assert!(rounds > 3, "{rounds}");
    }
}

#[test]
fn a_range_of_a_longer_step_fits_into_a_shorter_one() {
    let (long, short) = (timeline(&[2, 3, 1], vec![tanh(), sigmoid()], sgd(), 4), sample());
    let mut playhead = Playhead::new(&long, Granularity::Operation);
    playhead.apply(&Command::Loop(Loop::Range(short.len() - 3..long.len())), &long);
    playhead.arrive(&short, NeededStep::Next);
    playhead.apply(&Command::End, &short);
    playhead.apply(&Command::Play, &short);
    for _ in 0..600 {
        playhead.tick(DT, &short);
        assert!(playhead.position() <= short.len() as f64);
    }
    // A range beyond the step is removed.
    playhead.apply(&Command::Loop(Loop::Range(long.len() - 2..long.len())), &long);
    playhead.arrive(&short, NeededStep::Previous);
    assert_eq!(*playhead.repeat(), Loop::Off);
}

#[test]
fn it_moves_to_any_position() {
    let timeline = sample();
    let len = timeline.len() as f64;
    for by in Granularity::ALL {
        let mut playhead = Playhead::new(&timeline, by);
        for position in [0.0, 0.25, 1.0, 17.5, len - 0.5, len, 3.0, len + 9.0, -1.0] {
            playhead.apply(&Command::Place(position), &timeline);
            assert!((playhead.position() - position.clamp(0.0, len)).abs() < 1e-9, "{by:?} {position}");
            assert!(!playhead.is_playing());
        }
    }
}

fn command() -> impl Strategy<Value = Command> {
    let granularity = (0usize..5).prop_map(|nth| Granularity::ALL[nth]);
    prop_oneof![
        Just(Command::Play),
        Just(Command::PlayBackwards),
        Just(Command::Pause),
        Just(Command::Toggle),
        Just(Command::StepForward),
        Just(Command::StepBack),
        granularity.clone().prop_map(Command::StepForwardBy),
        granularity.clone().prop_map(Command::StepBackBy),
        (0usize..500).prop_map(Command::Seek),
        (-1.0f64..500.0).prop_map(Command::Place),
        Just(Command::Home),
        Just(Command::End),
        granularity.prop_map(Command::Granularity),
        Just(Command::Finer),
        Just(Command::Coarser),
        (0.01f64..100.0).prop_map(Command::Speed),
        Just(Command::Faster),
        Just(Command::Slower),
        any::<bool>().prop_map(Command::FullSpeed),
        Just(Command::Loop(Loop::Off)),
        Just(Command::Loop(Loop::Step)),
        (0usize..500, 0usize..500).prop_map(|(start, end)| Command::Loop(Loop::Range(start..end))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_asked_it_stands_within_the_step(
        asked in prop::collection::vec((command(), 0.0f64..2.0), 1..60)
    ) {
        let steps = [sample(), timeline(&[2, 3, 1], vec![tanh(), sigmoid()], momentum(), 3)];
        let mut at = 0;
        let mut playhead = Playhead::new(&steps[at], Granularity::Operation);
        for (command, dt) in asked {
            for response in [playhead.apply(&command, &steps[at]), playhead.tick(dt, &steps[at])] {
                if let Some(wanted) = response.needed_step {
                    at = 1 - at;
                    playhead.arrive(&steps[at], wanted);
                }
            }
            let (unit, len) = (playhead.unit(), steps[at].len());
            prop_assert!(unit.start < unit.end && unit.end <= len, "{command:?}: {unit:?} of {len}");
            prop_assert!((0.0..=1.0).contains(&playhead.progress()));
            prop_assert!(unit.contains(&playhead.event()));
            if let Loop::Range(range) = playhead.repeat() {
                prop_assert!(range.start < range.end && range.end <= len);
            }
        }
    }
}

#[test]
fn a_step_back_moves_visibly_from_any_pause() {
    let timeline = sample();
    // The ends of slow frames coincide with the ends of operations.
    let frames = [(Granularity::Operation, DT), (Granularity::Operation, 0.125), (Granularity::Layer, 0.25)];
    // Of these ten last four operations, but not to the bit.
    for (granularity, dt) in frames.into_iter().chain([(Granularity::Operation, 0.1)]) {
        let mut playhead = Playhead::new(&timeline, granularity);
        playhead.apply(&Command::Play, &timeline);
        while playhead.tick(dt, &timeline).needed_step.is_none() {
            let mut paused = playhead.clone();
            paused.apply(&Command::Pause, &timeline);
            let before = paused.position();
            paused.apply(&Command::StepBack, &timeline);
            assert!(before - paused.position() > 0.009 || before == 0.0, "{granularity:?}, from {before}");
        }
    }
}
