//! The samples and the initial weights of a lesson, and the files that have them.
//!
//! It must not know plugins other than data sets and initializers.

use super::{FieldLocator, Sandbox, locate, shape, with_location};
use crate::diagnostics::wording;
use crate::library::{self, folder, is_plain, plain_part};
use slowgrad_engine::data::{self, Data};
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::{DataSpec, LessonSpec, Sample, WeightsSpec};
use slowgrad_engine::weights::{self, LoadedWeights, WeightFormat, WeightsError};
use slowgrad_tape::Diagnostic;
use std::path::Path;
use std::sync::Arc;

/// The key of the cached data, then training and test data.
pub(super) type CachedData = (DataKey, Arc<Data>, Arc<Data>);

/// What the samples depend on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DataKey {
    spec: DataSpec,
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
        let shape = shape(spec);
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
                let bytes = self.find_resource(path, &[""]).map_err(|error| locate(error, locate_field("weights")))?;
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
    fn find_resource(&self, path: &str, folders: &[&str]) -> Result<Arc<[u8]>, Box<Diagnostic>> {
        let (here, name) = plain_part(path);
        if !is_plain(name) {
            let help = "give the path within the lesson's folder, without `..`";
            return Err(Box::new(
                Diagnostic::error("no-such-file", format!("`{path}` is not a path a lesson can use")).help(help),
            ));
        }
        let beside = folder(&self.plugins.home.borrow().path).to_owned();
        let max_bytes = weights::max_file_bytes(self.interpreter().host.limits.get().parameters);
        let mut library = self.interpreter().files.library.borrow_mut();
        let others = folders.iter().copied().filter(|_| !here);
        let candidates = std::iter::once(beside.as_str()).chain(others).map(|folder| format!("{folder}{name}"));
        let mut left_out = None;
        for candidate in candidates {
            library.load(&candidate, max_bytes);
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
        let known = library.roots.iter().flat_map(|root| root.files.paths()).filter(|path| !library::is_script(path));
        let help = match wording::nearest(name, known) {
            Some(near) => format!("did you mean `{near}`? Files are searched for in the lesson's folder"),
            None => "files are searched for in the lesson's folder".to_owned(),
        };
        Err(Box::new(Diagnostic::error("no-such-file", format!("there is no file `{path}`")).help(help)))
    }

    /// The training and the test data of a configuration. The last ones are cached.
    pub(super) fn load_data(
        &self,
        spec: &LessonSpec,
        shape: &Shape,
    ) -> Result<(Arc<Data>, Arc<Data>), Box<Diagnostic>> {
        let key = DataKey {
            spec: spec.data.clone(),
            inputs: shape.inputs(),
            outputs: shape.outputs(),
            noise: spec.noise,
            count: spec.count,
            test_fraction: spec.test_fraction,
            seed: spec.seed,
        };
        if let Some((known, train, test)) = &*self.data.borrow()
            && *known == key
        {
            return Ok((Arc::clone(train), Arc::clone(test)));
        }
        let wrong = |error: data::DataError| {
            let help = data_help(&error, shape);
            Box::new(Diagnostic { help: Some(help), ..Diagnostic::error("wrong-data", error.to_string()) })
        };
        let samples = match &spec.data {
            DataSpec::Plugin(plugin) => self.plugins.dataset(plugin, spec.count, spec.noise, spec.seed)?,
            DataSpec::Inline(samples) => samples.clone(),
            DataSpec::Csv { path, inputs, target } => {
                let bytes = self.find_resource(path, &["datasets/"])?;
                let text = std::str::from_utf8(&bytes);
                let text =
                    text.map_err(|_| Box::new(Diagnostic::error("not-text", format!("`{path}` is not valid UTF-8"))))?;
                data::read_csv(text, inputs, target).map_err(wrong)?
            }
        };
        let all = samples.len();
        let (train, test) = data::split(samples, spec.test_fraction, spec.seed);
        if train.is_empty() && all > 0 {
            let message = format!("all {all} samples are in the test set, so none is left for training");
            return Err(Box::new(Diagnostic::error("wrong-data", message).help("lower `test_fraction`")));
        }
        let new_data =
            |samples: &[Sample]| Data::new(samples, shape.inputs(), shape.outputs()).map(Arc::new).map_err(wrong);
        let train = new_data(&train)?;
        let test = if test.is_empty() { Arc::new(Data::default()) } else { new_data(&test)? };
        *self.data.borrow_mut() = Some((key, Arc::clone(&train), Arc::clone(&test)));
        Ok((train, test))
    }
}

/// The help text for a data error.
fn data_help(error: &data::DataError, shape: &Shape) -> String {
    use data::DataError as E;
    match error {
        E::Empty => "there must be at least one sample, such as `#{ input: [0.0, 1.0], target: [1.0] }`".to_owned(),
        E::Width { what: "inputs", .. } => {
            format!("`layers` begins with {}, the number of inputs of each sample", shape.inputs())
        }
        E::Width { .. } => format!("`layers` ends with {}, the number of targets of each sample", shape.outputs()),
        E::NotFinite { .. } => "samples must not contain NaN or infinite numbers".to_owned(),
        E::Column { .. } => "the first line of the file must contain the column names".to_owned(),
        E::Number { .. } => "inputs must be numbers; only the target may be text".to_owned(),
        E::Classes { .. } => "each class becomes an output; is a number mistyped?".to_owned(),
        E::Csv(_) => "each line must have as many fields as the first".to_owned(),
    }
}
