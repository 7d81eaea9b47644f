//! The table of all parameters: every row has the numbers of the step, and any range of a sorted table equals that range of
//! a fully sorted list.

mod scene_nets;

use scene_nets::{momentum, sgd, small_nets, tanh, timeline};
use slowgrad_timeline::explain::parameter_table::{
    ParameterColumn, SortDirection, SortOrder, SortedRows, index, name, target,
};

#[test]
fn any_range_of_rows_equals_that_range_of_a_sorted_list() {
    for (what, timeline) in small_nets() {
        let step = timeline.step();
        let count = step.shape.parameters();
        let mut order = SortedRows::default();
        for column in ParameterColumn::all(step) {
            for direction in [SortDirection::Descending, SortDirection::Ascending, SortDirection::Magnitude] {
                let sorting = SortOrder { column, direction };
                let key = |parameter: u32| {
                    let x = column.number(step, parameter as usize);
                    match direction {
                        SortDirection::Descending => -x,
                        SortDirection::Ascending => x,
                        SortDirection::Magnitude => -x.abs(),
                    }
                };
                let mut sorted: Vec<u32> = (0..count as u32).collect();
                sorted.sort_by(|a, b| key(*a).total_cmp(&key(*b)));
                for (first, last) in [(0, count), (count / 3, count / 2), (count - 1, count), (2, 5), (0, count + 7)] {
                    let seen = order.rows(step, sorting, first..last);
                    let keys: Vec<f64> = seen.iter().map(|row| key(*row)).collect();
                    let wanted: Vec<f64> = sorted[first..last.min(count)].iter().map(|row| key(*row)).collect();
                    assert_eq!(keys, wanted, "{what}: {sorting:?}, rows {first} to {last}");
                }
                let third = order.rows(step, sorting, 3..4)[0];
                assert_eq!(sorting.rank(step, third as usize), 3, "{what}: {sorting:?}");
            }
        }
    }
}

#[test]
fn rows_have_the_numbers_of_the_step_and_the_targets_of_the_network() {
    let timeline = timeline(&[2, 3, 1], vec![tanh(), tanh()], momentum(), 2);
    let step = timeline.step();
    let columns = ParameterColumn::all(step);
    let headings: Vec<String> = columns.iter().map(|column| column.heading(step)).collect();
    assert_eq!(headings, ["parameter", "value", "gradient", "v", "change"]);
    for parameter in 0..step.shape.parameters() {
        assert_eq!(index(step, target(step, parameter)), Some(parameter));
        let row: Vec<u64> = columns[1..].iter().map(|column| column.number(step, parameter).to_bits()).collect();
        let (old, new) = (step.before.values[parameter], step.after.values[parameter]);
        let wanted = [old, step.grads[parameter], step.after.state[0][parameter], new - old];
        assert_eq!(row, wanted.map(f64::to_bits));
    }
    assert_eq!(name(step, 0), ("w₁₁".to_owned(), 1));
    assert_eq!(name(step, step.shape.parameters() - 1), ("b₁".to_owned(), 2));
}

#[test]
fn clicks_on_a_heading_sort_and_change_the_direction() {
    let mut sorting = SortOrder::default();
    let mut seen = Vec::new();
    for column in [
        ParameterColumn::Gradient,
        ParameterColumn::Gradient,
        ParameterColumn::Gradient,
        ParameterColumn::Gradient,
        ParameterColumn::Name,
        ParameterColumn::Name,
    ] {
        sorting = sorting.clicked(column);
        seen.push(sorting.direction);
    }
    let (falling, rising, size) = (SortDirection::Descending, SortDirection::Ascending, SortDirection::Magnitude);
    assert_eq!(seen, [falling, rising, size, falling, rising, falling]);
}

#[test]
fn equal_numbers_are_in_the_order_of_the_network() {
    let timeline = timeline(&[30, 3, 1], vec![tanh(), tanh()], sgd(), 1);
    let step = timeline.step();
    // The gradients of weights whose input is 0 are all equal.
    let sorting = SortOrder { column: ParameterColumn::Gradient, direction: SortDirection::Magnitude };
    let mut order = SortedRows::default();
    let rows = order.rows(step, sorting, 0..step.shape.parameters()).to_vec();
    let zeros: Vec<u32> = rows.into_iter().filter(|row| step.grads[*row as usize] == 0.0).collect();
    assert!(zeros.len() > 20 && zeros.is_sorted(), "{zeros:?}");
}
