//! The plugins and lessons of all roots, for lists, menus and tooltips.
//!
//! Files are compiled and their controls read, but no plugin and no lesson runs. A broken file is listed too, with
//! its problem.

use crate::library::{Library, is_script, stem};
use crate::plugins::{PluginKind, broken_info, candidates};
use crate::runtime::program::ScriptProgram;
use crate::sandbox::Sandbox;
use slowgrad_engine::plugin::PluginInfo;
use slowgrad_engine::spec::PluginRef;
use slowgrad_tape::Diagnostic;

/// A plugin or a lesson.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueItem {
    /// Name, one-line description and controls. The description of a broken file states the problem.
    pub info: PluginInfo,
    /// A lesson's title, the heading of a plugin's page, or else the name.
    pub title: String,
    /// The path within its root.
    pub path: String,
    /// The index of its root in the library.
    pub root: usize,
    /// The indices of the roots in which it hides a file of the same kind and name, by descending precedence.
    pub hides: Vec<usize>,
    /// The contract function as the file declares it, such as `activation(z, p)`. Empty if there is none.
    pub signature: String,
    /// The page: the `//!` lines at the top.
    pub page: String,
    /// Why the file cannot be used.
    pub problem: Option<Diagnostic>,
}

impl Sandbox {
    /// All plugins or lessons of a kind, sorted by name. A name stands for the file that a lesson at the top of the
    /// root with the highest precedence would use.
    pub fn catalogue(&self, kind: PluginKind) -> Vec<CatalogueItem> {
        let files = &self.interpreter().files;
        let host = &self.interpreter().host;
        // Listing a file does not use it, and output of `params` belongs to a later use.
        let (used, printed) = (files.used.borrow().clone(), host.console_len());
        let library = files.library.borrow().clone();
        let items = names(&library, kind).into_iter().filter_map(|name| {
            let mut found = candidates(&library, kind, &name, "");
            let (root, path) = found.next()?;
            Some(self.catalogue_item(kind, path, root, found.map(|(root, _)| root).collect()))
        });
        let items = items.collect();
        *files.used.borrow_mut() = used;
        host.truncate_console(printed);
        items
    }

    /// Names, descriptions and controls of all plugins or lessons of a kind, sorted by name.
    pub fn list(&self, kind: PluginKind) -> Vec<PluginInfo> {
        self.catalogue(kind).into_iter().map(|item| item.info).collect()
    }

    fn catalogue_item(&self, kind: PluginKind, path: String, root: usize, hides: Vec<usize>) -> CatalogueItem {
        let program = self.plugins.program(&path);
        let loaded = program.and_then(|program| {
            contract(kind, &program)?;
            Ok((self.plugins.described(kind, &PluginRef::named(path.clone()))?, program))
        });
        let name = stem(&path).to_owned();
        let (info, title, signature, page, problem) = match loaded {
            Ok((info, program)) => {
                let title = title(kind, &program).unwrap_or_else(|| name.replace(['-', '_'], " "));
                (info, title, signature(kind, &program), program.page(), None)
            }
            Err(problem) => {
                let info = broken_info(&path, &problem);
                (info, name, String::new(), String::new(), Some(*problem))
            }
        };
        CatalogueItem { info, title, path, root, hides, signature, page, problem }
    }
}

/// The names of a kind over all roots: files in its folder, and scripts of this kind at the top of a root.
fn names(library: &Library, kind: PluginKind) -> Vec<String> {
    let mut names = library.names(kind.folder());
    for root in &library.roots {
        let top = root.files.paths().filter(|path| !path.contains('/') && is_script(path));
        let own = top.filter(|path| root.files.get(path).is_some_and(|bytes| kind.is_defined_in(bytes)));
        names.extend(own.map(|path| stem(path).to_owned()));
    }
    names.sort();
    names.dedup();
    names
}

/// Checks that the file defines the contract function of its kind.
fn contract(kind: PluginKind, program: &ScriptProgram) -> Result<(), Box<Diagnostic>> {
    let contracts = kind.contracts();
    if contracts.iter().any(|name| program.function(name).is_some()) {
        return Ok(());
    }
    program.contract(contracts[0], kind.usage(), &[]).map(drop)
}

fn signature(kind: PluginKind, program: &ScriptProgram) -> String {
    let function = kind.contracts().iter().find_map(|name| program.function(name));
    function.map(|found| format!("{}({})", found.name, found.parameters.join(", "))).unwrap_or_default()
}

fn title(kind: PluginKind, program: &ScriptProgram) -> Option<String> {
    let declared = if kind == PluginKind::Lesson { program.text.map_key_text("lesson", "title") } else { None };
    declared.or_else(|| Some(program.page().lines().next()?.strip_prefix("# ")?.trim().to_owned()))
}
