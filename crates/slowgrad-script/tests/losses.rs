//! Losses of probabilities at exactly 0 and 1, and losses of logits of any size.
#![allow(clippy::unwrap_used, clippy::unreadable_literal, missing_docs, reason = "a test")]

mod common;

use slowgrad_engine::spec::PluginRef;
use slowgrad_tape::math::{exp, sigmoid};

/// The loss of one sample, and its gradient by the outputs.
fn loss(name: &str, output: &[f64], target: &[f64]) -> (f64, Vec<f64>) {
    let loss = common::sandbox(&[]).loss(&PluginRef::named(name), output.len()).unwrap();
    let call = loss.function.borrow_mut().call(&[output, target, &loss.info.sliders()].concat()).unwrap();
    let mut grads = Vec::new();
    call.trace.backward(&call.values, &[1.0], &mut grads);
    grads.truncate(output.len());
    (call.output(0), grads)
}

#[track_caller]
fn close(ours: f64, exact: f64) {
    assert!((ours - exact).abs() <= 1e-14 * exact.abs(), "{ours:e}, not {exact:e}");
}

/// PyTorch's gradients at these outputs are 0, 1.333, 2, 4 and 1e12, divided by 5 for the mean. At 0 it clamps the
/// denominator of 0 / 0; the derivative of −ln(1 − x) there is 1.
#[test]
fn outputs_of_exactly_0_and_1_have_a_gradient() {
    let (value, grads) = loss("binary_cross_entropy", &[0.0, 0.25, 0.5, 0.75, 1.0], &[0.0; 5]);
    for (ours, exact) in grads.into_iter().zip([1.0, 4.0 / 3.0, 2.0, 4.0, 1e12]) {
        close(ours, exact / 5.0);
    }
    close(value, (0.28768207245178096 + std::f64::consts::LN_2 + 1.3862943611198906 + 100.0) / 5.0);
    assert_eq!(loss("binary_cross_entropy", &[0.0], &[1.0]), (100.0, vec![-1e12]));
    assert_eq!(loss("focal", &[1.0], &[0.0]), (75.0, vec![0.75 * (1e12 + 200.0)]));
    assert_eq!(loss("categorical_cross_entropy", &[0.0, 1.0], &[1.0, 0.0]), (100.0, vec![-1e12, 0.0]));
}

#[test]
fn losses_of_logits_are_exact_for_logits_of_any_size() {
    for size in [1e3, 1e100, 1e300] {
        assert_eq!(loss("binary_cross_entropy_with_logits", &[size], &[1.0]), (0.0, vec![0.0]));
        assert_eq!(loss("binary_cross_entropy_with_logits", &[size], &[0.0]), (size, vec![1.0]));
        assert_eq!(loss("binary_cross_entropy_with_logits", &[-size], &[1.0]), (size, vec![-1.0]));
        let wrong = loss("cross_entropy_with_logits", &[size, -size, 0.0], &[0.0, 1.0, 0.0]);
        assert_eq!(wrong, (2.0 * size, vec![1.0, -1.0, 0.0]));
        let sure = loss("cross_entropy_with_logits", &[size, -size, 0.0], &[1.0, 0.0, 0.0]);
        assert_eq!(sure, (0.0, vec![0.0, 0.0, 0.0]));
        let (even, _) = loss("cross_entropy_with_logits", &[size; 3], &[0.0, 1.0, 0.0]);
        close(even, 1.0986122886681098);
    }
    // A sample that is right keeps its small loss and gradient: 1 + exp(−40) would be rounded to 1.
    let (right, grads) = loss("binary_cross_entropy_with_logits", &[40.0], &[1.0]);
    close(right, 4.248354255291589e-18);
    close(grads[0], -4.248354255291589e-18);
}

#[test]
fn losses_of_logits_equal_those_of_probabilities() {
    for z in [-3.0, -0.5, 0.0, 1.25, 8.0] {
        for t in [0.0, 1.0, 0.25] {
            let (from_logit, grads) = loss("binary_cross_entropy_with_logits", &[z], &[t]);
            let (from_share, _) = loss("binary_cross_entropy", &[sigmoid(z)], &[t]);
            assert!((from_logit - from_share).abs() < 1e-12, "{from_logit} {from_share}");
            assert!((grads[0] - (sigmoid(z) - t)).abs() < 1e-15);
        }
        let logits = [z, 0.5, -1.0];
        let total: f64 = logits.iter().map(|&z| exp(z)).sum();
        let shares = logits.map(|z| exp(z) / total);
        for target in [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.25, 0.25, 0.5]] {
            let (from_logits, grads) = loss("cross_entropy_with_logits", &logits, &target);
            let (from_shares, _) = loss("categorical_cross_entropy", &shares, &target);
            assert!((from_logits - from_shares).abs() < 1e-13, "{from_logits} {from_shares}");
            for ((grad, share), t) in grads.into_iter().zip(shares).zip(target) {
                assert!((grad - (share - t)).abs() < 1e-15);
            }
        }
    }
}
