//! The files that scripts may import, and the modules compiled from them.

use crate::diagnostics::analysis::import_summary::ImportSummary;
use crate::diagnostics::problem::Problem;
use crate::diagnostics::wording;
use crate::library::{Library, import_candidates, plain_part};
use crate::runtime::host::Host;
use crate::text::ScriptText;
use rhai::{Module, Shared};
use slowgrad_tape::Diagnostic;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

pub(super) type SharedModule = Shared<Module>;

/// A snapshot of the library at compile time, and the modules compiled from it. Each program keeps its own, so that a
/// function that is running or replayed never calls a helper of another version.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    library: Library,
    pub(super) modules: RefCell<BTreeMap<String, SharedModule>>,
    /// The texts that the modules' functions and errors refer to.
    pub(super) texts: RefCell<BTreeMap<String, Rc<ScriptText>>>,
    /// The analysis of imported files, done before they run.
    pub(crate) summaries: RefCell<BTreeMap<String, Rc<ImportSummary>>>,
    /// The files being analysed, each imported by the one before it.
    pub(crate) in_progress: RefCell<Vec<String>>,
    /// Files that were looked for and not found.
    missing: RefCell<BTreeSet<String>>,
}

impl Imports {
    /// Resolves an import: beside the importing file first, then from the top of all roots.
    pub(crate) fn find(&self, importer: Option<&str>, path: &str) -> Result<(String, Arc<[u8]>), Problem> {
        let Some(candidates) = import_candidates(importer, path) else {
            let problem = Problem::new("import-path", format!("`{path}` is not a path that can be imported"));
            return Err(
                problem.help("name a file in the scripts folder, such as `import \"shared/helpers\" as helpers;`")
            );
        };
        for candidate in &candidates {
            if let Some((_, bytes)) = self.library.find(candidate) {
                return Ok((candidate.clone(), bytes));
            }
        }
        if let Some(problem) = candidates.iter().find_map(|candidate| self.library.left_out(candidate)) {
            return Err(problem);
        }
        // The file watcher must notice when one of them appears.
        self.missing.borrow_mut().extend(candidates);
        let name = path.strip_suffix(".rhai").unwrap_or(path);
        let problem = Problem::new("unknown-import", format!("there is no file `{name}.rhai` to import"));
        let (here, plain) = plain_part(name);
        if here && self.library.find(&format!("{plain}.rhai")).is_some() {
            let help = format!("`./` is the folder of the importing file; write `{plain}` for the scripts folder");
            return Err(problem.help(help));
        }
        let scripts = self.library.roots.iter().flat_map(|root| root.files.paths());
        let near = wording::nearest(plain, scripts.filter_map(|path| path.strip_suffix(".rhai")));
        Err(match near {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("imports are searched for beside the importing file and in the scripts folder"),
        })
    }
}

/// The files that scripts may import, and those that were used.
#[derive(Debug, Default)]
pub(crate) struct ScriptFiles {
    pub(crate) library: RefCell<Library>,
    /// The imports of programs that are compiled now. Created with the first one.
    current: RefCell<Option<Rc<Imports>>>,
    /// The imports of the running program.
    pub(super) running: RefCell<Rc<Imports>>,
    pub(super) loading: RefCell<Vec<String>>,
    pub(crate) used: RefCell<BTreeSet<String>>,
}

impl ScriptFiles {
    /// Every file that was looked for. A function that is already traced runs no imports, so all loaded modules
    /// count.
    pub(crate) fn searched(&self) -> Vec<String> {
        let mut files = self.used.borrow().clone();
        let imports = self.current_imports();
        files.extend(imports.modules.borrow().keys().cloned());
        files.extend(imports.summaries.borrow().keys().cloned());
        files.extend(imports.missing.borrow().iter().cloned());
        files.into_iter().collect()
    }

    /// Drops everything compiled from files, because a file has changed.
    pub(crate) fn invalidate(&self) {
        self.current.take();
    }

    /// The imports for a program that is compiled now.
    pub(crate) fn current_imports(&self) -> Rc<Imports> {
        let mut imports = self.current.borrow_mut();
        let snapshot = || Rc::new(Imports { library: self.library.borrow().clone(), ..Imports::default() });
        Rc::clone(imports.get_or_insert_with(snapshot))
    }
}

/// Decodes a file as a script within the size limit, without a byte order mark.
pub(crate) fn script_text<'b>(name: &str, bytes: &'b [u8], host: &Host) -> Result<&'b str, Box<Diagnostic>> {
    let max = host.limits.get().script;
    let whole = std::str::from_utf8(bytes);
    if let Ok(text) = whole
        && bytes.len() <= max
    {
        return Ok(text.strip_prefix('\u{feff}').unwrap_or(text));
    }
    // For the diagnostic: everything up to the fault, and some characters after it.
    let fault = whole.map_or_else(|error| error.valid_up_to(), |_| max).min(max);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(fault + CONTEXT_BYTES)]);
    let at = shown.len().min(String::from_utf8_lossy(&bytes[..fault]).len());
    let text = ScriptText::new(name, shown);
    let problem = if bytes.len() > max {
        let message = format!("`{name}` has {} bytes; the limit is {max}", bytes.len());
        Problem::new("too-large", message)
            .help("put long data into a CSV file and name it with `csv(…)`.")
            .limit("script")
    } else {
        Problem::new("not-text", format!("`{name}` is not valid UTF-8")).help("save it as UTF-8 in your editor")
    };
    Err(Box::new(host.explain_limit(problem).at(text.location(text.range(at, at)))))
}

/// Bytes shown after the fault in a file that cannot be decoded.
const CONTEXT_BYTES: usize = 80;
