//! Weight files: the extension chooses the format, `.json` or `.safetensors`.

use super::Failure;
use crate::files::library;
use crate::files::output::Output;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::weights;
use std::path::Path;

fn is_json(path: &Path) -> Result<bool, Failure> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(true),
        Some("safetensors") => Ok(false),
        _ => Err(Failure::usage(format!("{} is neither a .json nor a .safetensors file", path.display()))),
    }
}

/// Reads the parameters of a network of this shape.
pub(super) fn read(path: &Path, shape: &Shape) -> Result<Vec<f64>, Failure> {
    let json = is_json(path)?;
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let bytes = library::read_file(path).map_err(|error| failed(&error))?;
    if !json {
        return weights::from_safetensors(shape, &bytes).map_err(|error| failed(&error));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| failed(&error))?;
    weights::from_json(shape, text).map_err(|error| failed(&error))
}

/// Writes the parameters of a network. A pipe or a device whose name has no extension receives JSON.
pub(super) fn write(output: Output, shape: &Shape, values: &[f64]) -> Result<(), Failure> {
    let bytes = match output.extension() {
        Some("safetensors") => {
            weights::to_safetensors(shape, values).map_err(|error| Failure::new(error.to_string()))?
        }
        _ => weights::to_json(shape, values).into_bytes(),
    };
    Ok(output.write(&bytes)?)
}
