//! The split of samples into training and test data. Classes keep their shares in both parts.

use super::Data;
use crate::rng::{Purpose, Rng};

/// The class of a target: the output that is 1 if all others are 0; for a single output the target itself, 0 or 1.
pub fn class_of(target: &[f64]) -> Option<usize> {
    match target {
        [single] => [0.0, 1.0].iter().position(|class| class == single),
        several => {
            let class = several.iter().position(|&x| x == 1.0)?;
            several.iter().enumerate().all(|(i, &x)| i == class || x == 0.0).then_some(class)
        }
    }
}

/// The number of classes of data: one for each output, two for a single output; `None` if a target is no class.
pub fn classes(data: &Data) -> Option<usize> {
    let all = (0..data.len()).all(|sample| class_of(data.target(sample)).is_some());
    (all && !data.is_empty()).then(|| data.outputs().max(2))
}

/// Splits samples into training and test data. Shuffles them once with the seed, unless the test data is empty. Where all
/// targets are classes, each class has its share in the test data, to the nearest sample, and keeps at least one
/// sample for training.
pub fn split(data: Data, test_fraction: f64, seed: u64) -> (Data, Data) {
    let test_len = (data.len() as f64 * test_fraction.clamp(0.0, 1.0)).round() as usize;
    if test_len == 0 {
        return (data, Data::default());
    }
    let mut order: Vec<usize> = (0..data.len()).collect();
    Rng::new(seed, Purpose::Split).shuffle(&mut order);
    let train_len = match classes(&data) {
        None => data.len() - test_len,
        Some(classes) => {
            let class = |sample: usize| class_of(data.target(sample)).unwrap_or_default();
            let mut counts = vec![0; classes];
            (0..data.len()).for_each(|sample| counts[class(sample)] += 1);
            let mut left = test_counts(&counts, test_len);
            // The last samples of each class in the shuffled order are for testing.
            let mut test = Vec::with_capacity(test_len);
            let mut train = Vec::with_capacity(data.len());
            for &sample in order.iter().rev() {
                let left = &mut left[class(sample)];
                if *left > 0 {
                    *left -= 1;
                    test.push(sample);
                } else {
                    train.push(sample);
                }
            }
            order.clear();
            order.extend(train.iter().rev().chain(test.iter().rev()));
            train.len()
        }
    };
    data.reordered_and_split(order, train_len)
}

/// The number of test samples of each class, by largest remainders. One sample of each class stays in the training data.
fn test_counts(counts: &[usize], test_len: usize) -> Vec<usize> {
    let all: usize = counts.iter().sum();
    let (mut given, mut remainders) = (Vec::new(), Vec::new());
    for &count in counts {
        let share = count as u128 * test_len as u128;
        given.push(((share / all as u128) as usize).min(count.saturating_sub(1)));
        remainders.push(share % all as u128);
    }
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(remainders[class]));
    let mut missing = test_len - given.iter().sum::<usize>();
    // A class without test samples comes first; more than one round is needed only where small classes are at their limit.
    by_remainder.sort_by_key(|&class| given[class] > 0);
    while missing > 0 {
        let before = missing;
        for &class in &by_remainder {
            if missing > 0 && given[class] + 1 < counts[class] {
                given[class] += 1;
                missing -= 1;
            }
        }
        if missing == before {
            break;
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Sample;

    fn data(targets: &[&[f64]]) -> Data {
        let sample = |(i, target): (usize, &&[f64])| Sample { input: vec![i as f64], target: target.to_vec() };
        Data::new(&targets.iter().enumerate().map(sample).collect::<Vec<_>>(), 1, targets[0].len()).expect("good data")
    }

    fn counts(data: &Data, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        (0..data.len()).for_each(|sample| counts[class_of(data.target(sample)).expect("a class")] += 1);
        counts
    }

    #[test]
    fn a_rare_class_is_in_both_parts_at_every_seed() {
        let (a, b): (&[f64], &[f64]) = (&[1.0, 0.0], &[0.0, 1.0]);
        let targets: Vec<&[f64]> = (0..10).map(|i| if i < 8 { a } else { b }).collect();
        for seed in 0..100 {
            let (train, test) = split(data(&targets), 0.3, seed);
            assert_eq!((counts(&train, 2), counts(&test, 2)), (vec![6, 1], vec![2, 1]), "seed {seed}");
            // No sample is lost or changed.
            let mut rows: Vec<(f64, usize)> = [&train, &test]
                .into_iter()
                .flat_map(|data| (0..data.len()).map(|s| (data.input(s)[0], class_of(data.target(s)).unwrap_or(9))))
                .collect();
            rows.sort_by(|a, b| a.0.total_cmp(&b.0));
            let expected: Vec<(f64, usize)> = (0..10).map(|i| (f64::from(i), usize::from(i >= 8))).collect();
            assert_eq!(rows, expected);
        }
        assert_ne!(split(data(&targets), 0.3, 1), split(data(&targets), 0.3, 2));
        assert_eq!(split(data(&targets), 0.3, 1), split(data(&targets), 0.3, 1));
    }

    #[test]
    fn test_counts_add_up_and_leave_a_sample_of_each_class() {
        for (counts, test_len, expected) in [
            (&[50, 50, 50][..], 30, &[10, 10, 10][..]),
            (&[8, 2], 3, &[2, 1]),
            (&[1, 1, 8], 5, &[0, 0, 5]),
            (&[99, 1], 50, &[50, 0]),
            (&[2, 2], 3, &[1, 1]),
            (&[0, 4], 2, &[0, 2]),
        ] {
            assert_eq!(test_counts(counts, test_len), expected, "{counts:?}");
        }
    }

    #[test]
    fn targets_are_classes_only_if_each_is_one() {
        assert_eq!([&[0.0][..], &[1.0], &[0.5], &[-1.0]].map(class_of), [Some(0), Some(1), None, None]);
        assert_eq!([&[0.0, 1.0][..], &[1.0, 1.0], &[0.0, 0.0], &[0.2, 1.0]].map(class_of), [Some(1), None, None, None]);
        assert_eq!(classes(&data(&[&[0.0, 1.0, 0.0], &[1.0, 0.0, 0.0]])), Some(3));
        assert_eq!(classes(&data(&[&[0.0, 1.0, 0.0], &[1.0, 2.0, 0.0]])), None);
        // Numbers keep the plain split: shuffled once, the last ones for testing.
        let numbers: Vec<[f64; 1]> = (0..10).map(|i| [f64::from(i) / 8.0]).collect();
        let rows: Vec<&[f64]> = numbers.iter().map(|row| &row[..]).collect();
        let mut order: Vec<usize> = (0..10).collect();
        Rng::new(5, Purpose::Split).shuffle(&mut order);
        let (train, test) = split(data(&rows), 0.2, 5);
        let found: Vec<f64> = train.inputs().iter().chain(test.inputs()).copied().collect();
        assert_eq!(found, order.iter().map(|&i| i as f64).collect::<Vec<_>>());
    }
}
