//! The files of a page: those that the user has picked or dropped, and the scripts saved while the page is open.
//!
//! They are in memory only; a session that is saved as a download holds the scripts. This module must not know how the
//! browser reads or downloads a file.

use slowgrad_app::platform::{
    FileRef, KnownSession, Platform, SESSION_SUFFIX, ScriptSave, ScriptSaveError, ScriptTarget, is_session,
};
use slowgrad_script::{Files, Library, PluginKind, Root};
use slowgrad_session::shipped::{WELCOME, shipped};
use slowgrad_session::{BackendCommand, PACK_EXTENSION, Pack, SESSION_ROOT, SessionFile};
use std::path::Path;

/// The name of the root with the files of the page. It hides the built-in scripts of the same path.
const PAGE_ROOT: &str = "this page";

/// A file by its name, with its contents.
pub(crate) type NamedFile = (String, Vec<u8>);

/// What a session starts with.
#[derive(Debug)]
pub(crate) struct LessonSource {
    pub(crate) library: Library,
    /// The command that opens the lesson.
    pub(crate) first: BackendCommand,
    /// The session file, to restore the view.
    pub(crate) saved: Option<SessionFile>,
}

impl LessonSource {
    /// A built-in lesson by its name. `None` is the welcome lesson.
    ///
    /// # Errors
    ///
    /// When there is no such lesson; the text is for the user.
    pub(crate) fn of_name(name: Option<&str>) -> Result<Self, String> {
        let lesson = format!("lessons/{}.rhai", name.unwrap_or(WELCOME));
        let library = library(Files::new());
        if library.roots[0].files.get(&lesson).is_none() {
            return Err(format!("there is no built-in lesson «{}»", name.unwrap_or_default()));
        }
        Ok(Self { library, first: BackendCommand::Open(lesson), saved: None })
    }

    /// The session, pack or lesson among these files. The other files lie beside it, as in a folder.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be used; the text is for the user.
    pub(crate) fn of_files(files: Vec<NamedFile>) -> Result<Self, String> {
        let is_lesson = |(name, bytes): &&NamedFile| {
            has_extension(name, "rhai") && (files.len() == 1 || PluginKind::Lesson.is_defined_in(bytes))
        };
        if let Some((name, bytes)) = files.iter().find(|(name, _)| has_extension(name, PACK_EXTENSION)) {
            let pack = Pack::read(bytes).map_err(|error| format!("{name} {error}"))?;
            let lesson = pack.lesson().to_owned();
            return Ok(Self {
                library: library(pack.to_library_files()),
                first: BackendCommand::Open(lesson),
                saved: None,
            });
        }
        // A lesson may use JSON files, so they count as sessions only without one.
        if let Some((lesson, _)) = files.iter().find(is_lesson) {
            let lesson = lesson.clone();
            let mut own = Files::new();
            for (name, bytes) in files {
                if !own.insert(name.as_str(), bytes) {
                    return Err(format!("{name}: a file name cannot contain «:», «\\» or control characters"));
                }
            }
            return Ok(Self { library: library(own), first: BackendCommand::Open(lesson), saved: None });
        }
        if let Some((name, bytes)) = files.iter().find(|(name, _)| is_session(name)) {
            let saved = SessionFile::parse(bytes).map_err(|error| format!("{name} {error}"))?;
            return Self::of_session(name, saved.without_unsaved());
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        Err(format!(
            "there is no lesson in {}; choose a lesson (.rhai) with the files that it uses, a pack (.{PACK_EXTENSION}) or \
             a session ({SESSION_SUFFIX})",
            names.join(", ")
        ))
    }

    fn of_session(name: &str, saved: SessionFile) -> Result<Self, String> {
        let path = saved.lesson_path().ok_or_else(|| format!("{name} names no lesson"))?.to_owned();
        let root = |files: Vec<_>| Root { name: SESSION_ROOT.into(), files: files.into_iter().collect() };
        let mut library = library(Files::new());
        library.roots.insert(1, root(saved.own_files()));
        let is_known = |library: &Library| library.roots.iter().any(|root| root.files.get(&path).is_some());
        if !is_known(&library) {
            // Another version of slowgrad had this lesson built in.
            library.roots[1] = root(saved.all_files());
        }
        if !is_known(&library) {
            return Err(format!("{name} holds no copy of its lesson {path}, which is not built in"));
        }
        Ok(Self { library, first: saved.command(path), saved: Some(saved) })
    }

    /// The platform of a session from this source.
    pub(crate) fn platform(&self) -> PagePlatform {
        let page = self.library.roots.iter().find(|root| root.name == PAGE_ROOT);
        PagePlatform { files: page.map(|root| root.files.clone()).unwrap_or_default() }
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case(extension))
}

/// The built-in scripts, and these files of the page.
fn library(own: Files) -> Library {
    Library { roots: vec![shipped(), Root { name: PAGE_ROOT.into(), files: own }] }
}

/// Access to the files of a page.
#[derive(Debug, Default)]
pub(crate) struct PagePlatform {
    files: Files,
}

impl Platform for PagePlatform {
    fn known_sessions(&self) -> Vec<KnownSession> {
        Vec::new()
    }

    fn suggested_session(&self, _: &str, lesson_path: &str) -> FileRef {
        let stem = Path::new(lesson_path).file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
        FileRef::new(&format!("{stem}{SESSION_SUFFIX}"))
    }

    fn exists(&self, _: &FileRef) -> bool {
        // A download replaces nothing.
        false
    }

    fn script_target(&self, root: &str) -> Option<ScriptTarget> {
        Some(ScriptTarget { root: PAGE_ROOT.into(), copy: root != PAGE_ROOT })
    }

    fn save_script(&mut self, script: ScriptSave<'_>) -> Result<FileRef, ScriptSaveError> {
        let ScriptSave { path, bytes, expected, .. } = script;
        match (self.files.get(path), expected) {
            (Some(found), expected) if expected != Some(&**found) => {
                return Err(ScriptSaveError::Changed(found.clone()));
            }
            (None, Some(_)) => return Err(ScriptSaveError::Gone),
            _ => {}
        }
        if !self.files.insert(path, bytes) {
            return Err(ScriptSaveError::Failed(format!("{path} is not a path in a library")));
        }
        Ok(FileRef::new(&format!(
            "{path} in this page until it is closed (a session file holds the scripts that its steps used)"
        )))
    }

    fn has_dialogs(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slowgrad_script::Limits;
    use slowgrad_session::{
        Backend, BackendLink as _, Clock, DrawerTab, InlineBackend, Machine, OpenPanels, OpenPlots, Session,
    };
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    /// The session of a source when its lesson is open.
    fn opened(source: LessonSource) -> Session {
        let clock = Clock::new(|| START.elapsed());
        let backend = Backend::new(source.library, Limits::page(None), Machine { clock, max_threads: 1 });
        let mut link = InlineBackend::new(backend);
        link.send(source.first);
        let mut session = Session::new(link);
        if let Some(saved) = source.saved {
            session = session.restoring(saved);
        }
        assert!(session.run_until_idle(clock.deadline(Duration::from_mins(1))), "the lesson does not open");
        session
    }

    fn problems(session: &Session) -> Vec<String> {
        let problems = session.snapshot.iter().flat_map(|snapshot| snapshot.problems.iter());
        problems.map(|problem| problem.message.clone()).collect()
    }

    fn lesson(data: &str) -> Vec<u8> {
        format!("fn lesson() {{ #{{ title: \"T\", layers: [2, 1], data: {data} }} }}").into_bytes()
    }

    fn refusal(files: Vec<NamedFile>) -> String {
        LessonSource::of_files(files).expect_err("it is refused")
    }

    #[test]
    fn every_shipped_lesson_opens_within_the_limits_of_a_page() {
        let lessons: Vec<String> = shipped()
            .files
            .paths()
            .filter_map(|path| Some(path.strip_prefix("lessons/")?.strip_suffix(".rhai")?.to_owned()))
            .collect();
        assert!(lessons.len() > 10, "{lessons:?}");
        for lesson in lessons {
            let session = opened(LessonSource::of_name(Some(&lesson)).expect("a lesson"));
            assert!(session.now().is_some() && problems(&session).is_empty(), "{lesson}: {:?}", problems(&session));
        }
    }

    #[test]
    fn a_lesson_is_opened_with_the_table_beside_it() {
        let table = b"0,1,1\n1,0,0\n".to_vec();
        let script = lesson("csv(\"t.csv\", #{ inputs: [0, 1], target: 2 })");
        let source =
            LessonSource::of_files(vec![("t.csv".into(), table), ("mine.rhai".into(), script)]).expect("a lesson");
        let session = opened(source);
        assert!(session.now().is_some(), "{:?}", problems(&session));
    }

    #[test]
    fn a_saved_session_opens_with_the_scripts_that_it_holds() {
        let source = LessonSource::of_files(vec![("mine.rhai".into(), lesson("\"xor\""))]).expect("a lesson");
        let session = opened(source);
        let panels = OpenPanels { tab: DrawerTab::Script, plots: OpenPlots::default(), unsaved: Vec::new() };
        let saved = session.to_file(panels).expect("a session").text().into_bytes();
        let restored = opened(LessonSource::of_files(vec![("mine.session.json".into(), saved)]).expect("a session"));
        let title = |session: &Session| session.snapshot.as_ref()?.lesson.as_ref().map(|lesson| lesson.title.clone());
        assert_eq!(title(&restored).as_deref(), Some("T"), "{:?}", problems(&restored));
    }

    #[test]
    fn files_that_hold_no_lesson_are_refused_by_name() {
        assert!(refusal(vec![("a.csv".into(), Vec::new())]).contains("a.csv"));
        assert!(refusal(vec![("a.json".into(), b"{}".to_vec())]).starts_with("a.json is not a session file"));
        assert!(refusal(vec![("a.slowgrad".into(), b"PK".to_vec())]).starts_with("a.slowgrad "));
        assert!(LessonSource::of_name(Some("nowhere")).expect_err("no lesson").contains("nowhere"));
    }

    #[test]
    fn a_saved_script_is_kept_and_a_changed_one_is_not_overwritten() {
        let mut platform = LessonSource::of_name(None).expect("the welcome lesson").platform();
        let target = platform.script_target("slowgrad").expect("a place");
        assert!(target.copy);
        let save = |platform: &mut PagePlatform, bytes: &[u8], expected: Option<&[u8]>| {
            platform.save_script(ScriptSave { target: &target, path: "losses/mine.rhai", bytes, expected })
        };
        assert_eq!(save(&mut platform, b"1", Some(b"0")), Err(ScriptSaveError::Gone));
        assert!(save(&mut platform, b"1", None).is_ok());
        assert_eq!(save(&mut platform, b"2", None), Err(ScriptSaveError::Changed((*b"1").into())));
        assert!(save(&mut platform, b"2", Some(b"1")).is_ok());
        let own = platform.script_target(&target.root).expect("a place");
        assert!(!own.copy);
    }
}
