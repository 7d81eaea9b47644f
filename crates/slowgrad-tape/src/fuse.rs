//! Instructions that are carried out together.
//!
//! An instruction whose result only one other one needs runs together with that one, each rounded on its own as before:
//! what is saved is the way through the rows. Up to three go one after the other, and where the last of them adds or
//! subtracts a product, that is a fourth. This module must not know where rows lie.

use crate::executor::{Code, Step};
use crate::op::Op;

/// What may come first, on a and b.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum First {
    Add,
    Sub,
    Mul,
    Div,
    /// The root of a.
    Sqrt,
}

impl First {
    /// In order, so that each stands at its number.
    pub(crate) const ALL: [Self; 5] = [Self::Add, Self::Sub, Self::Mul, Self::Div, Self::Sqrt];

    /// What an operation is when it stands first.
    pub(crate) fn new(code: Code) -> Option<Self> {
        match code {
            Code::Value(Op::Add) => Some(Self::Add),
            Code::Value(Op::Sub) => Some(Self::Sub),
            Code::Value(Op::Mul) => Some(Self::Mul),
            Code::Value(Op::Div) => Some(Self::Div),
            Code::Value(Op::Sqrt) => Some(Self::Sqrt),
            _ => None,
        }
    }

    #[inline(always)]
    pub(crate) fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Sqrt => a.sqrt(),
        }
    }
}

/// What may come then, on what there is, t, and c.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Then {
    /// t.
    Nothing,
    Add,
    /// t − c.
    Sub,
    /// c − t.
    SubFrom,
    Mul,
    /// t / c.
    Div,
    /// c / t.
    DivInto,
    /// t + c·d.
    AddProduct,
    /// t − c·d.
    SubProduct,
    /// c·d − t.
    SubFromProduct,
}

impl Then {
    /// In order, so that each stands at its number.
    pub(crate) const ALL: [Self; 10] = [
        Self::Nothing,
        Self::Add,
        Self::Sub,
        Self::SubFrom,
        Self::Mul,
        Self::Div,
        Self::DivInto,
        Self::AddProduct,
        Self::SubProduct,
        Self::SubFromProduct,
    ];

    /// What there is is this operand of an operation.
    fn new(code: Code, operand: usize) -> Option<Self> {
        match (code, operand) {
            (Code::Value(Op::Add), _) => Some(Self::Add),
            (Code::Value(Op::Mul), _) => Some(Self::Mul),
            (Code::Value(Op::Sub), 0) => Some(Self::Sub),
            (Code::Value(Op::Sub), _) => Some(Self::SubFrom),
            (Code::Value(Op::Div), 0) => Some(Self::Div),
            (Code::Value(Op::Div), _) => Some(Self::DivInto),
            _ => None,
        }
    }

    /// Rows that it needs besides.
    pub(crate) fn rows(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::AddProduct | Self::SubProduct | Self::SubFromProduct => 2,
            _ => 1,
        }
    }

    /// The same with a product for c.
    fn with_product(self) -> Option<Self> {
        match self {
            Self::Add => Some(Self::AddProduct),
            Self::Sub => Some(Self::SubProduct),
            Self::SubFrom => Some(Self::SubFromProduct),
            _ => None,
        }
    }

    #[inline(always)]
    pub(crate) fn of(self, t: f64, c: f64, d: f64) -> f64 {
        match self {
            Self::Nothing => t,
            Self::Add => t + c,
            Self::Sub => t - c,
            Self::SubFrom => c - t,
            Self::Mul => t * c,
            Self::Div => t / c,
            Self::DivInto => c / t,
            Self::AddProduct => t + c * d,
            Self::SubProduct => t - c * d,
            Self::SubFromProduct => c * d - t,
        }
    }
}

/// Instructions that run together at most, besides a product.
const LONGEST: usize = 3;

/// Joins steps with those that need their results, where `uses` says for each row that nothing else needs them. Steps
/// must stand after those whose results they need.
pub(crate) fn join(steps: &mut Vec<Step>, uses: &[u32]) {
    let makers = makers(steps, uses);
    // How many could run together up to each step.
    let mut lengths = Vec::with_capacity(steps.len());
    for makers in &makers {
        lengths.push(1 + makers.iter().flatten().map(|&maker| lengths[maker]).max().unwrap_or(0));
    }
    let mut is_joined = vec![false; steps.len()];
    for at in (0..steps.len()).rev() {
        if is_joined[at] {
            continue;
        }
        let mut head = at;
        // What comes after the head, the last first, with its rows.
        let mut thens: Vec<(Then, [u32; 2])> = Vec::new();
        while thens.len() + 1 < LONGEST {
            let Step { code, operands, .. } = steps[head];
            let room = LONGEST - 1 - thens.len();
            let next = [0, 1]
                .into_iter()
                .filter_map(|operand| Some((operand, makers[head][operand]?, Then::new(code, operand)?)))
                .max_by_key(|&(_, maker, _)| {
                    // As long as there is room for, or else as short as can be: the longer one then runs on its own.
                    let (length, fits) = (lengths[maker], lengths[maker] <= room);
                    (fits, if fits { length } else { usize::MAX - length })
                });
            let Some((operand, maker, then)) = next else { break };
            let product = makers[head][1 - operand].filter(|&other| steps[other].code == Code::Value(Op::Mul));
            match (then.with_product(), product) {
                (Some(then), Some(product)) if thens.is_empty() => {
                    let [c, d, ..] = steps[product].operands;
                    thens.push((then, [c, d]));
                    is_joined[product] = true;
                }
                _ => thens.push((then, [operands[1 - operand]; 2])),
            }
            is_joined[maker] = true;
            head = maker;
        }
        let Some(first) = First::new(steps[head].code) else { continue };
        let [a, b, ..] = steps[head].operands;
        let (code, operands) = match thens[..] {
            [(then, [c, d])] => (Code::Joined(first, then, Then::Nothing), [a, b, c, d, d]),
            [(last, [d, e]), (then, [c, _])] => (Code::Joined(first, then, last), [a, b, c, d, e]),
            _ => continue,
        };
        steps[at] = Step { code, operands, into: steps[at].into };
    }
    let mut is_joined = is_joined.into_iter();
    steps.retain(|_| is_joined.next() == Some(false));
}

/// For each step, what makes its first two operands for it alone, where that may come before it.
fn makers(steps: &[Step], uses: &[u32]) -> Vec<[Option<usize>; 2]> {
    let mut maker = vec![None; uses.len()];
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| First::new(step.code).is_some()) {
        maker[step.into as usize] = Some(at);
    }
    let of = |step: &Step, operand: usize| {
        let row = step.operands[operand] as usize;
        maker[row].filter(|_| operand < step.code.arity() && uses[row] == 1)
    };
    steps.iter().map(|step| [0, 1].map(|operand| of(step, operand))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps whose results get the rows from this one on.
    fn steps(first: u32, plain: &[(Op, u32, u32)]) -> Vec<Step> {
        let step = |(into, &(op, a, b)): (u32, &(Op, u32, u32))| Step {
            code: Code::Value(op),
            operands: [a, b, a, a, a],
            into,
        };
        (first..).zip(plain).map(step).collect()
    }

    /// The same joined, where the last of them and those in `kept` are needed.
    fn joined(mut steps: Vec<Step>, kept: &[u32]) -> Vec<Step> {
        let last = steps.last().map_or(0, |step| step.into);
        let mut uses = vec![0; last as usize + 1];
        for step in &steps {
            step.operands[..step.code.arity()].iter().for_each(|&row| uses[row as usize] += 1);
        }
        kept.iter().chain([&last]).for_each(|&row| uses[row as usize] += 1);
        join(&mut steps, &uses);
        steps
    }

    #[test]
    fn adam_takes_four_steps() {
        // Rows: w, grad, m, v, then β₁, 1 − β₁, β₂, 1 − β₂, the size, √(1 − β₂ᵗ), ε.
        let plain = [
            (Op::Mul, 4, 2),
            (Op::Mul, 5, 1),
            (Op::Add, 11, 12),
            (Op::Mul, 6, 3),
            (Op::Mul, 7, 1),
            (Op::Mul, 15, 1),
            (Op::Add, 14, 16),
            (Op::Sqrt, 17, 17),
            (Op::Div, 18, 9),
            (Op::Add, 19, 10),
            (Op::Mul, 8, 13),
            (Op::Div, 21, 20),
            (Op::Sub, 0, 22),
        ];
        let joined = joined(steps(11, &plain), &[13, 17]);
        let codes: Vec<Code> = joined.iter().map(|step| step.code).collect();
        assert_eq!(
            codes,
            [
                Code::Joined(First::Mul, Then::AddProduct, Then::Nothing),
                Code::Joined(First::Mul, Then::Mul, Then::AddProduct),
                Code::Joined(First::Sqrt, Then::Div, Then::Add),
                Code::Joined(First::Mul, Then::Div, Then::SubFrom),
            ]
        );
        assert_eq!(joined[1].operands, [7, 1, 1, 6, 3]);
        assert_eq!(joined[3].operands, [8, 13, 20, 0, 0]);
    }

    #[test]
    fn what_others_need_as_well_is_not_joined() {
        let plain = [(Op::Mul, 0, 1), (Op::Add, 2, 1), (Op::Sub, 3, 2)];
        let codes: Vec<Code> = joined(steps(2, &plain), &[]).iter().map(|step| step.code).collect();
        assert_eq!(codes, [Code::Value(Op::Mul), Code::Joined(First::Add, Then::Sub, Then::Nothing)]);
        assert_eq!(joined(steps(2, &plain), &[3]).len(), 3);
    }
}
