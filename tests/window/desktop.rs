//! The desktop says how programs should look and move: the test is the desktop, and answers for its portal
//! (`org.freedesktop.portal.Settings`) on a bus of its own.

use crate::driver::{LESSON, OFTEN, OPTIMIZER, PATIENCE, Running, Window};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{OwnedValue, Value};

const PLACE: &str = "/org/freedesktop/portal/desktop";
const APPEARANCE: &str = "org.freedesktop.appearance";

struct Settings(BTreeMap<&'static str, u32>);

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Settings {
    fn read(&self, namespace: &str, key: &str) -> zbus::fdo::Result<OwnedValue> {
        let known = self.0.get(key).filter(|_| namespace == APPEARANCE);
        known.map(|value| (*value).into()).ok_or_else(|| zbus::fdo::Error::Failed("no such setting".into()))
    }

    #[zbus(signal)]
    async fn setting_changed(
        emitter: &SignalEmitter<'_>,
        namespace: &str,
        key: &str,
        value: Value<'_>,
    ) -> zbus::Result<()>;
}

/// A bus with a portal.
struct Desktop {
    connection: zbus::Connection,
    _bus: Running,
}

impl Desktop {
    fn start(folder: &Path, settings: [(&'static str, u32); 3]) -> Self {
        let address = format!("unix:path={}", folder.join("bus").display());
        let bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--address", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the bus starts");
        let bus = Running(bus);
        let began = Instant::now();
        while !folder.join("bus").exists() {
            assert!(began.elapsed() < PATIENCE, "the bus did not start");
            std::thread::sleep(OFTEN);
        }
        let connection = pollster::block_on(async {
            zbus::connection::Builder::address(address.as_str())?
                .serve_at(PLACE, Settings(settings.into()))?
                .name("org.freedesktop.portal.Desktop")?
                .build()
                .await
        });
        Self { connection: connection.expect("a portal"), _bus: bus }
    }

    fn say(&self, key: &str, value: u32) {
        let said = async {
            let emitter = SignalEmitter::new(&self.connection, PLACE)?;
            Settings::setting_changed(&emitter, APPEARANCE, key, value.into()).await
        };
        pollster::block_on(said).expect("it is said");
    }
}

#[test]
fn colours_and_motion_are_as_the_desktop_has_them_until_a_person_says() {
    let settings = [("color-scheme", 2), ("contrast", 1), ("reduced-motion", 1)];
    let start = |folder: &Path| Desktop::start(folder, settings);
    let Some((mut window, desktop)) = Window::open_on(start, LESSON, OPTIMIZER) else { return };
    window.until("it is light, of high contrast, and nothing travels", |state| {
        state["dark"] == false && state["contrast"] == 7.0 && state["reduced_motion"] == true
    });
    desktop.say("color-scheme", 1);
    window.until("it is dark", |state| state["dark"] == true && state["contrast"] == 7.0);
    desktop.say("contrast", 0);
    window.until("its contrast is the usual one", |state| state["dark"] == true && state["contrast"] == 4.5);
    desktop.say("reduced-motion", 0);
    window.until("numbers travel", |state| state["reduced_motion"] == false);
    window.press("m");
    window.until("nothing travels", |state| state["reduced_motion"] == true);
}
