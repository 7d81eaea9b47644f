//! Reads the fields of `csv(…)`.

use crate::bindings::arguments;
use crate::diagnostics::problem::Problem;
use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording::{list, suggestion};
use rhai::{Dynamic, Map};
use slowgrad_engine::spec::{ColumnRef, MissingValues, Scale, TableSpec};

/// The fields of `csv(…)`, with what they say.
pub(crate) const FIELDS: &[(&str, &str)] = &[
    ("inputs", "names or numbers of columns"),
    ("target", "a column, or several"),
    ("classes", "whether targets are classes"),
    ("words", "columns that are words"),
    ("missing", "\"drop\" or \"mean\""),
    ("scale", "\"standard\" or \"minmax\""),
    ("separator", "between two cells"),
    ("decimal", "\".\" or \",\""),
    ("header", "whether the first row has names"),
    ("sheet", "a sheet of an .xlsx file"),
];

/// Reads the fields.
pub(crate) fn read(path: &str, how: &Map) -> Result<TableSpec, Problem> {
    let names = || FIELDS.iter().map(|(name, _)| *name);
    if let Some(odd) = how.keys().find(|key| names().all(|name| name != key.as_str())) {
        let problem = Problem::new("unknown-field", format!("`csv` has no field `{odd}`"));
        return Err(problem.help(suggestion(odd, names()).unwrap_or_default()));
    }
    let columns_of = |field: &str| how.get(field).map(|value| columns(value, field)).transpose();
    let flag = |field: &str| how.get(field).map(|value| arguments::flag(value, &format!("`{field}`"))).transpose();
    let targets = columns_of("target")?.filter(|targets| !targets.is_empty()).ok_or_else(|| {
        let usage = "write `csv(\"iris.csv\", #{ inputs: [\"petal_length\", \"petal_width\"], target: \"species\" })`";
        Problem::new("missing-field", "`csv` needs the field `target`").help(usage)
    })?;
    let sheet = how.get("sheet").map(|sheet| arguments::text(sheet, "`sheet`")).transpose()?;
    Ok(TableSpec {
        path: path.to_owned(),
        inputs: columns_of("inputs")?,
        targets,
        words: columns_of("words")?.unwrap_or_default(),
        classes: flag("classes")?,
        missing: one_of(how, "missing", &[("drop", MissingValues::Drop), ("mean", MissingValues::Mean)])?
            .unwrap_or_default(),
        scale: one_of(how, "scale", &[("standard", Scale::Standard), ("minmax", Scale::MinMax)])?,
        separator: one_of(how, "separator", &[(",", b','), (";", b';'), ("\t", b'\t'), ("tab", b'\t'), ("|", b'|')])?,
        decimal_comma: one_of(how, "decimal", &[(".", false), (",", true)])?,
        header: flag("header")?,
        sheet,
    })
}

/// A column, or an array of columns, each by its name or its number from 0.
fn columns(value: &Dynamic, field: &str) -> Result<Vec<ColumnRef>, Problem> {
    let column = |value: &Dynamic| {
        if let Ok(name) = value.clone().into_string() {
            return Ok(ColumnRef::Name(name));
        }
        let number = value.as_int().ok().and_then(|number| usize::try_from(number).ok());
        number.map(ColumnRef::Number).ok_or_else(|| {
            let found = value.as_int().map_or_else(|_| kind(value).to_owned(), |number| number.to_string());
            let message = format!("`{field}` needs columns by name or by number from 0, but this is {found}");
            Problem::new("wrong-type", message)
                .help(format!("write `{field}: [\"width\", \"height\"]` or `{field}: [0, 1]`"))
        })
    };
    match value.as_array_ref() {
        Ok(array) => array.iter().map(column).collect(),
        Err(_) => column(value).map(|column| vec![column]),
    }
}

/// The value of a field that is one of these texts.
fn one_of<T: Copy>(how: &Map, field: &str, known: &[(&str, T)]) -> Result<Option<T>, Problem> {
    let Some(value) = how.get(field) else { return Ok(None) };
    let found = arguments::text(value, &format!("`{field}`"))?;
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == found) {
        return Ok(Some(*value));
    }
    let quoted: Vec<String> = known.iter().map(|(name, _)| name.escape_default().to_string()).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    let message = format!("`{field}` must be one of {}, but this is «{found}»", list(&quoted));
    Err(Problem::new("wrong-value", message))
}
