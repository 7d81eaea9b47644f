//! `cargo xtask page`: the program as a web page, in `target/page`.
//!
//! Cargo compiles `slowgrad-web` to WebAssembly. wasm-bindgen, a library of this crate behind the feature `page`, writes
//! the JavaScript that a browser loads it with; a second run of xtask has that feature, so that no other command
//! compiles it. The compiler comes from rustup, or from Debian's packages for web browsers, as in `.ci/wasm`.

use crate::cargo;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's compiler for this target, its cargo, and the sources of its standard library, which it brings uncompiled.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
/// The oldest `wasm-opt` whose output was tried in a browser. Version 108 of Debian 12 confuses the tables of functions and
/// of references, and the page does not start.
const MIN_WASM_OPT: u32 = 116;
/// The names of the module and its JavaScript: `slowgrad.js`, `slowgrad_bg.wasm`.
#[cfg(feature = "page")]
const NAME: &str = "slowgrad";

/// A compiler for the target.
#[derive(Debug, PartialEq, Eq)]
enum Compiler {
    /// The one that compiles everything else.
    Usual,
    Debian,
}

/// Builds the page. Returns its folder.
///
/// # Errors
///
/// Without a compiler for the target, or when a step fails.
pub(crate) fn build(root: &Path) -> Result<PathBuf, String> {
    let compiler = compiler(has_target(), Path::new("/usr/bin/dpkg-query").exists(), has_debian_packages)?;
    // A folder of its own: other flags must not invalidate the native build, nor replace this program while it runs.
    let build_folder = root.join("target").join("page-build");
    cargo::execute(compiling(&compiler, root, &build_folder)?.current_dir(root))?;
    let module = build_folder.join(TARGET).join("release").join("slowgrad_web.wasm");
    let page = root.join("target").join("page");
    // A page has nothing of an older one.
    if page.exists() {
        fs::remove_dir_all(&page).map_err(|error| format!("cannot empty {} ({error})", page.display()))?;
    }
    let mut bind = cargo::cargo();
    bind.current_dir(root).args([
        "run",
        "--quiet",
        "--release",
        "--locked",
        "--package",
        "xtask",
        "--features",
        "page",
    ]);
    bind.arg("--target-dir").arg(&build_folder).args(["--", "bind"]).args([&module, &page]);
    cargo::execute(&mut bind)?;
    let index = page.join("index.html");
    fs::copy(root.join("crates/slowgrad-web/index.html"), &index)
        .map_err(|error| format!("cannot write {} ({error})", index.display()))?;
    optimize(&page.join("slowgrad_bg.wasm"))?;
    Ok(page)
}

/// Writes the JavaScript of a module, and the module for it, into a folder.
///
/// # Errors
///
/// When the module cannot be read, or the files cannot be written.
#[cfg(feature = "page")]
pub(crate) fn bind(module: &Path, page: &Path) -> Result<(), String> {
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen.input_path(module).out_name(NAME).typescript(false).omit_default_module_path(false);
    bindgen.remove_name_section(true).remove_producers_section(true);
    let bound = bindgen.web(true).and_then(|bindgen| bindgen.generate(page));
    bound.map_err(|error| format!("wasm-bindgen cannot use {}: {error:#}", module.display()))
}

#[cfg(not(feature = "page"))]
pub(crate) fn bind(_: &Path, _: &Path) -> Result<(), String> {
    Err("this needs the feature `page` of xtask, which `cargo xtask page` turns on".into())
}

/// Chooses the compiler.
fn compiler(usual: bool, debian: bool, has_packages: impl Fn() -> bool) -> Result<Compiler, String> {
    match (usual, debian) {
        (true, _) => Ok(Compiler::Usual),
        (false, true) if has_packages() => Ok(Compiler::Debian),
        (false, true) => Err(format!(
            "the compiler lacks the target {TARGET}: run `rustup target add {TARGET}` or `sudo apt-get install {}`",
            DEBIAN_PACKAGES.join(" ")
        )),
        (false, false) => Err(format!("the compiler lacks the target {TARGET}: run `rustup target add {TARGET}`")),
    }
}

/// Whether the compiler has the standard library of the target.
fn has_target() -> bool {
    let folder = printed(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}

fn has_debian_packages() -> bool {
    DEBIAN_PACKAGES.iter().all(|package| {
        let status = printed(Command::new("dpkg-query").args(["-W", "-f=${Status}", package]));
        status.is_some_and(|status| status.contains("ok installed"))
    })
}

/// What a program prints, unless it fails.
fn printed(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// The command that compiles the page.
fn compiling(compiler: &Compiler, root: &Path, build_folder: &Path) -> Result<Command, String> {
    let arguments = ["rustc", "--release", "--locked", "--package", "slowgrad-web", "--target", TARGET, "--target-dir"];
    let mut command = match compiler {
        Compiler::Usual => cargo::cargo(),
        Compiler::Debian => {
            let mut command = cargo::without_package(Command::new("/usr/bin/cargo"));
            // Building the standard library is unstable, hence RUSTC_BOOTSTRAP.
            command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1").env_remove("RUSTUP_TOOLCHAIN");
            command.arg("-Zbuild-std=std,panic_abort").env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?);
            command
        }
    };
    // wasm-bindgen reads a section that the profile strips, and strips the module itself.
    command.current_dir(root).args(arguments).arg(build_folder).args(["--", "-C", "strip=none"]);
    Ok(command)
}

/// A linker for the target, which Debian's compiler does not bring: that of the usual compiler, or LLVM's.
fn linker() -> Result<PathBuf, String> {
    let library = printed(Command::new("rustc").args(["--print", "target-libdir"])).map(PathBuf::from);
    let own = library.and_then(|folder| Some(folder.parent()?.join("bin").join("rust-lld")));
    if let Some(own) = own.filter(|own| own.is_file()) {
        return Ok(own);
    }
    let names = ["wasm-ld", "rust-lld", "lld"];
    let found =
        names.into_iter().find(|name| printed(Command::new(name).args(["-flavor", "wasm", "--version"])).is_some());
    found.map(PathBuf::from).ok_or_else(|| "there is no linker for WebAssembly: run `sudo apt-get install lld`".into())
}

/// Makes the module smaller with `wasm-opt`, if a version that keeps its tables is installed.
fn optimize(module: &Path) -> Result<(), String> {
    let printed = printed(Command::new("wasm-opt").arg("--version"));
    let Some(version) = printed.as_deref().and_then(wasm_opt_version).filter(|version| *version >= MIN_WASM_OPT) else {
        let why = printed.map_or_else(|| "wasm-opt is not installed".to_owned(), |found| format!("{found} is too old"));
        eprintln!("the page is a little larger than necessary: {why}; version {MIN_WASM_OPT} or newer is used");
        return Ok(());
    };
    let optimized = module.with_extension("optimized");
    let mut command = Command::new("wasm-opt");
    command.args(["-O2", "--all-features"]).arg(module).arg("-o").arg(&optimized);
    cargo::execute(&mut command).map_err(|message| format!("{message}; this is wasm-opt {version}"))?;
    fs::rename(&optimized, module).map_err(|error| format!("cannot replace {} ({error})", module.display()))
}

/// The version in the line that `wasm-opt --version` prints.
fn wasm_opt_version(printed: &str) -> Option<u32> {
    printed.strip_prefix("wasm-opt version ")?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_compiler_comes_first_and_debians_is_used_where_it_is_installed() {
        let never = || -> bool { panic!("not asked") };
        assert_eq!(compiler(true, true, never), Ok(Compiler::Usual));
        assert_eq!(compiler(false, true, || true), Ok(Compiler::Debian));
    }

    #[test]
    fn the_version_of_wasm_opt_is_read() {
        assert_eq!(wasm_opt_version("wasm-opt version 108 (version_108)"), Some(108));
        assert_eq!(wasm_opt_version("wasm-opt version 116"), Some(116));
        assert_eq!(wasm_opt_version("wasm-opt"), None);
    }

    #[test]
    fn a_missing_target_is_named_in_one_line_with_the_command_that_installs_it() {
        let refused = compiler(false, true, || false).expect_err("there is none");
        assert!(refused.contains("rustup target add wasm32-unknown-unknown"), "{refused}");
        assert!(refused.contains("apt-get install rustc-web cargo-web rust-web-src"), "{refused}");
        let refused = compiler(false, false, || true).expect_err("there is none");
        assert!(refused.lines().count() == 1 && !refused.contains("apt-get"), "{refused}");
    }
}
