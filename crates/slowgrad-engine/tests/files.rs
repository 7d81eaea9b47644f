//! Weight files and CSV: files round-trip, PyTorch's files are read, and errors say what is wrong.

mod common;

use slowgrad_engine::data::{DataError, read_csv, split};
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::Sample;
use slowgrad_engine::weights::{self, WeightsError};

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
    let json = weights::to_json(&shape, &values);
    assert_eq!(bits(&weights::from_json(&shape, &json).expect("its own file")), bits(&values));
    let bytes = weights::to_safetensors(&shape, &values).expect("finite numbers");
    assert_eq!(bits(&weights::from_safetensors(&shape, &bytes).expect("its own file")), bits(&values));
}

#[test]
fn files_written_by_pytorch_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/reference/");
    let shape = Shape::new(2, &[3, 1]);
    let double = std::fs::read(format!("{folder}sequential.safetensors")).expect("the reference file");
    let single = std::fs::read(format!("{folder}sequential_f32.safetensors")).expect("the reference file");
    let double = weights::from_safetensors(&shape, &double).expect("float64");
    let single = weights::from_safetensors(&shape, &single).expect("float32");
    for (wide, narrow) in double.iter().zip(&single) {
        assert!((wide - narrow).abs() < 1e-6);
        assert_eq!((*narrow as f32) as f64, *narrow, "float32 is converted exactly");
    }
}

#[test]
fn a_file_of_another_network_says_what_differs() {
    let shape = Shape::new(3, &[4, 2]);
    let bytes = weights::to_safetensors(&shape, &values(&shape)).expect("finite numbers");
    let error = weights::from_safetensors(&Shape::new(3, &[5, 2]), &bytes).expect_err("another shape");
    assert_eq!(error.to_string(), "«0.weight» is 4 × 3, but the network needs 5 × 3");
    let error = weights::from_safetensors(&Shape::new(3, &[4]), &bytes).expect_err("a layer too many");
    assert!(matches!(error, WeightsError::Unknown(_)), "{error}");
    assert!(matches!(weights::from_safetensors(&shape, b"not a file"), Err(WeightsError::Format(_))));
    assert!(matches!(weights::from_json(&shape, "{"), Err(WeightsError::Format(_))));
    let mut broken = values(&shape);
    broken[13] = f64::NAN;
    let json = weights::to_json(&shape, &broken).replace("null", "1e999");
    assert!(weights::from_json(&shape, &json).is_err(), "numbers that are not finite are refused");
}

#[test]
fn csv_columns_by_name_and_classes_in_order_of_appearance() {
    let text = "# flowers\na, b, kind\n1, 2, red\n3, 4.5, blue\n5,6,red\n";
    let names = ["b".to_owned(), "a".to_owned()];
    let samples = read_csv(text, &names, "kind").expect("good data");
    assert_eq!(samples[1], Sample { input: vec![4.5, 3.0], target: vec![0.0, 1.0] });
    assert_eq!(samples[2].target, [1.0, 0.0]);
    let numbers = read_csv(text, &names[..1], "a").expect("good data");
    assert_eq!(numbers[2], Sample { input: vec![6.0], target: vec![5.0] });
    let error = read_csv(text, &["c".to_owned()], "kind").expect_err("no such column");
    assert_eq!(error.to_string(), "there is no column «c»; the columns are a, b, kind");
    let error = read_csv("a,b\n1,x\n", &["b".to_owned()], "a").expect_err("a word");
    assert!(matches!(error, DataError::Number { line: 2, .. }), "{error}");
}

#[test]
fn a_target_column_with_thousands_of_classes_is_refused() {
    let rows = |end: &str| (0..30_000).map(|i| format!("{i},{i}")).collect::<Vec<_>>().join("\n") + "\n" + end;
    let read = |end: &str| read_csv(&format!("a,b\n{}", rows(end)), &["a".to_owned()], "b");
    assert_eq!(read("1,2\n").expect("numbers").len(), 30_001);
    let error = read("1,2.o\n").expect_err("one number is mistyped");
    assert_eq!(error.to_string(), "column «b» has more than 1000 different words, such as «2.o»");
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
    let samples: Vec<Sample> = (0..11).map(|i| Sample { input: vec![f64::from(i)], target: vec![0.0] }).collect();
    let (train, test) = split(samples.clone(), 0.4, 9);
    assert_eq!((train.len(), test.len()), (7, 4));
    let mut seen: Vec<f64> = train.iter().chain(&test).map(|sample| sample.input[0]).collect();
    seen.sort_by(f64::total_cmp);
    assert_eq!(seen, (0..11).map(f64::from).collect::<Vec<_>>());
    assert_eq!(split(samples, 0.0, 9).0[3].input, [3.0], "without a test set the order stays");
}
