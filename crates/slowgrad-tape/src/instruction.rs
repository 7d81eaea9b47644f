//! Instructions of a program: what each computes from its operands' rows.
//!
//! A row holds one number per lane. [`fuse`](crate::fuse) merges instructions, [`kernels`](crate::kernels) has a loop
//! for each, and [`executor`](crate::executor) runs them. This module must not know where rows are stored.

use crate::op::Op;
use crate::trace::Compare;

/// Maximum number of operands of an instruction.
pub(crate) const MAX_OPERANDS: usize = 5;

/// What an instruction computes from its operands' rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Opcode {
    /// The value of an operation. Operands: a, b, c.
    Value(Op),
    /// A power with this constant exponent. Operand: a.
    Power(Exponent),
    /// The upstream gradient times the local derivative with respect to the operand with this index. Operands: a, b, c,
    /// the result, the upstream gradient.
    Chain(Op, u8),
    /// [`Chain`](Self::Chain) for the base of a power with a constant exponent. Operands: a, the upstream gradient.
    PowerChain(Exponent),
    /// A mask: all bits set where the comparison of a and b holds, no bit elsewhere.
    Compare(Compare),
    /// b where the mask a is set, c elsewhere.
    Select,
    /// A fused chain: `head(a, b)`, then one or two tails. Each tail combines the running result with the next operand;
    /// the last tail may take a product of two operands instead.
    Fused(FusedHead, FusedTail, FusedTail),
}

impl Opcode {
    /// Number of operands.
    pub(crate) fn arity(self) -> usize {
        match self {
            Opcode::Value(op) => op.arity(),
            Opcode::Power(_) => 1,
            Opcode::PowerChain(_) | Opcode::Compare(_) => 2,
            Opcode::Select => 3,
            Opcode::Fused(_, tail, last) => 2 + tail.operands() + last.operands(),
            Opcode::Chain(..) => 5,
        }
    }

    /// Whether the kernel reads a whole group of lanes before it writes any, so that the result's row may also be an
    /// operand's row.
    pub(crate) fn runs_by_group(self) -> bool {
        matches!(self, Opcode::Fused(..)) || FusedHead::new(self).is_some()
    }
}

/// Exponents for which [`crate::math::pow`] has a short definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Exponent {
    Two,
    Three,
    Half,
    MinusOne,
}

impl Exponent {
    pub(crate) fn of(x: f64) -> Option<Self> {
        [(2.0, Self::Two), (3.0, Self::Three), (0.5, Self::Half), (-1.0, Self::MinusOne)]
            .into_iter()
            .find_map(|(value, exponent)| (value == x).then_some(exponent))
    }
}

/// An instruction with the rows of its operands and of its result. Unused operands repeat others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowInstruction {
    pub(crate) opcode: Opcode,
    pub(crate) operands: [u32; MAX_OPERANDS],
    pub(crate) into: u32,
}

impl RowInstruction {
    pub(crate) fn reads(&self, row: u32) -> bool {
        self.operands[..self.opcode.arity()].contains(&row)
    }
}

/// The first operation of a fused chain, on a and b.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FusedHead {
    Add,
    Sub,
    Mul,
    Div,
    /// √a.
    Sqrt,
}

impl FusedHead {
    /// All heads; each is at the index of its discriminant.
    pub(crate) const ALL: [Self; 5] = [Self::Add, Self::Sub, Self::Mul, Self::Div, Self::Sqrt];

    /// The head that computes an opcode, if it can start a chain.
    pub(crate) fn new(opcode: Opcode) -> Option<Self> {
        match opcode {
            Opcode::Value(Op::Add) => Some(Self::Add),
            Opcode::Value(Op::Sub) => Some(Self::Sub),
            Opcode::Value(Op::Mul) => Some(Self::Mul),
            Opcode::Value(Op::Div) => Some(Self::Div),
            Opcode::Value(Op::Sqrt) => Some(Self::Sqrt),
            _ => None,
        }
    }

    #[inline(always)]
    pub(crate) fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Sqrt => a.sqrt(),
        }
    }
}

/// A later operation of a fused chain, on the running result t and the next operand c, or the product c·d.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FusedTail {
    /// t: the chain has no further operation.
    Identity,
    /// t + c.
    Add,
    /// t − c.
    Sub,
    /// c − t.
    SubFrom,
    /// t · c.
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

impl FusedTail {
    /// All tails; each is at the index of its discriminant.
    pub(crate) const ALL: [Self; 10] = [
        Self::Identity,
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

    /// The tail that computes an opcode whose operand with this index is the running result.
    pub(crate) fn new(opcode: Opcode, operand: usize) -> Option<Self> {
        match (opcode, operand) {
            (Opcode::Value(Op::Add), _) => Some(Self::Add),
            (Opcode::Value(Op::Mul), _) => Some(Self::Mul),
            (Opcode::Value(Op::Sub), 0) => Some(Self::Sub),
            (Opcode::Value(Op::Sub), _) => Some(Self::SubFrom),
            (Opcode::Value(Op::Div), 0) => Some(Self::Div),
            (Opcode::Value(Op::Div), _) => Some(Self::DivInto),
            _ => None,
        }
    }

    /// Number of operands besides the running result.
    pub(crate) fn operands(self) -> usize {
        match self {
            Self::Identity => 0,
            Self::AddProduct | Self::SubProduct | Self::SubFromProduct => 2,
            _ => 1,
        }
    }

    /// The same operation with a product in place of c.
    pub(crate) fn with_product(self) -> Option<Self> {
        match self {
            Self::Add => Some(Self::AddProduct),
            Self::Sub => Some(Self::SubProduct),
            Self::SubFrom => Some(Self::SubFromProduct),
            _ => None,
        }
    }

    #[inline(always)]
    pub(crate) fn apply(self, t: f64, c: f64, d: f64) -> f64 {
        match self {
            Self::Identity => t,
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
