//! Libraries, drivers and programs that slowgrad and its tests load or start at run time, and their packages.

use crate::load;
use crate::system::System;
use std::process::{Command, Stdio};

/// An occasion on which something is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Linking a Rust program.
    Build,
    /// The program's window on an X server.
    X11,
    /// The program's window on a Wayland compositor.
    Wayland,
    /// Drawing on any graphics card or in software.
    Adapter,
    /// Drawing in software with Mesa's lavapipe, on which the golden pictures were drawn.
    SoftwareAdapter,
    /// The tests that drive the real window.
    WindowTests,
}

/// How to find out whether something is installed.
#[derive(Clone, Copy, Debug)]
enum SystemProbe {
    /// Starts a program with one harmless argument.
    Program(&'static str, &'static str),
    /// Loads a shared library.
    Library(&'static str),
    /// Loads graphics drivers in another process, see [`load::attempt`].
    Driver(&'static str),
}

#[derive(Debug)]
pub(crate) struct Need {
    uses: &'static [Use],
    probe: SystemProbe,
    debian: &'static [&'static str],
    fedora: &'static [&'static str],
    arch: &'static [&'static str],
}

/// All requirements.
///
/// The libraries are those that winit 0.30 opens (`x11/xdisplay.rs`, `xkbcommon-dl`, `wayland-sys`).
const NEEDS: &[Need] = &[
    Need {
        uses: &[Use::Build],
        probe: SystemProbe::Program("cc", "--version"),
        debian: &["gcc", "libc6-dev"],
        fedora: &["gcc"],
        arch: &["gcc"],
    },
    Need {
        uses: &[Use::X11],
        probe: SystemProbe::Library("libX11.so.6"),
        debian: &["libx11-6"],
        fedora: &["libX11"],
        arch: &["libx11"],
    },
    Need {
        uses: &[Use::X11],
        probe: SystemProbe::Library("libX11-xcb.so.1"),
        debian: &["libx11-xcb1"],
        fedora: &["libX11-xcb"],
        arch: &["libx11"],
    },
    Need {
        uses: &[Use::X11],
        probe: SystemProbe::Library("libXcursor.so.1"),
        debian: &["libxcursor1"],
        fedora: &["libXcursor"],
        arch: &["libxcursor"],
    },
    Need {
        uses: &[Use::X11],
        probe: SystemProbe::Library("libXi.so.6"),
        debian: &["libxi6"],
        fedora: &["libXi"],
        arch: &["libxi"],
    },
    Need {
        uses: &[Use::X11],
        probe: SystemProbe::Library("libxkbcommon-x11.so.0"),
        debian: &["libxkbcommon-x11-0"],
        fedora: &["libxkbcommon-x11"],
        arch: &["libxkbcommon-x11"],
    },
    Need {
        uses: &[Use::X11, Use::Wayland],
        probe: SystemProbe::Library("libxkbcommon.so.0"),
        debian: &["libxkbcommon0"],
        fedora: &["libxkbcommon"],
        arch: &["libxkbcommon"],
    },
    Need {
        uses: &[Use::Wayland],
        probe: SystemProbe::Library("libwayland-client.so.0"),
        debian: &["libwayland-client0"],
        fedora: &["libwayland-client"],
        arch: &["wayland"],
    },
    Need {
        uses: &[Use::Adapter],
        probe: SystemProbe::Driver(load::ANY_DRIVER),
        debian: &["mesa-vulkan-drivers"],
        fedora: &["mesa-vulkan-drivers"],
        arch: &["vulkan-swrast", "vulkan-icd-loader"],
    },
    Need {
        uses: &[Use::SoftwareAdapter],
        probe: SystemProbe::Driver(load::LAVAPIPE),
        debian: &["mesa-vulkan-drivers"],
        fedora: &["mesa-vulkan-drivers"],
        arch: &["vulkan-swrast", "vulkan-icd-loader"],
    },
    Need {
        uses: &[Use::WindowTests],
        probe: SystemProbe::Program("Xvfb", "-version"),
        debian: &["xvfb"],
        fedora: &["xorg-x11-server-Xvfb"],
        arch: &["xorg-server-xvfb"],
    },
    Need {
        uses: &[Use::WindowTests],
        probe: SystemProbe::Program("xdotool", "version"),
        debian: &["xdotool"],
        fedora: &["xdotool"],
        arch: &["xdotool"],
    },
    // Of ImageMagick: it takes the pictures of the screen.
    Need {
        uses: &[Use::WindowTests],
        probe: SystemProbe::Program("import", "-version"),
        debian: &["imagemagick"],
        fedora: &["ImageMagick"],
        arch: &["imagemagick"],
    },
    Need {
        uses: &[Use::WindowTests],
        probe: SystemProbe::Program("dbus-daemon", "--version"),
        debian: &["dbus"],
        fedora: &["dbus-daemon"],
        arch: &["dbus"],
    },
];

/// Commands of slowgrad that open no window.
const WITHOUT_WINDOW: [&str; 8] = ["trace", "train", "check", "list", "explain", "new", "definitions", "bench"];

/// The uses of `run` for these arguments of the program, in the environment whose non-empty variables `has` knows.
///
/// # Errors
///
/// Without a display, where the program would open a window.
pub(crate) fn uses_of_run(
    arguments: &[String],
    system: System,
    has: impl Fn(&str) -> bool,
) -> Result<Vec<Use>, String> {
    let command = arguments.iter().map(String::as_str).find(|argument| !argument.starts_with('-')).unwrap_or("");
    let answers_at_once =
        arguments.iter().any(|argument| matches!(argument.as_str(), "-h" | "--help" | "-V" | "--version"));
    if answers_at_once || WITHOUT_WINDOW.contains(&command) {
        return Ok(vec![Use::Build]);
    }
    let draws_a_file = command == "render" || arguments.iter().any(|argument| argument.starts_with("--screenshot"));
    if draws_a_file || matches!(system, System::MacOs | System::Windows) {
        return Ok(vec![Use::Build, Use::Adapter]);
    }
    // The program prefers Wayland too.
    if has("WAYLAND_DISPLAY") || has("WAYLAND_SOCKET") {
        Ok(vec![Use::Build, Use::Adapter, Use::Wayland])
    } else if has("DISPLAY") {
        Ok(vec![Use::Build, Use::Adapter, Use::X11])
    } else {
        Err("there is no display for the window: neither WAYLAND_DISPLAY nor DISPLAY is set.\n\
             Start this in a terminal of a desktop, or log in with `ssh -X`. Without a display there are\n  \
             cargo xtask run -- render welcome -o welcome.png\n  \
             cargo xtask run -- trace welcome"
            .into())
    }
}

/// Everything that is needed for any of these uses.
pub(crate) fn needs(uses: &[Use], system: System) -> Vec<&'static Need> {
    NEEDS.iter().filter(|need| need.applies_to(system) && need.uses.iter().any(|each| uses.contains(each))).collect()
}

/// The packages that contain the missing files, without repetition. Empty where the names of packages are unknown.
pub(crate) fn packages(missing: &[&Need], system: System) -> Vec<&'static str> {
    let mut packages = Vec::new();
    for need in missing {
        let names = match system {
            System::Debian => need.debian,
            System::Fedora => need.fedora,
            System::Arch => need.arch,
            System::MacOs => &["the Xcode command line tools"][..],
            System::OtherUnix | System::Windows => &[],
        };
        packages.extend(names.iter().filter(|name| !packages.contains(*name)).copied().collect::<Vec<_>>());
    }
    packages
}

impl Need {
    /// macOS and Windows bring their graphics, and the real window is tested on X servers only.
    fn applies_to(&self, system: System) -> bool {
        match system {
            System::Windows => false,
            System::MacOs => self.uses.contains(&Use::Build),
            _ => true,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self.probe {
            SystemProbe::Program(name, _) | SystemProbe::Library(name) => name,
            SystemProbe::Driver(load::LAVAPIPE) => "lavapipe, Mesa's Vulkan driver that draws in software",
            SystemProbe::Driver(_) => "a Vulkan or OpenGL driver",
        }
    }

    /// Its purpose, to follow the word «for».
    pub(crate) fn purpose(&self) -> &'static str {
        match self.uses {
            [Use::Build, ..] => "linking",
            [Use::X11 | Use::Wayland, ..] => "the window",
            [Use::Adapter | Use::SoftwareAdapter, ..] => "drawing",
            _ => "the tests of the window",
        }
    }

    /// Loads or starts it. The error gives the reason for a failure.
    pub(crate) fn attempt(&self) -> Result<(), String> {
        match self.probe {
            SystemProbe::Program(name, argument) => attempt_program(Command::new(name).arg(argument)),
            SystemProbe::Library(name) => load::library(name),
            SystemProbe::Driver(driver) => attempt_driver(driver),
        }
    }
}

/// Starts a program. Some report a failure for a mere question (Xvfb, xdotool), so only the shell's code for «cannot
/// be started», which the dynamic linker uses too, and signals count.
fn attempt_program(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    match output.status.code() {
        Some(126 | 127) => Err(last_line(&output.stderr)),
        Some(_) => Ok(()),
        None => Err(output.status.to_string()),
    }
}

/// Loads a driver in a process that may end if the driver is faulty.
fn attempt_driver(driver: &str) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program).args(["attempt", driver]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    match output.status.code() {
        Some(0) => Ok(()),
        Some(_) => Err(last_line(&output.stderr).trim_start_matches("error: ").to_owned()),
        None => Err(format!("loading it ended with {}", output.status)),
    }
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Use; 6] = [Use::Build, Use::X11, Use::Wayland, Use::Adapter, Use::SoftwareAdapter, Use::WindowTests];

    fn missing(names: &[&str]) -> Vec<&'static Need> {
        let found: Vec<_> = NEEDS.iter().filter(|need| names.contains(&need.name())).collect();
        assert_eq!(found.len(), names.len());
        found
    }

    fn run(arguments: &[&str], system: System, variables: &[&str]) -> Result<Vec<Use>, String> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        uses_of_run(&arguments, system, |name| variables.contains(&name))
    }

    #[test]
    fn each_need_has_packages_in_each_distribution() {
        for need in needs(&ALL, System::Debian) {
            for system in [System::Debian, System::Fedora, System::Arch] {
                assert!(!packages(&[need], system).is_empty(), "{} on {system:?}", need.name());
            }
        }
        assert_eq!(needs(&ALL, System::Debian).len(), NEEDS.len());
    }

    #[test]
    fn packages_of_what_is_missing_are_named_once() {
        let missing = missing(&["libX11.so.6", "libX11-xcb.so.1", "Xvfb"]);
        assert_eq!(packages(&missing, System::Debian), ["libx11-6", "libx11-xcb1", "xvfb"]);
        assert_eq!(packages(&missing, System::Fedora), ["libX11", "libX11-xcb", "xorg-x11-server-Xvfb"]);
        assert_eq!(packages(&missing, System::Arch), ["libx11", "xorg-server-xvfb"]);
        assert!(packages(&missing, System::OtherUnix).is_empty());
        assert!(packages(&[], System::Debian).is_empty());
    }

    #[test]
    fn other_systems_need_a_linker_at_most() {
        let names = |system| needs(&ALL, system).iter().map(|need| need.name()).collect::<Vec<_>>();
        assert_eq!(names(System::MacOs), ["cc"]);
        assert!(names(System::Windows).is_empty());
    }

    #[test]
    fn the_window_needs_the_libraries_of_its_display() {
        let x11 = [Use::Build, Use::Adapter, Use::X11];
        let wayland = [Use::Build, Use::Adapter, Use::Wayland];
        assert_eq!(run(&[], System::Debian, &["DISPLAY"]).as_deref(), Ok(&x11[..]));
        assert_eq!(run(&["mine.rhai"], System::Arch, &["DISPLAY", "WAYLAND_DISPLAY"]).as_deref(), Ok(&wayland[..]));
        let refused = run(&["mine.rhai"], System::Fedora, &[]).expect_err("no display");
        assert!(refused.contains("DISPLAY") && refused.contains("render"), "{refused}");
        assert_eq!(run(&[], System::MacOs, &[]).as_deref(), Ok(&[Use::Build, Use::Adapter][..]));
    }

    #[test]
    fn commands_without_a_window_need_no_display() {
        assert_eq!(run(&["trace", "welcome"], System::Debian, &[]).as_deref(), Ok(&[Use::Build][..]));
        assert_eq!(run(&["--help"], System::Debian, &[]).as_deref(), Ok(&[Use::Build][..]));
        let drawing = [Use::Build, Use::Adapter];
        assert_eq!(run(&["render", "welcome"], System::Debian, &[]).as_deref(), Ok(&drawing[..]));
        assert_eq!(run(&["--screenshot", "x.png"], System::Debian, &[]).as_deref(), Ok(&drawing[..]));
    }

    #[test]
    fn what_cannot_be_started_or_loaded_is_missing_and_says_why() {
        for need in
            [SystemProbe::Program("no-such-program", "--version"), SystemProbe::Library("libno-such-library.so.1")]
        {
            let need = Need { uses: &[Use::Build], probe: need, debian: &[], fedora: &[], arch: &[] };
            let reason = need.attempt().expect_err("it is missing");
            assert!(!reason.is_empty());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_lacks_a_library_is_missing_and_one_that_fails_is_not() {
        let shell = |script: &str| attempt_program(Command::new("sh").args(["-c", script]));
        assert_eq!(shell("echo cannot open libX.so >&2; exit 127"), Err("cannot open libX.so".to_owned()));
        assert_eq!(shell("exit 1"), Ok(()));
        assert!(shell("kill -9 $$").is_err());
    }
}
