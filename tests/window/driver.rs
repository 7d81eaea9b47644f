//! A display of its own, the program in it, and a pair of hands.

use serde_json::Value;
use std::cell::RefCell;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A software renderer on a busy machine needs its time.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// How often the window is asked.
pub(crate) const OFTEN: Duration = Duration::from_millis(20);

pub(crate) const LESSON: &str = r#"
fn lesson() {
    #{ title: "Mine", layers: [2, 3, 1], activation: "tanh", output: "sigmoid", loss: "mse",
       optimizer: "own", data: "xor", seed: 7, params: #{ lr: 0.5 } }
}
"#;

pub(crate) const OPTIMIZER: &str = r"
fn state() { #{ velocity: 0.0 } }
fn update(w, grad, state, ctx) {
    state.velocity = 0.9 * state.velocity + grad;
    w - ctx.lr * state.velocity
}
";

/// Stops a process when the test is over, however it ends.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether there are the tools that a window test needs. They may be missing, but not where changes are judged.
fn has_tools() -> bool {
    let has = |tool: &str| {
        let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    let missing: Vec<&str> =
        ["Xvfb", "xdotool", "import", "dbus-daemon"].into_iter().filter(|tool| !has(tool)).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "the window cannot be tested: {} missing", missing.join(", "));
    #[expect(clippy::print_stderr, reason = "a test that did not run says so")]
    {
        eprintln!("SKIPPED: the window is not tested, because {} is missing", missing.join(", "));
    }
    false
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
            std::thread::sleep(OFTEN);
        }
    }
}

/// What the window has written down, as far as it was read.
#[derive(Default)]
struct Told {
    read: u64,
    /// A line that is not whole yet.
    rest: Vec<u8>,
    last: Value,
}

impl Told {
    fn read_on(&mut self, log: &Path) {
        let Ok(mut file) = fs::File::open(log) else { return };
        let mut new = Vec::new();
        file.seek(SeekFrom::Start(self.read)).expect("a place in the log");
        self.read += file.read_to_end(&mut new).expect("the log") as u64;
        self.rest.append(&mut new);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        let last = whole[..end].rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        self.last = serde_json::from_slice(last).expect("a line of JSON");
    }
}

/// The program in its window.
pub(crate) struct Window {
    /// Ends before its display does, or it would complain.
    program: Running,
    display: Display,
    log: PathBuf,
    told: RefCell<Told>,
    id: String,
    folder: tempfile::TempDir,
}

/// Starts the program on a file of a folder, which is its home as well; or on nothing in particular.
fn launch(display: &Display, folder: &Path, opened: Option<&str>) -> Running {
    let program = Command::new(env!("CARGO_BIN_EXE_slowgrad"))
        .args(opened.map(|opened| folder.join(opened)))
        .args(["--size", "1280x720", "--log-events"])
        .arg(folder.join("events.jsonl"))
        .env("DISPLAY", &display.name)
        .env("WINIT_X11_SCALE_FACTOR", "1")
        // Where a bus would be; there is none unless a test starts one, so that no desktop has a say.
        .env("XDG_RUNTIME_DIR", folder)
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
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
    /// Opens the window on a lesson whose text is `lesson`, with an optimizer of its own beside it; nothing where
    /// there is no way to.
    pub(crate) fn open(lesson: &str, optimizer: &str) -> Option<Self> {
        if !has_tools() {
            return None;
        }
        Some(Self::open_in(tempfile::tempdir().expect("a folder"), lesson, optimizer))
    }

    /// The same on a desktop that `prepare` makes, in a folder of programs that run.
    pub(crate) fn open_on<D>(prepare: impl FnOnce(&Path) -> D, lesson: &str, optimizer: &str) -> Option<(Self, D)> {
        if !has_tools() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let desktop = prepare(folder.path());
        Some((Self::open_in(folder, lesson, optimizer), desktop))
    }

    fn open_in(folder: tempfile::TempDir, lesson: &str, optimizer: &str) -> Self {
        let display = Display::start();
        fs::create_dir(folder.path().join("optimizers")).expect("a folder");
        fs::write(folder.path().join("lesson.rhai"), lesson).expect("a lesson");
        fs::write(folder.path().join("optimizers/own.rhai"), optimizer).expect("an optimizer");
        let log = folder.path().join("events.jsonl");
        let program = launch(&display, folder.path(), Some("lesson.rhai"));
        let mut window = Self { program, display, log, told: RefCell::default(), id: String::new(), folder };
        window.until("the lesson opens", |state| state["step"] == 1);
        window.focus();
        window
    }

    /// Gives the window the keyboard: without a window manager nobody does.
    fn focus(&mut self) {
        self.id = self.focus_on("slowgrad");
    }

    /// Gives a window with this in its title the keyboard, and answers its number.
    pub(crate) fn focus_on(&self, title: &str) -> String {
        let found = self.xdotool(&["search", "--onlyvisible", "--name", title]);
        let id = found.lines().next().unwrap_or("").to_owned();
        self.xdotool(&["windowfocus", "--sync", &id]);
        id
    }

    /// Ends the program without a warning, and starts it again.
    pub(crate) fn kill_and_start(&mut self, opened: Option<&str>) {
        self.kill();
        self.start(opened);
    }

    pub(crate) fn kill(&mut self) {
        // On Unix this is SIGKILL, of which nobody is told before.
        self.program.0.kill().expect("it is killed");
        self.program.0.wait().expect("it is over");
        fs::remove_file(&self.log).expect("the log");
        self.told.take();
    }

    /// Starts the program again.
    pub(crate) fn start(&mut self, opened: Option<&str>) {
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

    pub(crate) fn press(&self, key: &str) {
        self.xdotool(&["key", key]);
    }

    pub(crate) fn write(&self, text: &str) {
        self.xdotool(&["type", text]);
    }

    /// Opens the editor on the optimizer's script, where it is about to end the step.
    pub(crate) fn edit_optimizer(&mut self) {
        self.press("End");
        self.press("Left");
        self.until("the optimizer runs", |state| number(&state["position"]) == number(&state["events"]) - 1.0);
        self.press("e");
        self.until("its script is open and listens", |state| {
            state["editor"]["file"] == "optimizers/own.rhai" && state["editor"]["is_writing"] == true
        });
    }

    /// Puts the pointer on a pixel of the window.
    pub(crate) fn point_at(&self, at: &Value) {
        let [x, y] = [0, 1].map(|axis| (number(&at[axis]) as i32).to_string());
        self.xdotool(&["mousemove", &x, &y]);
    }

    pub(crate) fn click_at(&self, at: &Value) {
        self.point_at(at);
        self.xdotool(&["click", "1"]);
    }

    pub(crate) fn double_click_at(&self, at: &Value) {
        self.point_at(at);
        self.xdotool(&["click", "--repeat", "2", "--delay", "60", "1"]);
    }

    /// Clicks the control that a screen reader calls so, with or without its key.
    pub(crate) fn click(&mut self, name: &str) {
        let with_key = format!("{name} (");
        let control = |state: &Value| {
            let mut controls = state["controls"].as_object()?.iter();
            let (_, at) = controls.find(|(known, _)| *known == name || known.starts_with(&with_key))?;
            Some(at.clone())
        };
        let state = self.until(&format!("there is «{name}»"), |state| control(state).is_some());
        self.click_at(&control(&state).expect("it was there"));
    }

    /// What the window shows now.
    pub(crate) fn state(&self) -> Value {
        let mut told = self.told.borrow_mut();
        told.read_on(&self.log);
        told.last.clone()
    }

    /// All that the window has shown since it was started, from the first to the last.
    pub(crate) fn states(&self) -> Vec<Value> {
        let lines = fs::read_to_string(&self.log).expect("the log");
        lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect()
    }

    /// Waits until the window shows something, and answers what it shows then.
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
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
            std::thread::sleep(OFTEN);
        }
    }

    /// Waits until all that the window shows is on the disk as well, and answers what that is.
    pub(crate) fn until_kept(&mut self) -> Value {
        self.until("it is kept", |state| state["kept"] == true && state["playing"] == false)
    }

    /// Waits for a while and makes sure that nothing moves.
    pub(crate) fn stands_still(&self) -> Value {
        let before = self.state();
        std::thread::sleep(Duration::from_millis(600));
        let after = self.state();
        assert_eq!(before["position"], after["position"]);
        after
    }

    pub(crate) fn save(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).expect("it is saved");
    }

    pub(crate) fn make_folder(&self, path: &str) {
        fs::create_dir(self.path(path)).expect("a folder");
    }

    pub(crate) fn file(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).expect("a file")
    }

    /// Where a file of the test's folder lies.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The display that the window is on, and the window's number there.
    pub(crate) fn on_screen(&self) -> (&str, u32) {
        (&self.display.name, self.id.parse().expect("a number"))
    }

    /// A picture of the whole screen as rows of RGB.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let path = self.path("shot.png");
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

pub(crate) fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}
