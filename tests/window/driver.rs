//! A private X server, the program in a window on it, and functions to press keys and read the window's state.

use serde_json::Value;
use slowgrad_render::{Offscreen, RenderError};
use std::cell::RefCell;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Generous, because drawing in software on a busy machine is slow.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(2);
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

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

/// Kills a process on drop, so that it ends with its test.
pub(crate) struct KillOnDrop(pub(crate) Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A display to open the window on, keys to press, and an adapter to draw with.
pub(crate) fn display() -> Result<(), String> {
    static FOUND: LazyLock<Result<(), String>> =
        LazyLock::new(|| programs(&["Xvfb", "xdotool"]).and_then(|()| adapter()));
    FOUND.clone()
}

/// The same, and a program that takes pictures of the screen.
pub(crate) fn display_with_screenshots() -> Result<(), String> {
    display()?;
    programs(&["import"])
}

/// The same, and a message bus.
#[cfg(target_os = "linux")]
pub(crate) fn display_with_bus() -> Result<(), String> {
    display()?;
    programs(&["dbus-daemon"])
}

fn programs(names: &[&str]) -> Result<(), String> {
    let missing = |name: &&&str| {
        let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).stdout(Stdio::null()).status();
        !found.is_ok_and(|status| status.success())
    };
    match names.iter().filter(missing).copied().collect::<Vec<_>>()[..] {
        [] => Ok(()),
        ref missing => Err(format!("no {}; `cargo xtask test` installs it", missing.join(", no "))),
    }
}

fn adapter() -> Result<(), String> {
    match pollster::block_on(Offscreen::new(8, 8, 1.0)) {
        Err(error @ RenderError::NoAdapter(_)) => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// A private X server.
struct Display {
    name: String,
    _server: KillOnDrop,
}

impl Display {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("display");
        // The server picks a free display number and writes it to this descriptor.
        let server = Command::new("sh")
            .arg("-c")
            .arg(format!("exec Xvfb -displayfd 3 -screen 0 1280x720x24 -nolisten tcp 3> '{}'", file.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts");
        let server = KillOnDrop(server);
        let began = Instant::now();
        loop {
            let number = fs::read_to_string(&file).unwrap_or_default();
            if number.ends_with('\n') {
                return Self { name: format!(":{}", number.trim()), _server: server };
            }
            assert!(began.elapsed() < TIMEOUT, "Xvfb did not start");
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

/// The window's log, read incrementally.
#[derive(Default)]
struct EventLog {
    /// Bytes read so far.
    position: u64,
    /// The start of a line whose end is not written yet.
    incomplete: Vec<u8>,
    last: Value,
}

impl EventLog {
    fn update(&mut self, path: &Path) {
        let Ok(mut file) = fs::File::open(path) else { return };
        let mut new = Vec::new();
        file.seek(SeekFrom::Start(self.position)).expect("seek in the log");
        self.position += file.read_to_end(&mut new).expect("read the log") as u64;
        self.incomplete.append(&mut new);
        let Some(end) = self.incomplete.iter().rposition(|byte| *byte == b'\n') else { return };
        let incomplete = self.incomplete.split_off(end + 1);
        let complete = std::mem::replace(&mut self.incomplete, incomplete);
        let last = complete[..end].rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        self.last = serde_json::from_slice(last).expect("a line of JSON");
    }
}

/// The program, with its window on a private display.
pub(crate) struct Window {
    /// Declared before the display, so that it is dropped first: it reports an error when its display disappears.
    program: KillOnDrop,
    display: Display,
    log_path: PathBuf,
    log: RefCell<EventLog>,
    id: String,
    folder: tempfile::TempDir,
}

/// Starts the program with `folder` as its home, on a file of this folder or without arguments.
fn launch(display: &Display, folder: &Path, opened: Option<&str>) -> KillOnDrop {
    let program = Command::new(env!("CARGO_BIN_EXE_slowgrad"))
        .args(opened.map(|opened| folder.join(opened)))
        .args(["--size", "1280x720", "--log-events"])
        .arg(folder.join("events.jsonl"))
        .env("DISPLAY", &display.name)
        .env("WINIT_X11_SCALE_FACTOR", "1")
        // The message bus is expected here. There is none unless a test starts one, so the user's desktop settings
        // have no effect.
        .env("XDG_RUNTIME_DIR", folder)
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env("XDG_CONFIG_HOME", folder.join("home/config"))
        .env("XDG_DATA_HOME", folder.join("home/data"))
        .env("XDG_STATE_HOME", folder.join("home/state"))
        .env("SLOWGRAD_SCRIPTS", folder.join("user"))
        .env("SLOWGRAD_TEST_LOSE_DEVICE", folder.join("lose-device"))
        .env_remove("WAYLAND_DISPLAY")
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    KillOnDrop(program)
}

impl Window {
    /// Opens the window on a lesson with the text `lesson`, beside a script `optimizers/own.rhai` with the text
    /// `optimizer`.
    pub(crate) fn open(lesson: &str, optimizer: &str) -> Self {
        Self::open_in(tempfile::tempdir().expect("temporary folder"), lesson, optimizer)
    }

    /// Opens the window after `prepare` has started a desktop, which it does in the program's runtime folder.
    #[cfg(target_os = "linux")]
    pub(crate) fn open_on<D>(prepare: impl FnOnce(&Path) -> D, lesson: &str, optimizer: &str) -> (Self, D) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let desktop = prepare(folder.path());
        (Self::open_in(folder, lesson, optimizer), desktop)
    }

    fn open_in(folder: tempfile::TempDir, lesson: &str, optimizer: &str) -> Self {
        let display = Display::start();
        fs::create_dir(folder.path().join("optimizers")).expect("create the folder");
        fs::write(folder.path().join("lesson.rhai"), lesson).expect("write the lesson");
        fs::write(folder.path().join("optimizers/own.rhai"), optimizer).expect("write the optimizer");
        let log_path = folder.path().join("events.jsonl");
        let program = launch(&display, folder.path(), Some("lesson.rhai"));
        let mut window = Self { program, display, log_path, log: RefCell::default(), id: String::new(), folder };
        window.until("the lesson opens", |state| state["step"] == 1);
        window.focus();
        window
    }

    /// Moves the keyboard focus to the window. A window manager would do that, but there is none.
    fn focus(&mut self) {
        self.id = self.focus_on("slowgrad");
    }

    /// Moves the keyboard focus to the window whose title contains `title`, and returns its X11 id.
    pub(crate) fn focus_on(&self, title: &str) -> String {
        let found = self.xdotool(&["search", "--onlyvisible", "--name", title]);
        let id = found.lines().next().unwrap_or("").to_owned();
        self.xdotool(&["windowfocus", "--sync", &id]);
        id
    }

    /// Makes a pack of a lesson, with paths in the window's folder.
    pub(crate) fn pack(&self, lesson: &str, pack: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slowgrad"));
        let packed = command.arg("pack").arg(self.path(lesson)).arg("-o").arg(self.path(pack)).output();
        assert!(packed.expect("the program runs").status.success());
    }

    /// Kills the program and starts it again.
    pub(crate) fn kill_and_start(&mut self, opened: Option<&str>) {
        self.kill();
        self.start(opened);
    }

    pub(crate) fn kill(&mut self) {
        // On Unix this is SIGKILL, which the program cannot handle.
        self.program.0.kill().expect("kill the program");
        self.program.0.wait().expect("wait for the program");
        fs::remove_file(&self.log_path).expect("remove the log");
        self.log.take();
    }

    /// Starts the program again.
    pub(crate) fn start(&mut self, opened: Option<&str>) {
        self.program = launch(&self.display, self.folder.path(), opened);
        self.until("the window opens", |state| !state["step"].is_null());
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

    /// Opens the editor on the optimizer's script, at the last event of the step.
    pub(crate) fn edit_optimizer(&mut self) {
        self.press("End");
        self.press("Left");
        self.until("the optimizer runs", |state| number(&state["position"]) == number(&state["events"]) - 1.0);
        self.press("e");
        self.until("its script is open and has the focus", |state| {
            state["editor"]["file"] == "optimizers/own.rhai" && state["editor"]["is_writing"] == true
        });
    }

    /// Moves the pointer to a pixel of the window.
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

    /// Clicks the control with this accessible name, to which a shortcut in parentheses may be appended.
    pub(crate) fn click(&mut self, name: &str) {
        let with_key = format!("{name} (");
        let control = |state: &Value| {
            let mut controls = state["controls"].as_object()?.iter();
            let (_, at) = controls.find(|(label, _)| *label == name || label.starts_with(&with_key))?;
            Some(at.clone())
        };
        let state = self.until(&format!("there is «{name}»"), |state| control(state).is_some());
        self.click_at(&control(&state).expect("the control"));
    }

    /// The latest state in the log.
    pub(crate) fn state(&self) -> Value {
        let mut log = self.log.borrow_mut();
        log.update(&self.log_path);
        log.last.clone()
    }

    /// All states since the start of the program, in order.
    pub(crate) fn states(&self) -> Vec<Value> {
        let lines = fs::read_to_string(&self.log_path).expect("read the log");
        lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect()
    }

    /// Waits until the state satisfies `holds`, and returns that state.
    pub(crate) fn until(&mut self, condition: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let state = self.state();
            if !state.is_null() && holds(&state) {
                return state;
            }
            if let Ok(Some(status)) = self.program.0.try_wait() {
                panic!("the program ended ({status}) before {condition}");
            }
            assert!(began.elapsed() < TIMEOUT, "waiting until {condition}; the window shows {state:#}");
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Waits until the state is saved to disk, and returns it.
    pub(crate) fn until_saved(&mut self) -> Value {
        self.until("the session is saved", |state| state["kept"] == true && state["playing"] == false)
    }

    /// Asserts that the playhead does not move for a while, and returns the state.
    pub(crate) fn assert_paused(&self) -> Value {
        let before = self.state();
        std::thread::sleep(Duration::from_millis(600));
        let after = self.state();
        assert_eq!(before["position"], after["position"]);
        after
    }

    pub(crate) fn save(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).expect("save the file");
    }

    pub(crate) fn make_folder(&self, path: &str) {
        fs::create_dir(self.path(path)).expect("create the folder");
    }

    pub(crate) fn file(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).expect("read the file")
    }

    /// The absolute path of a file in the test's folder.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The name of the display and the X11 id of the window.
    pub(crate) fn on_screen(&self) -> (&str, u32) {
        (&self.display.name, self.id.parse().expect("a number"))
    }

    /// The pixels of the whole screen, row by row, as RGB bytes.
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
