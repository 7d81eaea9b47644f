//! The files that scripts may import, and the modules made from them.

use crate::diagnostics::analysis::import_summary::ImportSummary;
use crate::diagnostics::problem::Problem;
use crate::diagnostics::wording;
use crate::library::{Library, folder, is_plain};
use crate::text::ScriptText;
use rhai::{Module, Shared};
use slowgrad_tape::Diagnostic;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

pub(super) type SharedModule = Shared<Module>;

/// What the imports of programs lead to: the library as it was when they were compiled, and the modules made
/// from it. A program keeps its own, so that a function that is running, or that history replays, never meets
/// a helper of another version.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    library: Library,
    pub(super) modules: RefCell<BTreeMap<String, SharedModule>>,
    /// What the modules' functions, and errors in them, point into.
    pub(super) texts: RefCell<BTreeMap<String, Rc<ScriptText>>>,
    /// What was found out about imported files before they run.
    pub(crate) summaries: RefCell<BTreeMap<String, Rc<ImportSummary>>>,
    /// The files that are being looked at, each imported by the one before it.
    pub(crate) in_progress: RefCell<Vec<String>>,
    /// Files that were looked for in vain.
    missing: RefCell<BTreeSet<String>>,
}

impl Imports {
    /// The file meant by an import: beside the importing file, or from the top of a root.
    pub(crate) fn find(&self, importer: Option<&str>, path: &str) -> Result<(String, Arc<[u8]>), Problem> {
        let name = path.strip_suffix(".rhai").unwrap_or(path);
        if !is_plain(name) {
            let problem = Problem::new("import-path", format!("`{path}` is not a path that can be imported"));
            return Err(
                problem.help("name a file below the scripts folder, such as `import \"shared/helpers\" as helpers;`")
            );
        }
        let beside = importer.map(|importer| format!("{}{name}.rhai", folder(importer)));
        let candidates: Vec<String> = beside.into_iter().chain([format!("{name}.rhai")]).collect();
        for candidate in &candidates {
            if let Some((_, bytes)) = self.library.find(candidate) {
                return Ok((candidate.clone(), bytes));
            }
        }
        if let Some(problem) = candidates.iter().find_map(|candidate| self.library.left_out(candidate)) {
            return Err(problem);
        }
        // Whoever watches files should notice when one of them appears.
        self.missing.borrow_mut().extend(candidates);
        let problem = Problem::new("unknown-import", format!("there is no file `{name}.rhai` to import"));
        let scripts = self.library.roots.iter().flat_map(|root| root.files.paths());
        let near = wording::nearest(name, scripts.filter_map(|path| path.strip_suffix(".rhai")));
        Err(match near {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("imports are looked for beside the importing file and in the scripts folder"),
        })
    }
}

/// Files that may be imported, and which were.
#[derive(Debug, Default)]
pub(crate) struct ScriptFiles {
    pub(crate) library: RefCell<Library>,
    /// Those of the programs that are compiled now; made when the first one is.
    current: RefCell<Option<Rc<Imports>>>,
    /// Those of the program that is running.
    pub(super) running: RefCell<Rc<Imports>>,
    pub(super) loading: RefCell<Vec<String>>,
    pub(crate) used: RefCell<BTreeSet<String>>,
}

impl ScriptFiles {
    /// Every file that was looked at. A function that is traced already runs no imports, so all modules that
    /// are loaded count.
    pub(crate) fn looked_at(&self) -> Vec<String> {
        let mut files = self.used.borrow().clone();
        let newest = self.current_imports();
        files.extend(newest.modules.borrow().keys().cloned());
        files.extend(newest.summaries.borrow().keys().cloned());
        files.extend(newest.missing.borrow().iter().cloned());
        files.into_iter().collect()
    }

    /// Forgets what was made from files, because one of them changed.
    pub(crate) fn invalidate(&self) {
        self.current.take();
    }

    /// The imports of a program that is compiled now.
    pub(crate) fn current_imports(&self) -> Rc<Imports> {
        let mut newest = self.current.borrow_mut();
        let made = || Rc::new(Imports { library: self.library.borrow().clone(), ..Imports::default() });
        Rc::clone(newest.get_or_insert_with(made))
    }
}

/// A file's bytes as the text of a script of at max so many bytes, without the mark that some editors put at the
/// beginning.
pub(crate) fn script_text<'b>(name: &str, bytes: &'b [u8], max: usize) -> Result<&'b str, Box<Diagnostic>> {
    let whole = std::str::from_utf8(bytes);
    if let Ok(text) = whole
        && bytes.len() <= max
    {
        return Ok(text.strip_prefix('\u{feff}').unwrap_or(text));
    }
    // What is shown of a file that cannot be read: all up to the fault, and some letters after it.
    let fault = whole.map_or_else(|error| error.valid_up_to(), |_| max).min(max);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(fault + CONTEXT_BYTES)]);
    let at = shown.len().min(String::from_utf8_lossy(&bytes[..fault]).len());
    let text = ScriptText::new(name, shown);
    let problem = if bytes.len() > max {
        let message = format!("`{name}` has {} bytes; a script may have {max}", bytes.len());
        Problem::new("too-large", message).help("put long data into a CSV file and name it with `csv(…)`")
    } else {
        Problem::new("not-text", format!("`{name}` is not a text in UTF-8")).help("save it as UTF-8 in your editor")
    };
    Err(Box::new(problem.at(text.location(text.range(at, at)))))
}

/// Bytes that are shown after a place at which a file cannot be read.
const CONTEXT_BYTES: usize = 80;
