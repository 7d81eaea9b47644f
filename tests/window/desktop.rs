//! The window follows the desktop's appearance settings. The test plays the desktop: it serves the settings portal
//! (`org.freedesktop.portal.Settings`) on a private message bus.

use crate::driver::{KillOnDrop, LESSON, OPTIMIZER, POLL_INTERVAL, TIMEOUT, Window, display_with_bus};
use crate::harness::{Group, group};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{OwnedValue, Value};

pub(crate) const TESTS: &[Group] =
    &[group!(display_with_bus, [colours_and_motion_follow_the_desktop_until_the_user_chooses])];

const PATH: &str = "/org/freedesktop/portal/desktop";
const APPEARANCE: &str = "org.freedesktop.appearance";

struct Settings(BTreeMap<&'static str, u32>);

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Settings {
    fn read(&self, namespace: &str, key: &str) -> zbus::fdo::Result<OwnedValue> {
        let setting = self.0.get(key).filter(|_| namespace == APPEARANCE);
        setting.map(|value| (*value).into()).ok_or_else(|| zbus::fdo::Error::Failed("no such setting".into()))
    }

    #[zbus(signal)]
    async fn setting_changed(
        emitter: &SignalEmitter<'_>,
        namespace: &str,
        key: &str,
        value: Value<'_>,
    ) -> zbus::Result<()>;
}

/// A message bus with a settings portal.
struct Desktop {
    connection: zbus::Connection,
    _bus: KillOnDrop,
}

impl Desktop {
    fn start(folder: &Path, settings: [(&'static str, u32); 3]) -> Self {
        let address = format!("unix:path={}", folder.join("bus").display());
        let bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--address", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start dbus-daemon");
        let bus = KillOnDrop(bus);
        let began = Instant::now();
        while !folder.join("bus").exists() {
            assert!(began.elapsed() < TIMEOUT, "the bus did not start");
            std::thread::sleep(POLL_INTERVAL);
        }
        let connection = pollster::block_on(async {
            zbus::connection::Builder::address(address.as_str())?
                .serve_at(PATH, Settings(settings.into()))?
                .name("org.freedesktop.portal.Desktop")?
                .build()
                .await
        });
        Self { connection: connection.expect("serve the portal"), _bus: bus }
    }

    /// Announces a changed setting.
    fn announce(&self, key: &str, value: u32) {
        let announcement = async {
            let emitter = SignalEmitter::new(&self.connection, PATH)?;
            Settings::setting_changed(&emitter, APPEARANCE, key, value.into()).await
        };
        pollster::block_on(announcement).expect("emit the signal");
    }
}

fn colours_and_motion_follow_the_desktop_until_the_user_chooses() {
    let settings = [("color-scheme", 2), ("contrast", 1), ("reduced-motion", 1)];
    let start = |folder: &Path| Desktop::start(folder, settings);
    let (mut window, desktop) = Window::open_on(start, LESSON, OPTIMIZER);
    window.until("the theme is light with high contrast, and motion is reduced", |state| {
        state["dark"] == false && state["contrast"] == 7.0 && state["reduced_motion"] == true
    });
    desktop.announce("color-scheme", 1);
    window.until("the theme is dark", |state| state["dark"] == true && state["contrast"] == 7.0);
    desktop.announce("contrast", 0);
    window.until("the contrast is the default", |state| state["dark"] == true && state["contrast"] == 4.5);
    desktop.announce("reduced-motion", 0);
    window.until("motion is full", |state| state["reduced_motion"] == false);
    window.press("m");
    window.until("motion is reduced by the user", |state| state["reduced_motion"] == true);
}
