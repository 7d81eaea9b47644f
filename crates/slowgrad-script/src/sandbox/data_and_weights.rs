//! The samples and the initial weights of a lesson, and the files that have them.
//!
//! It must not know plugins other than data sets and initializers.

use super::{FieldLocator, Sandbox, locate, with_location};
use crate::diagnostics::problem::Problem;
use crate::diagnostics::wording::{self, list};
use crate::library::{self, folder, is_plain, plain_part};
use slowgrad_engine::data::report::DataReport;
use slowgrad_engine::data::split::split;
use slowgrad_engine::data::table::{self, LoadedTable, TableError, TableSettings};
use slowgrad_engine::data::{Data, DataError};
use slowgrad_engine::io_names::IoNames;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::{DataSpec, LessonSpec, TableSpec, WeightsSpec};
use slowgrad_engine::weights::{self, LoadedWeights, WeightFormat, WeightsError};
use slowgrad_tape::Diagnostic;
use std::fmt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// The data of a configuration.
#[derive(Debug, Clone)]
pub(super) struct LoadedData {
    pub(super) train: Arc<Data>,
    pub(super) test: Arc<Data>,
    pub(super) names: Arc<IoNames>,
    pub(super) report: Arc<DataReport>,
}

/// The last data, and what it depends on.
#[derive(Debug, Clone)]
pub(super) struct CachedData {
    key: DataKey,
    /// The file of a table. A table depends on no script.
    bytes: Option<Arc<[u8]>>,
    pub(super) data: LoadedData,
}

impl CachedData {
    /// Whether the data depends on scripts, which may have changed.
    pub(super) fn depends_on_scripts(&self) -> bool {
        self.bytes.is_none()
    }
}

/// The largest file that a lesson may use, and the name of the limit.
#[derive(Debug, Clone, Copy)]
struct SizeLimit {
    bytes: u64,
    name: &'static str,
}

/// What the samples depend on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DataKey {
    spec: DataSpec,
    io_names: IoNames,
    inputs: usize,
    outputs: usize,
    noise: f64,
    count: Option<usize>,
    test_fraction: f64,
    seed: u64,
}

impl Sandbox {
    /// Notes say how tensors with the names of another program were assigned.
    pub(super) fn parameters_at(
        &self,
        spec: &LessonSpec,
        locate_field: FieldLocator<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<f64>, Box<Diagnostic>> {
        let shape = spec.shape();
        let wrong = |message: String, error: &WeightsError| {
            let help = match error {
                WeightsError::Match(error) => error.list(),
                _ => None,
            };
            let error = Diagnostic { help, ..Diagnostic::error("wrong-weights", message) };
            Box::new(with_location(error, locate_field("weights")))
        };
        match &spec.weights {
            None => self
                .plugins
                .initial(&spec.initializer, &shape, spec.seed)
                .map_err(|error| locate(error, locate_field("initializer"))),
            Some(WeightsSpec::Inline(layers)) => {
                weights::from_layers(&shape, layers).map_err(|error| wrong(error.to_string(), &error))
            }
            Some(WeightsSpec::File(path)) => {
                let max = weights::max_file_bytes(self.interpreter().host.limits.get().parameters);
                let limit = SizeLimit { bytes: max, name: "parameters" };
                let bytes = self.find_resource(path, &[""], limit);
                let bytes = bytes.map_err(|error| locate(error, locate_field("weights")))?;
                let format = WeightFormat::of(Path::new(path)).unwrap_or(WeightFormat::Safetensors);
                let read = weights::read(format, &shape, &bytes);
                let LoadedWeights { values, mapping } =
                    read.map_err(|error| wrong(format!("`{path}`: {error}"), &error))?;
                notes.extend(mapping.map(|mapping| format!("tensors of {path}: {mapping}")));
                Ok(values)
            }
        }
    }

    /// Finds a file that a lesson names: beside the lesson first, then in these folders of all roots.
    fn find_resource(&self, path: &str, folders: &[&str], max: SizeLimit) -> Result<Arc<[u8]>, Box<Diagnostic>> {
        let (here, name) = plain_part(path);
        if !is_plain(name) {
            let help = "give the path within the lesson's folder, without `..`";
            return Err(Box::new(
                Diagnostic::error("no-such-file", format!("`{path}` is not a path a lesson can use")).help(help),
            ));
        }
        let beside = folder(&self.plugins.home.borrow().path).to_owned();
        let mut library = self.interpreter().files.library.borrow_mut();
        let others = folders.iter().copied().filter(|_| !here);
        let candidates = std::iter::once(beside.as_str()).chain(others).map(|folder| format!("{folder}{name}"));
        let mut left_out = None;
        for candidate in candidates {
            if let Err(bytes) = library.load(&candidate, max.bytes) {
                self.interpreter().files.used.borrow_mut().insert(candidate);
                let message =
                    format!("`{path}` cannot be used: the file has {bytes} bytes; the limit is {}", max.bytes);
                let problem = Problem::new("too-large", message).limit(max.name);
                return Err(Box::new(self.interpreter().host.explain_limit(problem).unplaced()));
            }
            if let Some((_, bytes)) = library.find(&candidate) {
                self.interpreter().files.used.borrow_mut().insert(candidate);
                return Ok(bytes);
            }
            left_out = left_out.or_else(|| library.left_out(&candidate));
        }
        // The file watcher must notice when the file appears.
        self.interpreter().files.used.borrow_mut().insert(format!("{beside}{name}"));
        if let Some(problem) = left_out {
            return Err(Box::new(problem.unplaced()));
        }
        let known =
            library.roots.iter().flat_map(|root| root.files.all_paths()).filter(|path| !library::is_script(path));
        let help = match wording::nearest(name, known) {
            Some(near) => format!("did you mean `{near}`? Files are searched for in the lesson's folder"),
            None => "files are searched for in the lesson's folder".to_owned(),
        };
        Err(Box::new(Diagnostic::error("no-such-file", format!("there is no file `{path}`")).help(help)))
    }

    /// The training and the test data of a configuration. The last ones are cached.
    pub(super) fn load_data(&self, spec: &LessonSpec, shape: &Shape) -> Result<LoadedData, Box<Diagnostic>> {
        let key = DataKey {
            spec: spec.data.clone(),
            io_names: spec.io_names.clone(),
            inputs: shape.inputs(),
            outputs: shape.outputs(),
            noise: spec.noise,
            count: spec.count,
            test_fraction: spec.test_fraction,
            seed: spec.seed,
        };
        let bytes = match &spec.data {
            DataSpec::Table(table) => Some(self.find_resource(&table.path, &["datasets/"], self.table_limit())?),
            _ => None,
        };
        if let Some(known) = &*self.data.borrow()
            && known.key == key
            && match (&known.bytes, &bytes) {
                (Some(known), Some(bytes)) => Arc::ptr_eq(known, bytes),
                (known, bytes) => known.is_none() && bytes.is_none(),
            }
        {
            return Ok(known.data.clone());
        }
        // Large data is not kept twice.
        *self.data.borrow_mut() = None;
        let (train, test, names, table) = match (&spec.data, &bytes) {
            (DataSpec::Table(table), Some(bytes)) => {
                let LoadedTable { train, test, names, report } = self.load_table(table, bytes, spec, shape)?;
                (train, test, names, Some(report))
            }
            _ => {
                let (train, test) = self.load_samples(spec, shape)?;
                (train, test, IoNames::default(), None)
            }
        };
        let names = Arc::new(spec.io_names.or(&names));
        let report = Arc::new(DataReport::new(&train, &test, &names, table));
        let data = LoadedData { train: Arc::new(train), test: Arc::new(test), names, report };
        *self.data.borrow_mut() = Some(CachedData { key, bytes, data: data.clone() });
        Ok(data)
    }

    /// The samples of a data set or of the lesson itself, split into training and test data.
    fn load_samples(&self, spec: &LessonSpec, shape: &Shape) -> Result<(Data, Data), Box<Diagnostic>> {
        let samples = match &spec.data {
            DataSpec::Plugin(plugin) => self.plugins.dataset(plugin, spec.count, spec.noise, spec.seed)?,
            DataSpec::Inline(samples) => samples.clone(),
            DataSpec::Table(_) => Vec::new(),
        };
        let data = Data::new(&samples, shape.inputs(), shape.outputs()).map_err(|error| {
            let help = data_help(&error, shape);
            Box::new(Diagnostic { help: Some(help), ..Diagnostic::error("wrong-data", error.to_string()) })
        })?;
        let all = samples.len();
        let (train, test) = split(data, spec.test_fraction, spec.seed);
        if train.is_empty() {
            let message = format!("all {all} samples are in the test set, so none is left for training");
            return Err(Box::new(Diagnostic::error("wrong-data", message).help("lower `test_fraction`")));
        }
        Ok((train, test))
    }

    /// The samples of a table, split into training and test data.
    fn load_table(
        &self,
        table: &TableSpec,
        bytes: &[u8],
        spec: &LessonSpec,
        shape: &Shape,
    ) -> Result<LoadedTable, Box<Diagnostic>> {
        let purpose = TableSettings {
            inputs: shape.inputs(),
            outputs: shape.outputs(),
            test_fraction: spec.test_fraction,
            seed: spec.seed,
            max_unpacked_bytes: self.table_limit().bytes,
        };
        let progress = |part| self.progress.tell(&table.path, part);
        table::read(table, bytes, purpose, &progress).map_err(|error| {
            let code = match &error {
                TableError::Encoding { .. } | TableError::NotText(_) => "not-text",
                TableError::TooLarge { .. } => "too-large",
                _ => "wrong-data",
            };
            let problem = Problem::new(code, format!("`{}`: {error}", table.path)).help(error.help());
            let problem = match error {
                TableError::TooLarge { .. } => problem.limit("table"),
                _ => problem,
            };
            Box::new(self.interpreter().host.explain_limit(problem).unplaced())
        })
    }

    fn table_limit(&self) -> SizeLimit {
        SizeLimit { bytes: self.interpreter().host.limits.get().table as u64, name: "table" }
    }
}

/// The warnings about classes that the split leaves without samples.
pub(super) fn class_warnings(report: &DataReport) -> Vec<Diagnostic> {
    let (untrained, untested) = report.missing_classes();
    let warning = |classes: Vec<&str>, part: &str, help: &str| {
        let (class, has) = if classes.len() == 1 { ("class", "has") } else { ("classes", "have") };
        let message = format!("{class} {} {has} no sample in the {part} data", list(&classes));
        (!classes.is_empty()).then(|| Diagnostic::warning("class-missing", message).help(help))
    };
    let trained = warning(untrained, "training", "the network cannot learn it; add samples of it, or drop fewer rows");
    let tested = warning(untested, "test", "add samples of it, or raise `test_fraction`");
    trained.into_iter().chain(tested).collect()
}

/// A function of the path of a table and the part that is read.
type TellProgress = dyn Fn(&str, f64);

/// Tells how far a table is read.
#[derive(Clone, Default)]
pub struct TableProgress(Option<Rc<TellProgress>>);

impl TableProgress {
    /// Calls a function with the path of the table and the part that is read, 0 to 1.
    pub fn new(tell: impl Fn(&str, f64) + 'static) -> Self {
        Self(Some(Rc::new(tell)))
    }

    /// Tells the part of a table that is read.
    pub fn tell(&self, path: &str, part: f64) {
        if let Some(tell) = &self.0 {
            tell(path, part);
        }
    }
}

impl fmt::Debug for TableProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TableProgress")
    }
}

/// The help text for a data error.
fn data_help(error: &DataError, shape: &Shape) -> String {
    match error {
        DataError::Empty => {
            "there must be at least one sample, such as `#{ input: [0.0, 1.0], target: [1.0] }`".to_owned()
        }
        DataError::Width { what: "inputs", .. } => {
            format!("`layers` begins with {}, the number of inputs of each sample", shape.inputs())
        }
        DataError::Width { .. } => {
            format!("`layers` ends with {}, the number of targets of each sample", shape.outputs())
        }
        DataError::NotFinite { .. } => "samples must not contain NaN or infinite numbers".to_owned(),
    }
}
