//! Session files that nobody would save: the parser refuses them or reads them without harm, and what it has read can be
//! restored without a panic.

use super::tests::{finish, start};
use super::*;
use crate::session::{RunAction, Session};
use crate::testing::clock;
use slowgrad_engine::rng::{Purpose, Rng};
use std::time::Duration;

/// A session with most of what a file can hold.
fn saved() -> String {
    let mut session = Session::new(start(BackendCommand::Open("lessons/sgd-and-momentum.rhai".into())));
    finish(&mut session);
    session.go_to_step(12);
    finish(&mut session);
    session.send(crate::protocol::Change::Arrange([(Target::Input(0), [3.0, -4.5])].into()).into());
    session.act(RunAction::AddNeuron);
    session.set_activation(0, "softplus");
    finish(&mut session);
    session.go_to_step(20);
    session.act(RunAction::Undo);
    finish(&mut session);
    session.bookmarks.insert(Bookmark { name: "look".into(), step: 3, event: 5 });
    session.view.selected = Some(Target::Weight { layer: 0, neuron: 1, input: 0 });
    session.view.zoom_by(1.5);
    let panels = OpenPanels { tab: DrawerTab::Script, plots: OpenPlots::default(), unsaved: Vec::new() };
    session.to_file(panels).expect("a session").text()
}

/// Opens a file that the parser accepts, and looks at it for a moment.
fn look(session: SessionFile) {
    let mut opened = Session::new(start(session.command("lessons/sgd-and-momentum.rhai".into()))).restoring(session);
    opened.run_until_idle(clock().deadline(Duration::from_millis(40)));
    opened.tick(0.05);
    opened.act(RunAction::StepForward);
    opened.tick(0.05);
}

#[test]
fn random_damage_is_refused_or_harmless() {
    let text = saved();
    let mut rng = Rng::new(14, Purpose::Data);
    let below = |rng: &mut Rng, n: usize| rng.below(n as u64) as usize;
    let numbers = ["0", "-1", "1e300", "18446744073709551615", "4294967296", "999999999999999", "0.5", "1e-300", "3"];
    let (mut refused, mut opened) = (0, 0);
    for _ in 0..1_500 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=below(&mut rng, 2) {
            let at = below(&mut rng, bytes.len());
            match below(&mut rng, 5) {
                0 => bytes[at] = rng.below(256) as u8,
                1 => drop(bytes.drain(at..(at + 1 + below(&mut rng, 40)).min(bytes.len()))),
                2 => {
                    let from = below(&mut rng, bytes.len());
                    let part = bytes[from..(from + below(&mut rng, 200)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, part);
                }
                // Another number in the place of the next one.
                _ => {
                    let digit = |byte: &u8| byte.is_ascii_digit();
                    let Some(start) = bytes[at..].iter().position(digit).map(|found| at + found) else { continue };
                    let length = bytes[start..].iter().take_while(|byte| digit(byte)).count();
                    let number = numbers[below(&mut rng, numbers.len())];
                    bytes.splice(start..start + length, number.bytes());
                }
            }
        }
        match SessionFile::parse(&bytes) {
            Err(_) => refused += 1,
            Ok(session) => {
                opened += 1;
                if opened % 8 == 0 {
                    look(session);
                }
            }
        }
    }
    assert!(refused > 200 && opened > 200, "{refused} {opened}");
}

/// The saved session with a change of its JSON.
fn changed(change: impl FnOnce(&mut serde_json::Value)) -> Result<SessionFile, FormatError> {
    static SAVED: std::sync::LazyLock<String> = std::sync::LazyLock::new(saved);
    let mut value: serde_json::Value = serde_json::from_str(&SAVED).expect("JSON");
    change(&mut value);
    SessionFile::parse(value.to_string().as_bytes())
}

#[test]
fn absurd_numbers_and_lists_are_refused_with_the_reason() {
    use serde_json::json;
    changed(|_| ()).expect("the saved session");
    type Damage = fn(&mut serde_json::Value);
    let cases: [(&str, Damage); 14] = [
        ("beyond the limit", |file| file["run"]["trained"] = json!(9_000_000_000_000_000_000_u64)),
        ("only", |file| file["run"]["step"] = json!(999)),
        ("stores no weights", |file| {
            file["run"]["trained"] = json!(10_000_000_000_u64);
            file.as_object_mut().expect("an object").remove("state");
        }),
        ("not in order", |file| file["run"]["changes"][0]["after"] = json!(999)),
        ("more than 100000 elements", |file| file["run"]["changes"] = vec![json!({"after": 0}); 100_001].into()),
        ("more than 1000 elements", |file| {
            let entry = json!({"what": "", "step": 1, "trained": 0, "same": 0});
            file["run"]["undo"] = vec![entry; 1_001].into();
        }),
        ("too many changes to undo", |file| {
            file["run"]["changes"] = json!([]);
            let first = json!({"what": "", "step": 1, "trained": 0, "same": 0,
                "changes": vec![json!({"after": 0}); 60_000]});
            let next = json!({"what": "", "step": 1, "trained": 0, "same": 60_000});
            file["run"]["undo"] = [vec![first], vec![next; 20]].concat().into();
        }),
        ("more than 16384 elements", |file| {
            file["state"]["losses"] = (1..20_000).map(|step| json!([step, 0.5])).collect::<Vec<_>>().into();
        }),
        ("not in order", |file| file["state"]["losses"] = json!([[5, 0.5], [4, 0.5]])),
        ("damaged", |file| file["state"]["parameters"] = json!("AAAA")),
        ("too far", |file| file["run"]["moved"][0][1] = json!([1e7, 0.0])),
        ("camera", |file| file["camera"]["zoom"] = json!(-1.0)),
        ("bookmark", |file| file["bookmarks"][0]["step"] = json!(u64::MAX)),
        ("a name has more than", |file| file["title"] = json!("x".repeat(5_000))),
    ];
    for (reason, damage) in cases {
        let error = changed(damage).expect_err(reason).to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    let deep = format!(r#"{{"slowgrad":"session","version":3,"title":{}"#, "[".repeat(100_000));
    assert!(SessionFile::parse(deep.as_bytes()).is_err());
}
