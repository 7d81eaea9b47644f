//! Weight files and CSV: files round-trip, PyTorch's files are read, and errors say what is wrong.

mod common;

use slowgrad_engine::data::Data;
use slowgrad_engine::data::split::split;
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::Sample;
use slowgrad_engine::tensor_match::MatchError;
use slowgrad_engine::training_state::{self, TrainingStateError};
use slowgrad_engine::weights::{self, WeightFormat, WeightsError};
use std::path::Path;

fn values(shape: &Shape) -> Vec<f64> {
    let mut stream = common::Stream(5);
    (0..shape.parameters()).map(|_| stream.next() / 3.0).collect()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn both_formats_preserve_every_bit() {
    let shape = Shape::new(3, &[4, 2]);
    let values = values(&shape);
    for format in [WeightFormat::Json, WeightFormat::Safetensors] {
        let bytes = weights::write(format, &shape, &values).expect("finite numbers");
        let read = weights::read(format, &shape, &bytes).expect("its own file");
        assert_eq!((bits(&read.values), read.mapping), (bits(&values), None));
        let mut broken = values.clone();
        broken[13] = f64::NAN;
        let error = weights::write(format, &shape, &broken).expect_err("it could not be read");
        assert_eq!(error.to_string(), "«0.bias» contains a number that is not finite");
    }
    let json = weights::to_json(&shape, &values).expect("finite numbers");
    assert_eq!(weights::from_json(&shape, &format!("\u{feff}{json}")), Ok(values), "a byte order mark is skipped");
}

#[test]
fn a_layer_without_biases_has_no_tensor_for_them() {
    let shape = Shape::with_biases(3, [(4, false), (2, true)]);
    assert_eq!(shape.parameters(), 3 * 4 + 4 * 2 + 2);
    let values = values(&shape);
    for format in [WeightFormat::Json, WeightFormat::Safetensors] {
        let bytes = weights::write(format, &shape, &values).expect("finite numbers");
        let read = weights::read(format, &shape, &bytes).expect("its own file");
        assert_eq!((bits(&read.values), read.mapping), (bits(&values), None));
        for other in [Shape::new(3, &[4, 2]), Shape::with_biases(3, [(4, false), (2, false)])] {
            let error = weights::read(format, &other, &bytes).expect_err("another network");
            assert!(matches!(&error, WeightsError::Match(MatchError::Shapes { .. })), "{error:?}");
        }
    }
    let json = weights::to_json(&shape, &values).expect("finite numbers");
    assert_eq!(json.matches("\"bias\"").count(), 1);
    let (setup, mut model) = {
        let (setup, values) =
            common::setup_of(shape, vec![common::tanh(), common::tanh()], common::descent(0.1, true), 5, 2);
        (std::rc::Rc::new(setup), values)
    };
    let mut run = Run::new((*setup).clone(), std::mem::take(&mut model));
    run.seek(3).expect("it runs");
    let state = training_state::to_safetensors(&setup, run.model(), 3).expect("finite numbers");
    let read = training_state::from_safetensors(&setup, &state).expect("its own state");
    assert!(read.model.same_bits(run.model()) && read.step == 3);
}

#[test]
fn files_written_by_pytorch_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/");
    let shape = Shape::new(2, &[3, 1]);
    let double = std::fs::read(format!("{folder}sequential.safetensors")).expect("the reference file");
    let single = std::fs::read(format!("{folder}sequential_f32.safetensors")).expect("the reference file");
    let double = weights::from_safetensors(&shape, &double).expect("float64").values;
    let single = weights::from_safetensors(&shape, &single).expect("float32").values;
    for (wide, narrow) in double.iter().zip(&single) {
        assert!((wide - narrow).abs() < 1e-6);
        assert_eq!((*narrow as f32) as f64, *narrow, "float32 is converted exactly");
    }
}

#[test]
fn a_file_of_another_network_says_what_differs() {
    let shape = Shape::new(3, &[4, 2]);
    let bytes = weights::to_safetensors(&shape, &values(&shape)).expect("finite numbers");
    for shape in [Shape::new(3, &[5, 2]), Shape::new(3, &[4])] {
        let error = weights::from_safetensors(&shape, &bytes).expect_err("another shape");
        let WeightsError::Match(MatchError::Shapes { found, wanted }) = error else { panic!("{error}") };
        assert_eq!((found.len(), wanted.len()), (4, 2 * shape.layers()));
        let json = weights::to_json(&Shape::new(3, &[4, 2]), &values(&Shape::new(3, &[4, 2]))).expect("finite numbers");
        let error = weights::from_json(&shape, &json).expect_err("another shape");
        let WeightsError::Match(error) = error else { panic!("{error}") };
        assert!(error.list().is_some_and(|list| list.contains("there is 0.bias 4, 0.weight 4 × 3, 2.bias 2")));
    }
    assert!(matches!(weights::from_safetensors(&shape, b"not a file"), Err(WeightsError::Format(_))));
    assert!(matches!(weights::from_json(&shape, "{"), Err(WeightsError::Format(_))));
    let json = weights::to_json(&shape, &values(&shape)).expect("finite numbers");
    let ragged = json.replacen(",\n", ", 1.0,\n", 3);
    assert!(weights::from_json(&shape, &ragged).is_err());
    let (number, _) = json.split_once("],").and_then(|(before, _)| before.rsplit_once('\n')).expect("a row");
    let number = number.trim_end().rsplit_once(char::is_whitespace).expect("a number").1;
    let infinite = json.replacen(number.trim_end_matches(','), "1e999", 1);
    assert!(weights::from_json(&shape, &infinite).is_err(), "numbers that are not finite are refused");
}

#[test]
fn extensions_name_the_format_in_any_case() {
    let of = |path: &str| WeightFormat::of(Path::new(path));
    assert_eq!((of("a/W.JSON"), of("w.SafeTensors")), (Some(WeightFormat::Json), Some(WeightFormat::Safetensors)));
    assert_eq!((of("w.pickle"), of("json")), (None, None));
}

/// The longest numbers, each on a line of its own.
#[test]
fn the_size_limit_admits_every_file_that_is_written() {
    for sizes in [[3, 2].as_slice(), &[300, 300]] {
        let shape = Shape::new(3, sizes);
        let values = vec![-1.234_567_890_123_456_7e-300; shape.parameters()];
        for format in [WeightFormat::Json, WeightFormat::Safetensors] {
            let size = weights::write(format, &shape, &values).expect("finite numbers").len() as u64;
            assert!(size < weights::max_file_bytes(shape.parameters()), "{size} bytes");
            assert!(size < 40 * shape.parameters() as u64 + 10_000, "{size} bytes");
        }
    }
}

#[test]
fn training_resumes_from_a_state_with_the_same_bits() {
    let of = |momentum: bool| {
        let (mut setup, values) =
            common::setup(&[2, 3, 1], vec![common::tanh(), common::identity()], common::descent(0.1, momentum), 7, 3);
        setup.shuffle = true;
        (setup, values)
    };
    let (setup, values) = of(true);
    let mut whole = Run::new(setup.clone(), values.clone());
    whole.seek(41).expect("no script fails");
    let mut first = Run::new(setup.clone(), values.clone());
    first.seek(20).expect("no script fails");
    let bytes = training_state::to_safetensors(first.setup(), first.model(), first.step()).expect("finite numbers");
    let again = training_state::to_safetensors(first.setup(), first.model(), first.step()).expect("finite numbers");
    assert_eq!(bytes, again, "the same state has the same bytes");
    let state = training_state::from_safetensors(&setup, &bytes).expect("its own file");
    assert_eq!((state.step, state.differences.len()), (20, 0));
    let mut second = Run::resumed(setup.clone(), state.model, state.step);
    second.seek(41).expect("no script fails");
    assert!(second.model().same_bits(whole.model()));
    // History works from the resumed step on.
    second.seek(3).expect("no script fails");
    assert_eq!(second.step(), 20);
    assert!(second.model().same_bits(first.model()));
    second.seek(41).expect("no script fails");
    assert!(second.model().same_bits(whole.model()));

    // A state is also a weight file.
    let weights = weights::from_safetensors(&setup.shape, &bytes).expect("the weights");
    assert_eq!((bits(&weights.values), weights.mapping), (bits(&first.model().values), None));
    let error = training_state::from_safetensors(&of(false).0, &bytes).expect_err("another optimizer");
    assert_eq!(
        error.to_string(),
        "the file has the state of the optimizer momentum (velocity), but this run uses clipped (no state)"
    );
    let plain = weights::to_safetensors(&setup.shape, &values).expect("finite numbers");
    assert_eq!(training_state::from_safetensors(&setup, &plain), Err(TrainingStateError::NoState));
    let other = slowgrad_engine::setup::Setup { seed: 4, batch: 2, ..setup };
    let state = training_state::from_safetensors(&other, &bytes).expect("it can be used");
    assert_eq!(state.differences, ["seed was 3 and is 4", "batch was 3 and is 2"]);
}

#[test]
fn the_number_of_parameters_saturates() {
    for sizes in [[usize::MAX, 1], [1 << 32, 1 << 32], [3_037_000_499, 3_037_000_499]] {
        assert!(Shape::new(1 << 32, &sizes).parameters() > 1 << 60, "{sizes:?}");
    }
    assert_eq!(Shape::new(2, &[3, 1]).parameters(), 13);
}

#[test]
fn random_streams_depend_on_seed_and_purpose() {
    let draw = |seed, purpose| {
        let mut rng = Rng::new(seed, purpose);
        (0..4).map(|_| rng.unit().to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(draw(7, Purpose::Data), draw(7, Purpose::Data));
    assert_ne!(draw(7, Purpose::Data), draw(8, Purpose::Data));
    assert_ne!(draw(7, Purpose::Data), draw(7, Purpose::Weights));
    assert_ne!(draw(7, Purpose::Order { epoch: 0 }), draw(7, Purpose::Order { epoch: 1 }));
    let mut rng = Rng::new(1, Purpose::Data);
    let normal: Vec<f64> = (0..20_000).map(|_| rng.normal(2.0, 3.0)).collect();
    let mean = normal.iter().sum::<f64>() / 20_000.0;
    let variance = normal.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
    assert!((mean - 2.0).abs() < 0.1 && (variance.sqrt() - 3.0).abs() < 0.1, "{mean} {variance}");
}

#[test]
fn a_split_keeps_every_sample_once() {
    let samples: Vec<Sample> = (0..11).map(|i| Sample { input: vec![f64::from(i)], target: vec![0.25] }).collect();
    let data = Data::new(&samples, 1, 1).expect("good data");
    let (train, test) = split(data.clone(), 0.4, 9);
    assert_eq!((train.len(), test.len()), (7, 4));
    let mut seen: Vec<f64> = train.inputs().iter().chain(test.inputs()).copied().collect();
    seen.sort_by(f64::total_cmp);
    assert_eq!(seen, (0..11).map(f64::from).collect::<Vec<_>>());
    assert_eq!(split(data, 0.0, 9).0.input(3), [3.0], "without a test set the order stays");
}
