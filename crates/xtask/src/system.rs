//! Operating systems, and the command that installs packages on each.

use std::fs;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Debian,
    Fedora,
    Arch,
    /// Another Linux distribution, or another Unix. The names of its packages are unknown.
    OtherUnix,
    MacOs,
    Windows,
}

impl System {
    pub(crate) fn current() -> Self {
        match std::env::consts::OS {
            "windows" => Self::Windows,
            "macos" => Self::MacOs,
            _ => {
                let read = |path| fs::read_to_string(path).ok();
                let release = read("/etc/os-release").or_else(|| read("/usr/lib/os-release"));
                Self::from_os_release(&release.unwrap_or_default())
            }
        }
    }

    /// The distribution by `ID`, or the first known one that it is like (`ID_LIKE`), of the file `os-release`
    /// (<https://www.freedesktop.org/software/systemd/man/os-release.html>).
    fn from_os_release(text: &str) -> Self {
        let ids = ["ID", "ID_LIKE"].into_iter().flat_map(|field| {
            let values = text.lines().filter_map(move |line| line.trim().strip_prefix(field)?.strip_prefix('='));
            values.flat_map(|value| value.trim_matches(['"', '\'']).split_whitespace())
        });
        let known = ids.map(|id| match id {
            "debian" | "ubuntu" => Self::Debian,
            "fedora" | "rhel" => Self::Fedora,
            "arch" => Self::Arch,
            _ => Self::OtherUnix,
        });
        known.into_iter().find(|system| *system != Self::OtherUnix).unwrap_or(Self::OtherUnix)
    }

    /// The commands that install packages, in order, each as a program and its arguments. Empty where there is none.
    ///
    /// `refresh` downloads the package lists before, which a fresh Debian machine lacks. `sudo` asks for the rights to
    /// install.
    pub(crate) fn install_commands(self, packages: &[&str], refresh: bool, sudo: bool) -> Vec<Vec<String>> {
        let command = |words: &[&str], packages: &[&str]| -> Vec<String> {
            let sudo = (sudo && self != Self::MacOs).then_some(&"sudo");
            sudo.into_iter().chain(words).chain(packages).map(|word| (*word).to_owned()).collect()
        };
        match self {
            Self::Debian => {
                let update = refresh.then(|| command(&["apt-get", "update"], &[]));
                let install = command(&["apt-get", "install", "--no-install-recommends", "-y"], packages);
                update.into_iter().chain([install]).collect()
            }
            Self::Fedora => vec![command(&["dnf", "install", "-y"], packages)],
            Self::Arch => vec![command(&["pacman", "-S", "--needed", "--noconfirm"], packages)],
            Self::MacOs => vec![command(&["xcode-select", "--install"], &[])],
            Self::OtherUnix | Self::Windows => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_recognized_by_id_and_by_what_they_resemble() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
        let mint = "NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
        let rocky = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
        for (text, system) in [
            (debian, System::Debian),
            ("ID=ubuntu\nID_LIKE=debian\n", System::Debian),
            (mint, System::Debian),
            ("ID=fedora\nVARIANT_ID=workstation\n", System::Fedora),
            (rocky, System::Fedora),
            ("ID=arch\n", System::Arch),
            ("ID_LIKE='arch'\nID=endeavouros\n", System::Arch),
            ("ID=alpine\n", System::OtherUnix),
            ("VARIANT_ID=debian\n# ID=debian\n", System::OtherUnix),
            ("", System::OtherUnix),
        ] {
            assert_eq!(System::from_os_release(text), system, "{text}");
        }
    }

    #[test]
    fn packages_are_installed_by_the_package_manager_of_the_system() {
        let shown = |system: System, refresh, sudo| -> Vec<String> {
            let commands = system.install_commands(&["a", "b"], refresh, sudo);
            commands.iter().map(|words| words.join(" ")).collect()
        };
        assert_eq!(
            shown(System::Debian, true, true),
            ["sudo apt-get update", "sudo apt-get install --no-install-recommends -y a b"]
        );
        assert_eq!(shown(System::Debian, false, false), ["apt-get install --no-install-recommends -y a b"]);
        assert_eq!(shown(System::Fedora, true, true), ["sudo dnf install -y a b"]);
        assert_eq!(shown(System::Arch, true, false), ["pacman -S --needed --noconfirm a b"]);
        assert_eq!(shown(System::MacOs, false, true), ["xcode-select --install"]);
        assert!(shown(System::OtherUnix, true, true).is_empty());
    }
}
