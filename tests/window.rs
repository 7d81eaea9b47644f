//! The real window under Xvfb, driven by keys and mouse. (An integration test of the package `slowgrad`:
//! `env!("CARGO_BIN_EXE_slowgrad")` is the program.)
//!
//! The window writes down what it shows as JSON lines; the tests press keys as a person would and read there
//! what came of it. Without Xvfb or xdotool they fail in continuous integration and say so elsewhere.

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A software renderer on a busy machine needs its time.
const PATIENCE: Duration = Duration::from_mins(1);

/// Stops a process when the test is over, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The tools that a window test needs; `None` when they are missing and may be.
fn tools() -> Option<()> {
    let has = |tool: &str| {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    let missing: Vec<&str> = ["Xvfb", "xdotool", "import"].into_iter().filter(|tool| !has(tool)).collect();
    if missing.is_empty() {
        return Some(());
    }
    assert!(std::env::var_os("CI").is_none(), "the window cannot be tested: {} missing", missing.join(", "));
    #[expect(clippy::print_stderr, reason = "a test that did not run says so")]
    {
        eprintln!("SKIPPED: the window is not tested, because {} is missing", missing.join(", "));
    }
    None
}

/// An X server of its own.
struct Display {
    name: String,
    _server: Running,
}

impl Display {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("display");
        // The server looks for a free number itself and writes it down.
        let server = Command::new("sh")
            .arg("-c")
            .arg(format!("exec Xvfb -displayfd 3 -screen 0 1280x720x24 -nolisten tcp 3> '{}'", file.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts");
        let server = Running(server);
        let began = Instant::now();
        loop {
            let number = fs::read_to_string(&file).unwrap_or_default();
            if number.ends_with('\n') {
                return Self { name: format!(":{}", number.trim()), _server: server };
            }
            assert!(began.elapsed() < PATIENCE, "Xvfb did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The program in its window.
struct Window {
    /// Ends before its display does, or it would complain.
    program: Running,
    display: Display,
    log: PathBuf,
    id: String,
    folder: tempfile::TempDir,
}

/// Starts the program on a file of a folder, which is its home as well.
fn launch(display: &Display, folder: &Path, opened: &str) -> Running {
    let program = Command::new(env!("CARGO_BIN_EXE_slowgrad"))
        .arg(folder.join(opened))
        .args(["--size", "1280x720", "--log-events"])
        .arg(folder.join("events.jsonl"))
        .env("DISPLAY", &display.name)
        .env("WINIT_X11_SCALE_FACTOR", "1")
        .env("XDG_RUNTIME_DIR", folder)
        .env("XDG_CONFIG_HOME", folder.join("home/config"))
        .env("XDG_DATA_HOME", folder.join("home/data"))
        .env("XDG_STATE_HOME", folder.join("home/state"))
        .env("SLOWGRAD_SCRIPTS", folder.join("user"))
        .env_remove("WAYLAND_DISPLAY")
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    Running(program)
}

impl Window {
    /// Opens the window on a lesson whose text is `lesson`, with an optimizer of its own beside it.
    fn open(lesson: &str, optimizer: &str) -> Self {
        let display = Display::start();
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("optimizers")).expect("a folder");
        fs::write(folder.path().join("lesson.rhai"), lesson).expect("a lesson");
        fs::write(folder.path().join("optimizers/own.rhai"), optimizer).expect("an optimizer");
        let log = folder.path().join("events.jsonl");
        let program = launch(&display, folder.path(), "lesson.rhai");
        let mut window = Self { program, display, log, id: String::new(), folder };
        window.until("the lesson opens", |state| state["step"] == 1);
        window.focus();
        window
    }

    /// Gives the window the keyboard: without a window manager nobody does.
    fn focus(&mut self) {
        let found = self.xdotool(&["search", "--onlyvisible", "--name", "slowgrad"]);
        found.lines().next().unwrap_or("").clone_into(&mut self.id);
        self.xdotool(&["windowfocus", "--sync", &self.id]);
    }

    /// Ends the program without a warning, and starts it again.
    fn kill_and_start(&mut self, opened: &str) {
        self.program.0.kill().expect("it is killed");
        self.program.0.wait().expect("it is over");
        fs::remove_file(&self.log).expect("the log");
        self.program = launch(&self.display, self.folder.path(), opened);
        self.until("it is open", |state| !state["step"].is_null());
        self.focus();
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        let output =
            Command::new("xdotool").args(arguments).env("DISPLAY", &self.display.name).output().expect("xdotool runs");
        assert!(output.status.success(), "xdotool {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn press(&self, key: &str) {
        self.xdotool(&["key", key]);
    }

    /// What the window shows now.
    fn state(&self) -> Value {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().next_back().and_then(|line| serde_json::from_str(line).ok()).unwrap_or(Value::Null)
    }

    /// Waits until the window shows something, and answers what it shows then.
    fn until(&mut self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let state = self.state();
            if !state.is_null() && holds(&state) {
                return state;
            }
            if let Ok(Some(status)) = self.program.0.try_wait() {
                panic!("the program ended ({status}) before {what}");
            }
            assert!(began.elapsed() < PATIENCE, "waiting until {what}; the window shows {state:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for a while and makes sure that nothing moves.
    fn stands_still(&self) -> Value {
        std::thread::sleep(Duration::from_millis(400));
        let before = self.state();
        std::thread::sleep(Duration::from_millis(600));
        let after = self.state();
        assert_eq!(before["position"], after["position"]);
        after
    }

    fn save(&self, path: &str, text: &str) {
        fs::write(self.folder.path().join(path), text).expect("it is saved");
    }

    fn file(&self, path: &str) -> String {
        fs::read_to_string(self.folder.path().join(path)).expect("a file")
    }

    /// A picture of the whole screen as rows of RGB.
    fn screenshot(&self) -> Vec<u8> {
        let path = self.folder.path().join("shot.png");
        let status = Command::new("import")
            .args(["-window", "root"])
            .arg(&path)
            .env("DISPLAY", &self.display.name)
            .status()
            .expect("import runs");
        assert!(status.success());
        pixels(&path)
    }
}

fn pixels(path: &Path) -> Vec<u8> {
    let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).expect("a picture")));
    let mut reader = decoder.read_info().expect("a PNG file");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut pixels).expect("a frame");
    pixels
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

const LESSON: &str = r#"
fn lesson() {
    #{ title: "Mine", layers: [2, 3, 1], activation: "tanh", output: "sigmoid", loss: "mse",
       optimizer: "own", data: "xor", seed: 7, params: #{ lr: 0.5 } }
}
"#;

const OPTIMIZER: &str = r"
fn state() { #{ velocity: 0.0 } }
fn update(w, grad, state, ctx) {
    state.velocity = 0.9 * state.velocity + grad;
    w - ctx.lr * state.velocity
}
";

#[test]
fn keys_play_step_and_change_granularity() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("space");
    window.until("it plays", |state| state["playing"] == true && number(&state["position"]) > 1.0);
    window.press("space");
    window.until("it pauses", |state| state["playing"] == false);
    window.stands_still();

    window.press("Home");
    window.until("the start", |state| number(&state["position"]) == 0.0);
    for step in 1..=3 {
        window.press("Right");
        window.until("a step", |state| number(&state["position"]) == f64::from(step) && state["playing"] == false);
    }
    window.press("Left");
    window.until("a step back", |state| number(&state["position"]) == 2.0);
    window.press("Up");
    window.until("neurons", |state| state["granularity"] == "neuron");
    window.press("End");
    window.until("the end", |state| number(&state["position"]) == number(&state["events"]));
    window.press("Right");
    window.until("the next training step", |state| state["step"] == 2);
    window.press("ctrl+Left");
    window.until("the first step again", |state| state["step"] == 1);

    let shot = window.screenshot();
    let background = &shot[..3];
    let other = shot.chunks_exact(3).filter(|pixel| *pixel != background).count();
    assert!(other > 20_000, "the window looks empty: {other} pixels differ from its corner");
}

#[test]
fn a_weight_is_edited_in_the_picture() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    let state = window.until("the network is drawn", |state| state["first_weight"].is_array());
    let [x, y] = [0, 1].map(|i| (number(&state["first_weight"][i]) as i32).to_string());
    window.xdotool(&["mousemove", &x, &y]);
    window.xdotool(&["click", "1"]);
    window
        .until("it is selected", |state| state["selected"].as_str().is_some_and(|target| target.starts_with("Weight")));
    window.press("Return");
    window.until("the field opens", |state| state["overlay"] == "edit");
    window.press("ctrl+a");
    window.xdotool(&["type", "1.25"]);
    window.until("the value is shown at once", |state| state["parameters"][0] == 1.25);
    window.press("Return");
    window.until("the field closes", |state| state["overlay"] == "");

    let before = window.state()["parameters"].clone();
    window.press("Return");
    window.until("the field opens", |state| state["overlay"] == "edit");
    window.press("Up");
    window.until("a nudge", |state| state["parameters"] != before);
    window.press("Escape");
    window.until("the old value is back", |state| state["parameters"] == before && state["overlay"] == "");
}

/// What has to come back: all but how often it was drawn, and what passes by.
fn lasting(state: &Value) -> Value {
    let mut state = state.clone();
    for passing in ["frames", "notices", "first_weight", "canvas", "undo"] {
        state[passing] = Value::Null;
    }
    state
}

#[test]
fn what_was_done_comes_back_after_a_kill_and_from_a_file() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("ctrl+Right");
    window.press("ctrl+Right");
    let state = window.until("the third step", |state| state["step"] == 3 && state["first_weight"].is_array());
    let [x, y] = [0, 1].map(|i| (number(&state["first_weight"][i]) as i32).to_string());
    window.xdotool(&["mousemove", &x, &y]);
    window.xdotool(&["click", "1"]);
    window.until("it is selected", |state| !state["selected"].is_null());
    window.press("Return");
    window.until("the field opens", |state| state["overlay"] == "edit");
    window.press("ctrl+a");
    window.xdotool(&["type", "1.25"]);
    window.press("Return");
    let edited = window.until("it is edited", |state| state["parameters"][0] == 1.25 && state["overlay"] == "");
    window.press("ctrl+z");
    let undone = window.until("it is undone", |state| state["parameters"][0] != 1.25);
    assert_eq!(undone["parameters"], state["parameters"]);
    window.press("ctrl+shift+z");
    window.until("it is done again", |state| state["parameters"] == edited["parameters"]);
    window.press("ctrl+n");
    window.until("new weights", |state| state["step"] == 1 && state["parameters"] != edited["parameters"]);
    window.press("ctrl+z");
    window.until("the old ones again", |state| state["step"] == 3 && state["parameters"] == edited["parameters"]);

    window.press("ctrl+Right");
    window.until("the fourth step", |state| state["step"] == 4);
    window.press("Up");
    window.press("Right");
    window.press("bracketright");
    window.until("a neuron is over", |state| state["granularity"] == "neuron" && number(&state["position"]) > 1.0);
    let before = window.stands_still();
    window.kill_and_start("lesson.rhai");
    let after = window.until("it is back", |state| state["step"] == 4 && state["position"] == before["position"]);
    assert_eq!(lasting(&after), lasting(&before));
    assert!(after["notices"].to_string().contains("this is where you were"), "{}", after["notices"]);

    // Into a file, and out of it.
    window.press("ctrl+s");
    window.until("it asks where to", |state| state["overlay"] == "save");
    window.press("Return");
    window.until("it is saved", |state| state["notices"].to_string().contains("saved as"));
    let text = window.file("lesson.session.json");
    assert!(text.contains("\"value\": 1.25"), "{text}");
    window.press("Home");
    window.press("ctrl+r");
    window.until("from the start", |state| state["step"] == 1);
    window.kill_and_start("lesson.session.json");
    let again = window.until("it is as it was saved", |state| state["position"] == before["position"]);
    assert_eq!(lasting(&again), lasting(&before));
    window.press("ctrl+o");
    window.until("it asks what to open", |state| state["overlay"] == "open");
    window.xdotool(&["type", "/nowhere.session.json"]);
    window.press("Return");
    window.until("it says why not", |state| state["notices"].to_string().contains("cannot read /nowhere"));
    assert_eq!(window.state()["step"], 4);
    // A lesson by its path: it may lie anywhere.
    fs::create_dir(window.folder.path().join("elsewhere")).expect("a folder");
    window.save("elsewhere/other.rhai", &LESSON.replace("\"own\"", "\"sgd\""));
    window.press("ctrl+o");
    window.until("it asks what to open", |state| state["overlay"] == "open");
    let other = window.folder.path().join("elsewhere/other.rhai").display().to_string();
    window.xdotool(&["type", &other]);
    window.press("Return");
    window.until("the other lesson opens", |state| state["lesson"] == "other.rhai" && state["step"] == 1);
}

#[test]
fn the_network_is_changed_in_place_and_comes_back() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    let start = window.until("the network is drawn", |state| state["first_weight"].is_array());
    window.press("n");
    let more = window.until("a neuron more", |state| state["sizes"] == json!([2, 4, 1]));
    let six = |state: &Value| state["parameters"].as_array().expect("numbers")[..6].to_vec();
    assert_eq!(six(&more), six(&start), "the others stay");
    // From part to part: two inputs, a neuron, its first weight.
    for _ in 0..4 {
        window.press("period");
    }
    window.until("the first weight", |state| state["selected"].to_string().contains("Weight"));
    window.press("k");
    window.until("it is frozen", |state| state["frozen"] == json!([0]));
    window.press("ctrl+Right");
    let next = window.until("the next step", |state| state["step"] == 2);
    assert_eq!(next["parameters"][0], start["parameters"][0]);
    assert_ne!(next["parameters"], more["parameters"], "all others learn");
    window.press("ctrl+z");
    window.press("ctrl+z");
    window.until("undone", |state| state["sizes"] == json!([2, 3, 1]) && state["frozen"] == json!([]));
    window.press("ctrl+shift+z");
    window.press("ctrl+shift+z");
    window.until("done again", |state| state["sizes"] == json!([2, 4, 1]) && state["frozen"] == json!([0]));
    window.stands_still();
    window.kill_and_start("lesson.rhai");
    window.until("it is as it was", |state| state["sizes"] == json!([2, 4, 1]) && state["frozen"] == json!([0]));
}

#[test]
fn the_window_is_as_it_was_left() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    let state = window.until("the network is drawn", |state| state["first_weight"].is_array());
    assert_eq!((&state["colours"], &state["hints_seen"]), (&"as the system".into(), &0.into()));
    window.press("d");
    window.press("d");
    window.press("ctrl+plus");
    window.until("it is light and large", |now| {
        now["colours"] == "light" && now["scale"] != 1.0 && now["canvas"] != state["canvas"]
    });
    // What the first hint says is done.
    let weight = window.stands_still();
    let scale = number(&weight["scale"]);
    let [x, y] = [0, 1].map(|i| ((scale * number(&weight["first_weight"][i])) as i32).to_string());
    window.xdotool(&["mousemove", &x, &y]);
    window.stands_still();
    window.xdotool(&["click", "1"]);
    window.until("a hint is seen", |state| state["hints_seen"] == 1);
    std::thread::sleep(Duration::from_secs(1));
    window.press("b");
    window.until("a bookmark", |state| state["bookmarks"].as_array().is_some_and(|all| all.len() == 1));
    window.stands_still();
    window.kill_and_start("lesson.rhai");
    let again = window.until("it is drawn", |state| state["first_weight"].is_array());
    for what in ["colours", "scale", "hints_seen", "bookmarks"] {
        assert_eq!(again[what], window.state()[what], "{what}");
    }
    assert_eq!((&again["colours"], &again["hints_seen"]), (&"light".into(), &1.into()));
    // Settings that are broken are no reason not to start.
    window.save("home/config/slowgrad/window.json", "{ oops");
    window.kill_and_start("lesson.rhai");
    let usual = window.until("it says so", |state| state["notices"].to_string().contains("settings cannot be read"));
    assert_eq!((&usual["colours"], &usual["scale"]), (&"as the system".into(), &1.0.into()));
}

#[test]
fn a_script_is_exchanged_while_it_runs() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("Right");
    window.until("a step", |state| number(&state["position"]) == 1.0);

    // A broken version: the error has its line, and the last good one goes on.
    window.save("optimizers/own.rhai", &OPTIMIZER.replace("+ grad;", "+ gard;"));
    let state = window.until("the error is shown", |state| state["problems"][0].is_string());
    let problem = state["problems"][0].as_str().unwrap_or("").to_owned();
    assert!(problem.starts_with("optimizers/own.rhai:4:") && problem.contains("gard"), "{problem}");
    window.press("End");
    window.press("Right");
    // The key's unit plays to its end before the next key, which would only finish it.
    window.until("the last good version trains on", |state| {
        state["step"] == 2 && number(&state["position"]) == 1.0 && state["playing"] == false
    });

    // A good version with another field takes over at the next step.
    window.press("Right");
    window.until("within the step", |state| number(&state["position"]) == 2.0);
    window.save("optimizers/own.rhai", &OPTIMIZER.replace("velocity", "speed"));
    window.until("the error is gone", |state| state["problems"].as_array().is_some_and(Vec::is_empty));
    assert_eq!(window.stands_still()["optimizer_fields"][0], "velocity");
    window.press("End");
    window.press("Right");
    let state = window.until("the new version runs", |state| state["optimizer_fields"][0] == "speed");
    let notices = state["notices"].to_string();
    assert!(notices.contains("«velocity» dropped"), "{notices}");
    assert_eq!(state["step"], 3);
}

#[test]
fn a_script_is_edited_saved_broken_and_mended_in_the_window() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("End");
    window.press("Left");
    window.until("the optimizer runs", |state| number(&state["position"]) == number(&state["events"]) - 1.0);
    window.press("e");
    window.until("its script is open and listens", |state| {
        state["editor"]["file"] == "optimizers/own.rhai" && state["editor"]["is_writing"] == true
    });
    let before = window.state();

    // The player's keys are letters here, and brackets are indented.
    window.press("ctrl+Home");
    for line in ["fn more(x) {", "x * 1.0", "}", "//  t s d [ ]"] {
        window.xdotool(&["type", line]);
        window.press("Return");
    }
    window.until("it is typed", |state| state["editor"]["is_unsaved"] == true && state["editor"]["names"].is_null());
    window.press("ctrl+s");
    let state = window.until("it is saved", |state| state["editor"]["is_unsaved"] == false);
    let typed = "fn more(x) {\n    x * 1.0\n}\n//  t s d [ ]\n";
    assert_eq!(window.file("optimizers/own.rhai"), format!("{typed}{OPTIMIZER}"));
    assert_eq!((&state["position"], &state["playing"]), (&before["position"], &before["playing"]));

    // A mistake is shown in its place, and the last good version runs.
    window.press("ctrl+End");
    window.xdotool(&["type", "let y = 1 +;"]);
    window.press("ctrl+s");
    window.until("the mistake is shown", |state| {
        state["editor"]["problems"].as_array().is_some_and(|found| !found.is_empty())
            && state["problems"][0].is_string()
    });
    assert!(window.file("optimizers/own.rhai").ends_with("let y = 1 +;"));

    // Undone by name: the whole text is another one, with another field.
    window.press("ctrl+a");
    window.xdotool(&["type", "fn state() { #{ speed: 0.0 } }"]);
    window.press("Return");
    window.xdotool(&["type", "fn update(w, grad, state, ctx) { state.speed += grad; w - ctx.lr * state.speed }"]);
    window.press("ctrl+s");
    window.until("it is mended", |state| state["problems"].as_array().is_some_and(Vec::is_empty));
    window.press("ctrl+Return");
    window.until("it was checked", |state| state["editor"]["checked"] == 0);
    window.press("Escape");
    window.until("the text is left", |state| state["editor"]["is_writing"] == false);
    window.press("Escape");
    window.until("the editor is closed", |state| state["editor"].is_null());
    window.press("End");
    window.press("Right");
    window.until("the new version runs", |state| state["optimizer_fields"][0] == "speed");
}

#[test]
fn a_paused_window_draws_nothing_even_with_a_script_open() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, &format!("{OPTIMIZER}{}", "// a long script\n".repeat(2_000)));
    window.press("e");
    window.until("a script is open", |state| state["editor"]["is_writing"] == true);
    window.press("Escape");
    window.until("the text is left", |state| state["editor"]["is_writing"] == false);
    std::thread::sleep(Duration::from_secs(1));
    let before = number(&window.state()["frames"]);
    std::thread::sleep(Duration::from_secs(2));
    window.press("bracketright");
    window.press("Up");
    let after = number(&window.until("a key is heard", |state| state["granularity"] == "neuron")["frames"]);
    // The two keys, and what was still fading when the text was left.
    assert!(after - before < 20.0, "{} frames were drawn while nothing happened", after - before);
}

#[test]
fn a_folder_made_while_the_lesson_runs_counts() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.save("lesson.rhai", &LESSON.replace("\"mse\"", "\"mine\""));
    window.until("the loss is missed", |state| state["problems"][0].is_string());
    fs::create_dir(window.folder.path().join("losses")).expect("a folder");
    window.save("losses/mine.rhai", "fn loss(output, target) { (output[0] - target[0]) ** 4 }");
    window.until("it is found", |state| state["problems"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn what_is_put_into_the_users_folder_while_the_lesson_runs_counts() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    // The folder was made when the window opened, so that this can be noticed.
    fs::create_dir(window.folder.path().join("user/losses")).expect("a folder");
    window.save("user/losses/mse.rhai", "fn loss(output, target) { (output[0] - target[0]) ** 4 }");
    window.until("the user's own loss shadows the built-in one", |state| {
        let notices = state["notices"].as_array().expect("notices").iter();
        notices.filter_map(Value::as_str).any(|notice| notice.contains("losses/mse.rhai was saved"))
    });
}

#[test]
fn a_lesson_plays_by_itself_pauses_and_waits() {
    if tools().is_none() {
        return;
    }
    let perform = r#"
fn perform(stage) {
    stage.say("Look.");
    stage.play("forward", #{ by: "operation", seconds: 3 });
    stage.say("The answer is {output:2}.");
    stage.wait();
    stage.train(50);
    stage.say("After step {step}.");
}
"#;
    let mut window = Window::open(&format!("{LESSON}{perform}"), OPTIMIZER);
    window.until("it plays by itself", |state| number(&state["position"]) > 1.0);
    window.press("space");
    let paused = window.until("it pauses", |state| state["playing"] == false);
    window.stands_still();
    window.press("space");
    window.until("it goes on", |state| number(&state["position"]) > number(&paused["position"]));
    let state = window.until("it waits", |state| state["waiting"] == true && state["cue"] == 4);
    assert!(state["caption"].as_str().is_some_and(|caption| caption.starts_with("The answer is 0.")));
    window.press("Next");
    window.until("it trains", |state| state["step"] == 51 && state["caption"] == "After step 51.");
    window.press("Prior");
    window.until("it is where it waited", |state| state["step"] == 1 && state["waiting"] == true && state["cue"] == 4);
}

#[test]
fn a_script_that_runs_away_stops_neither_the_picture_nor_the_training() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("space");
    let before = window.until("it plays", |state| state["playing"] == true && number(&state["position"]) > 1.0);
    // It takes seconds until reading this lesson is stopped.
    window.save("lesson.rhai", &format!("{LESSON}\nfn perform(stage) {{ loop {{ let x = 1; }} }}"));
    let runs_away = |state: &Value| state["problems"].as_array().is_some_and(|problems| !problems.is_empty());
    window.until("it is stopped", runs_away);
    let lines = fs::read_to_string(&window.log).expect("the log");
    let states = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let between: Vec<f64> = states
        .skip_while(|state| state["position"] != before["position"])
        .take_while(|state| !runs_away(state))
        .map(|state| number(&state["position"]))
        .collect();
    assert!(between.len() > 5 && between.is_sorted(), "the picture stood still: {between:?}");
    // The last good version goes on.
    window.press("t");
    window.until("it trains", |state| number(&state["step"]) > 200.0 && runs_away(state));
    window.save("lesson.rhai", LESSON);
    window.until("it is repaired", |state| !runs_away(state));
}

#[test]
fn full_speed_trains_and_stops() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("t");
    window.until("it trains", |state| state["full_speed"] == true && number(&state["step"]) > 200.0);
    window.press("t");
    let state = window.until("it stops", |state| state["full_speed"] == false);
    window.stands_still();
    assert!(number(&state["step"]) > 200.0);
}

#[test]
fn without_a_display_there_is_one_line_that_helps() {
    let user = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_slowgrad"))
        .env("SLOWGRAD_SCRIPTS", user.path())
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success());
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    assert!(text.contains("slowgrad render") && text.contains("slowgrad trace"), "{text}");
}

const ASKING: &str = r#"
fn lesson() {
    #{ title: "Asking", layers: [2, 3, 1], activation: "relu", data: "xor", seed: 7 }
}
fn perform(stage) {
    stage.ask("Which weights will change?", ["all", "those with a gradient", "none"], 1);
    stage.play("step", #{ by: "phase", seconds: 1 });
    stage.highlight(|p| p.is_bias);
    stage.focus(weight(1, 0, 2));
    stage.wait();
    stage.clear();
    stage.show("timeline");
    stage.wait();
}
"#;

#[test]
fn a_question_is_answered_by_a_key_before_an_audience() {
    if tools().is_none() {
        return;
    }
    let mut window = Window::open(ASKING, OPTIMIZER);
    window.until("it asks", |state| state["question"]["text"] == "Which weights will change?");
    window.press("F5");
    let alone = window.until("it is presented", |state| state["presenting"] == true);
    window.press("3");
    let answered = window.until("it is answered", |state| state["question"]["revealed"] == true);
    assert_eq!(answered["question"]["chosen"], 2);
    window.press("1");
    window.stands_still();
    assert_eq!(window.state()["question"]["chosen"], 2, "who has seen the right answer gives no other");
    window.press("Next");
    let lit = window.until("biases stand out", |state| state["lit"] == 4 && state["waiting"] == true);
    assert_eq!(lit["question"], Value::Null);
    assert_eq!(lit["selected"], "Weight { layer: 1, neuron: 0, input: 2 }");
    window.press("Next");
    let bare = window.until("the timeline is there", |state| {
        state["lit"] == Value::Null && state["waiting"] == true && state["cue"] == 8
    });
    assert_eq!(bare["selected"], Value::Null);
    assert!(number(&bare["canvas"][3]) < number(&alone["canvas"][3]) + 200.0);
    // Back over the stops: what stood on stage stands there again.
    window.press("Prior");
    window.until("biases stand out again", |state| state["lit"] == 4);
    window.press("Escape");
    window.until("all panels are back", |state| state["presenting"] == false);
}
