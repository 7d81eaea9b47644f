//! Functions that create descriptions: controls, files, references to parameters, and random numbers.

use crate::bindings::arguments::{count, plain, words};
use crate::bindings::table;
use crate::bindings::values::{ControlSpec, CsvSpec, NeuronRef, ParameterRef, RandomSource, StageRecorder};
use crate::diagnostics::problem::{NativeResult, Problem};
use crate::diagnostics::wording::list;
use crate::runtime::host::Host;
use rhai::{Array, Dynamic, Engine, ImmutableString, Map, NativeCallContext};
use slowgrad_engine::orthogonal;
use slowgrad_engine::plugin::ControlKind;
use slowgrad_engine::shape::Parameter;
use std::cell::Cell;
use std::rc::Rc;

pub(crate) fn register(engine: &mut Engine, host: &Rc<Host>) {
    engine.register_type_with_name::<ControlSpec>("control");
    engine.register_type_with_name::<CsvSpec>("csv");
    engine.register_type_with_name::<ParameterRef>("parameter");
    engine.register_type_with_name::<NeuronRef>("neuron");
    engine.register_type_with_name::<RandomSource>("random");
    engine.register_type_with_name::<StageRecorder>("stage");
    controls(engine);
    data(engine);
    random(engine, host);
}

fn controls(engine: &mut Engine) {
    let order = Rc::new(Cell::new(0_u64));
    let next = move |kind: ControlKind| {
        order.set(order.get() + 1);
        ControlSpec { kind, order: order.get() }
    };
    for log in [false, true] {
        let next = next.clone();
        let name = if log { "log_slider" } else { "slider" };
        engine.register_fn(name, move |value: Dynamic, min: Dynamic, max: Dynamic| -> NativeResult<ControlSpec> {
            let (value, min, max) = (plain(&value, name)?, plain(&min, name)?, plain(&max, name)?);
            let wrong = |message: String| {
                Err(Problem::new("wrong-control", message).help(format!("write `{name}(default, min, max)`")).into())
            };
            if !(min < max && max.is_finite() && min.is_finite()) {
                return wrong(format!("a slider from {min} to {max} cannot be moved"));
            }
            if !(min..=max).contains(&value) {
                return wrong(format!("the slider starts at {value}, which is not between {min} and {max}"));
            }
            if log && min <= 0.0 {
                return wrong(format!("a logarithmic slider cannot start at {min}; its minimum must be above 0"));
            }
            Ok(next(ControlKind::Slider { value, min, max, log }))
        });
    }
    let toggled = next.clone();
    engine.register_fn("toggle", move |value: bool| toggled(ControlKind::Toggle { value }));
    engine.register_fn("choice", move |value: ImmutableString, options: Array| -> NativeResult<ControlSpec> {
        let options = words(&options, "choice")?;
        let value = value.to_string();
        if !options.contains(&value) {
            let known: Vec<&str> = options.iter().map(String::as_str).collect();
            return Err(Problem::new("wrong-control", format!("`{value}` is not one of {}", list(&known))).into());
        }
        Ok(next(ControlKind::Choice { value, options }))
    });
}

fn data(engine: &mut Engine) {
    engine.register_fn("csv", |path: ImmutableString, how: Map| -> NativeResult<CsvSpec> {
        Ok(CsvSpec(table::read(&path, &how)?))
    });
    engine.register_fn("weight", |layer: Dynamic, neuron: Dynamic, input: Dynamic| -> NativeResult<ParameterRef> {
        let (layer, neuron) = (count(&layer, "weight")?, count(&neuron, "weight")?);
        Ok(ParameterRef(Parameter { layer, neuron, input: Some(count(&input, "weight")?) }))
    });
    engine.register_fn("bias", |layer: Dynamic, neuron: Dynamic| -> NativeResult<ParameterRef> {
        Ok(ParameterRef(Parameter { layer: count(&layer, "bias")?, neuron: count(&neuron, "bias")?, input: None }))
    });
    engine.register_fn("neuron", |layer: Dynamic, neuron: Dynamic| -> NativeResult<NeuronRef> {
        Ok(NeuronRef { layer: count(&layer, "neuron")?, neuron: count(&neuron, "neuron")? })
    });
}

/// Multiplications of a native function that count as one operation; they take about as long.
const MULTIPLICATIONS_PER_OPERATION: usize = 32;

fn random(engine: &mut Engine, host: &Rc<Host>) {
    engine.register_fn("unit", |random: &mut RandomSource| random.0.borrow_mut().unit());
    engine.register_fn("uniform", |random: &mut RandomSource, low: Dynamic, high: Dynamic| -> NativeResult<f64> {
        Ok(random.0.borrow_mut().uniform(plain(&low, "uniform")?, plain(&high, "uniform")?))
    });
    engine.register_fn("normal", |random: &mut RandomSource, mean: Dynamic, deviation: Dynamic| -> NativeResult<f64> {
        Ok(random.0.borrow_mut().normal(plain(&mean, "normal")?, plain(&deviation, "normal")?))
    });
    engine.register_fn("below", |random: &mut RandomSource, n: Dynamic| -> NativeResult<i64> {
        let n = count(&n, "below")?;
        if n == 0 {
            let problem = Problem::new("wrong-value", "`below` needs a bound of at least 1");
            return Err(problem.help("`ctx.rng.below(6)` draws from 0 to 5").into());
        }
        Ok(random.0.borrow_mut().below(n as u64) as i64)
    });
    let shared = Rc::clone(host);
    let orthogonal = move |context: NativeCallContext,
                           random: &mut RandomSource,
                           rows: Dynamic,
                           columns: Dynamic|
          -> NativeResult<Array> {
        let (rows, columns) = (count(&rows, "orthogonal")?, count(&columns, "orthogonal")?);
        if rows == 0 || columns == 0 {
            let problem = Problem::new("wrong-value", format!("a matrix of {rows} × {columns} is empty"));
            return Err(problem.help("write `ctx.rng.orthogonal(ctx.fan_out, ctx.fan_in)`").into());
        }
        let max = context.engine().max_array_size();
        if rows.saturating_mul(columns) > max {
            let message = format!("a matrix of {rows} × {columns} is too large; it may have {max} numbers");
            return Err(Problem::new("too-large", message).limit("array").into());
        }
        let spend = |numbers: usize| shared.spend(numbers.div_ceil(MULTIPLICATIONS_PER_OPERATION) as u64);
        let matrix = orthogonal::orthogonal(&mut random.0.borrow_mut(), rows, columns, spend)?;
        let row = |row: Vec<f64>| Dynamic::from_array(row.into_iter().map(Dynamic::from_float).collect());
        Ok(matrix.into_iter().map(row).collect())
    };
    engine.register_fn("orthogonal", orthogonal);
}
