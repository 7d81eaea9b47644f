//! Conditions of a lesson: for highlights, and for the end of training.

use super::*;
use slowgrad_timeline::playback::cue::CueCondition;

/// A backend with a lesson that has these cues.
fn performing(cues: &str) -> InlineBackend {
    let lesson = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], data: "xor", seed: 3, params: #{ lr: 0.1 } } }"#;
    let text = format!("{lesson} fn perform(stage) {{ {cues} }}");
    let files = Files::from_iter([("t.rhai", text.as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    inline(library, Limits::default(), "t.rhai")
}

#[test]
fn highlights_follow_the_shown_step() {
    let cues = "stage.highlight(|p| p.grad > 0.0); stage.highlight(|p| p.layer == 1 && p.is_bias);";
    let mut backend = performing(cues);
    assert_eq!(idle_snapshot(&mut backend).highlighted, None);
    let expected_highlight = |snapshot: &Snapshot, holds: &dyn Fn(f64) -> bool| {
        let grads = &snapshot.timeline.as_ref().expect("a step").step().grads;
        grads.iter().map(|grad| holds(*grad)).collect::<Vec<_>>()
    };
    let mut seen = Vec::new();
    for step in [2, 3, 7] {
        backend.send(BackendCommand::Seek(step));
        backend.send(BackendCommand::Highlight(Some(CueCondition(0))));
        let shown = idle_snapshot(&mut backend);
        assert_eq!(shown.highlighted.as_deref(), Some(&*expected_highlight(&shown, &|grad| grad > 0.0)), "step {step}");
        seen.push(shown.highlighted);
    }
    assert!(seen[0] != seen[1] || seen[1] != seen[2], "steps have different highlights");
    backend.send(BackendCommand::Highlight(Some(CueCondition(1))));
    let highlighted = idle_snapshot(&mut backend).highlighted.expect("a highlight");
    assert_eq!(highlighted.iter().filter(|highlighted| **highlighted).count(), 1);
    assert!(highlighted[12], "the last bias");
    // A lesson that was saved since may have fewer conditions.
    backend.send(BackendCommand::Highlight(Some(CueCondition(2))));
    let none = idle_snapshot(&mut backend);
    assert_eq!((none.highlighted, none.problems.len()), (None, 0));
}

#[test]
fn training_ends_at_its_condition_or_limit() {
    let cues = "stage.train_until(|m| m.loss < 0.02, 100000); stage.train_until(|m| m.step >= 9, 100);";
    let mut backend = performing(cues);
    backend.send(BackendCommand::TrainUntil { until: CueCondition(1), max_steps: 100 });
    let nine = idle_snapshot(&mut backend);
    assert_eq!(nine.timeline.as_ref().expect("a step").step().step, 10, "nine steps are completed");
    backend.send(BackendCommand::TrainUntil { until: CueCondition(0), max_steps: 30 });
    assert_eq!(idle_snapshot(&mut backend).timeline.expect("a step").step().step, 40, "the limit is thirty more steps");
    backend.send(BackendCommand::TrainUntil { until: CueCondition(0), max_steps: 100_000 });
    let learned = idle_snapshot(&mut backend);
    let done = learned.timeline.as_ref().expect("a step").step().step - 1;
    assert!((40..100_000).contains(&done), "{done}");
    // The mean loss is below the threshold in the last epoch, and not before.
    let points = &learned.curves.present;
    let mean = |end: u64| {
        let losses: Vec<f64> =
            points.iter().filter(|point| point.step > end - 4 && point.step <= end).map(|point| point.loss).collect();
        (losses.len() == 4).then(|| losses.iter().sum::<f64>() / 4.0)
    };
    if let (Some(last), Some(before)) = (mean(done), mean(done - 1)) {
        assert!(last < 0.02 && before >= 0.02, "{last} {before}");
    }
    // Later training has no condition.
    backend.send(BackendCommand::Train(5));
    assert_eq!(idle_snapshot(&mut backend).timeline.expect("a step").step().step, done + 6);
}

#[test]
fn training_until_a_condition_can_be_interrupted() {
    let mut backend = performing("stage.train_until(|m| m.loss < -1.0, 1000000000);");
    backend.send(BackendCommand::TrainUntil { until: CueCondition(0), max_steps: 1_000_000_000 });
    backend.send(BackendCommand::FullSpeed(false));
    let stopped = idle_snapshot(&mut backend).timeline.expect("a step").step().step;
    backend.send(BackendCommand::Train(1));
    assert_eq!(idle_snapshot(&mut backend).timeline.expect("a step").step().step, stopped + 1);
}

#[test]
fn a_failing_condition_is_reported_and_ends_its_cue() {
    let cues = "stage.highlight(|p| if p.value > 10.0 { p.nothing > 0.0 } else { true });
                stage.train_until(|m| m.step > 20 && m.nothing > 0.0, 1000);
                stage.highlight(|p| { if p.value > 10.0 { loop { } } true });";
    let mut backend = performing(cues);
    backend.send(BackendCommand::Highlight(Some(CueCondition(0))));
    assert!(idle_snapshot(&mut backend).highlighted.is_some(), "no weight is large yet");
    backend.send(weight(20.0).into());
    let failed = idle_snapshot(&mut backend);
    assert_eq!(failed.highlighted, None);
    assert!(failed.problems[0].message.contains("nothing"), "{:?}", failed.problems);
    assert!(failed.problems[0].location.is_some());

    backend.send(BackendCommand::TrainUntil { until: CueCondition(1), max_steps: 1000 });
    let failed = idle_snapshot(&mut backend);
    assert_eq!(failed.timeline.as_ref().expect("a step").step().step, 22);
    assert_eq!(failed.problems.len(), 1, "{:?}", failed.problems);
    assert!(!failed.stuck, "the run itself has no problem");

    backend.send(BackendCommand::Highlight(Some(CueCondition(2))));
    let stopped = idle_snapshot(&mut backend);
    assert_eq!((stopped.highlighted, stopped.problems.len()), (None, 1));
    backend.send(BackendCommand::Highlight(None));
    assert!(idle_snapshot(&mut backend).problems.is_empty());
}

#[test]
fn training_ends_at_an_accuracy_and_scores_are_evaluated_on_request() {
    let mut backend = performing("stage.train_until(|m| m.accuracy == 1.0, 100000);");
    backend.send(BackendCommand::TrainUntil { until: CueCondition(0), max_steps: 100_000 });
    let learned = idle_snapshot(&mut backend);
    assert!(learned.problems.is_empty(), "{:?}", learned.problems);
    assert!(learned.evaluation.is_none(), "nothing shows it");
    let done = learned.timeline.as_ref().expect("a step").step().step - 1;
    assert!((5..100_000).contains(&done) && done.is_multiple_of(4), "{done}");

    backend.send(BackendCommand::Evaluate(true));
    let accuracy = |backend: &mut InlineBackend, step: u64| {
        backend.send(BackendCommand::Seek(step));
        let evaluation = idle_snapshot(backend).evaluation.expect("an evaluation");
        assert_eq!(evaluation.steps + 1, step);
        let (scores, confusion) = (evaluation.evaluated.scores(), evaluation.evaluated.train.confusion().cloned());
        let confusion = confusion.expect("the targets 0 and 1 are classes");
        assert_eq!((confusion.samples(0), confusion.samples(1), scores.test), (2, 2, None));
        let right = confusion.count(0, 0) + confusion.count(1, 1);
        assert_eq!(scores.train.accuracy, Some(right as f64 / 4.0));
        right
    };
    assert_eq!(accuracy(&mut backend, done + 1), 4);
    // Epochs have four steps; the condition did not hold after the epoch before.
    assert!(accuracy(&mut backend, done - 3) < 4);
    // An edited weight has other scores at the same step.
    let before = idle_snapshot(&mut backend).evaluation.expect("an evaluation").evaluated.scores();
    backend.send(weight(-3.0).into());
    let edited = idle_snapshot(&mut backend).evaluation.expect("an evaluation");
    assert_eq!(edited.steps + 1, done - 3);
    assert_ne!(edited.evaluated.scores().train.loss.to_bits(), before.train.loss.to_bits());
    backend.send(BackendCommand::Evaluate(false));
    assert!(idle_snapshot(&mut backend).evaluation.is_none());
}
