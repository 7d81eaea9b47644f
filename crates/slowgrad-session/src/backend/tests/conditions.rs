//! Conditions of a lesson: what it highlights, and until when it trains.

use super::*;
use slowgrad_timeline::playback::cue::CueCondition;

/// A worker whose lesson performs this.
fn performing(cues: &str) -> InlineBackend {
    let lesson = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], data: "xor", seed: 3, params: #{ lr: 0.1 } } }"#;
    let text = format!("{lesson} fn perform(stage) {{ {cues} }}");
    let files = Files::from_iter([("t.rhai", text.as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    inline(library, Limits::default(), "t.rhai")
}

#[test]
fn what_a_lesson_highlights_goes_along_with_the_step_that_is_shown() {
    let cues = "stage.highlight(|p| p.grad > 0.0); stage.highlight(|p| p.layer == 1 && p.is_bias);";
    let mut worker = performing(cues);
    assert_eq!(settled(&mut worker).lit, None);
    let lit_by = |snapshot: &Snapshot, holds: &dyn Fn(f64) -> bool| {
        let grads = &snapshot.timeline.as_ref().expect("a step").step().grads;
        grads.iter().map(|grad| holds(*grad)).collect::<Vec<_>>()
    };
    let mut met = Vec::new();
    for step in [2, 3, 7] {
        worker.send(Command::Seek(step));
        worker.send(Command::Highlight(Some(CueCondition(0))));
        let shown = settled(&mut worker);
        assert_eq!(shown.lit.as_deref(), Some(&*lit_by(&shown, &|grad| grad > 0.0)), "step {step}");
        met.push(shown.lit);
    }
    assert!(met[0] != met[1] || met[1] != met[2], "steps differ, and so does what stands out");
    worker.send(Command::Highlight(Some(CueCondition(1))));
    let lit = settled(&mut worker).lit.expect("something stands out");
    assert_eq!(lit.iter().filter(|lit| **lit).count(), 1);
    assert!(lit[12], "the last bias");
    // A lesson that was saved meanwhile may have fewer conditions.
    worker.send(Command::Highlight(Some(CueCondition(2))));
    let none = settled(&mut worker);
    assert_eq!((none.lit, none.problems.len()), (None, 0));
}

#[test]
fn training_ends_when_its_condition_holds_or_it_was_long_enough() {
    let cues = "stage.train_until(|m| m.loss < 0.02, 100000); stage.train_until(|m| m.step >= 9, 100);";
    let mut worker = performing(cues);
    worker.send(Command::TrainUntil { until: CueCondition(1), most: 100 });
    let nine = settled(&mut worker);
    assert_eq!(nine.timeline.as_ref().expect("a step").step().step, 10, "nine steps are done");
    worker.send(Command::TrainUntil { until: CueCondition(0), most: 30 });
    assert_eq!(settled(&mut worker).timeline.expect("a step").step().step, 40, "thirty more are the most");
    worker.send(Command::TrainUntil { until: CueCondition(0), most: 100_000 });
    let learned = settled(&mut worker);
    let done = learned.timeline.as_ref().expect("a step").step().step - 1;
    assert!((40..100_000).contains(&done), "{done}");
    // The steps of the last epoch, and no earlier ones, had such a loss.
    let points = &learned.curves.present;
    let mean = |end: u64| {
        let losses: Vec<f64> =
            points.iter().filter(|point| point.step > end - 4 && point.step <= end).map(|point| point.loss).collect();
        (losses.len() == 4).then(|| losses.iter().sum::<f64>() / 4.0)
    };
    if let (Some(last), Some(before)) = (mean(done), mean(done - 1)) {
        assert!(last < 0.02 && before >= 0.02, "{last} {before}");
    }
    // The next training has no condition.
    worker.send(Command::Train(5));
    assert_eq!(settled(&mut worker).timeline.expect("a step").step().step, done + 6);
}

#[test]
fn training_until_a_condition_can_be_interrupted() {
    let mut worker = performing("stage.train_until(|m| m.loss < -1.0, 1000000000);");
    worker.send(Command::TrainUntil { until: CueCondition(0), most: 1_000_000_000 });
    worker.send(Command::FullSpeed(false));
    let stopped = settled(&mut worker).timeline.expect("a step").step().step;
    worker.send(Command::Train(1));
    assert_eq!(settled(&mut worker).timeline.expect("a step").step().step, stopped + 1);
}

#[test]
fn a_condition_that_fails_is_the_authors_problem_and_ends_what_asked_it() {
    let cues = "stage.highlight(|p| if p.value > 10.0 { p.nothing > 0.0 } else { true });
                stage.train_until(|m| m.step > 20 && m.nothing > 0.0, 1000);
                stage.highlight(|p| { if p.value > 10.0 { loop { } } true });";
    let mut worker = performing(cues);
    worker.send(Command::Highlight(Some(CueCondition(0))));
    assert!(settled(&mut worker).lit.is_some(), "no weight is large yet");
    worker.send(weight(20.0).into());
    let failed = settled(&mut worker);
    assert_eq!(failed.lit, None);
    assert!(failed.problems[0].message.contains("nothing"), "{:?}", failed.problems);
    assert!(failed.problems[0].location.is_some());

    worker.send(Command::TrainUntil { until: CueCondition(1), most: 1000 });
    let failed = settled(&mut worker);
    assert_eq!(failed.timeline.as_ref().expect("a step").step().step, 22);
    assert_eq!(failed.problems.len(), 1, "{:?}", failed.problems);
    assert!(!failed.stuck, "the run itself is good");

    worker.send(Command::Highlight(Some(CueCondition(2))));
    let stopped = settled(&mut worker);
    assert_eq!((stopped.lit, stopped.problems.len()), (None, 1));
    worker.send(Command::Highlight(None));
    assert!(settled(&mut worker).problems.is_empty());
}
