//! Fusion of instructions into chains that one kernel computes.
//!
//! An instruction whose result has a single use runs together with its user. Each operation is still rounded on its
//! own, so fusion changes no bits; it saves loads and stores of rows. A chain has at most three operations; where the
//! last one adds or subtracts a product, that product is a fourth. This module must not know where rows are stored.

use crate::instruction::{FusedHead, FusedTail, Opcode, RowInstruction};
use crate::op::Op;

/// Maximum number of operations in a chain, without the product of the last one.
const MAX_CHAIN: usize = 3;

/// Fuses instructions with the users of their results. `uses` holds the number of uses of each row, program results
/// included; only results with a single use are fused.
///
/// Instructions must be in an order in which each comes after those whose results it reads.
pub(crate) fn fuse(instructions: &mut Vec<RowInstruction>, uses: &[u32]) {
    let producers = producers(instructions, uses);
    // The longest chain that could end at each instruction.
    let mut lengths = Vec::with_capacity(instructions.len());
    for producers in &producers {
        lengths.push(1 + producers.iter().flatten().map(|&producer| lengths[producer]).max().unwrap_or(0));
    }
    let mut fused = vec![false; instructions.len()];
    for at in (0..instructions.len()).rev() {
        if fused[at] {
            continue;
        }
        let mut head = at;
        // The operations after the head, the last one first, each with its operands' rows.
        let mut tails: Vec<(FusedTail, [u32; 2])> = Vec::new();
        while tails.len() + 1 < MAX_CHAIN {
            let RowInstruction { opcode, operands, .. } = instructions[head];
            let room = MAX_CHAIN - 1 - tails.len();
            let next = [0, 1]
                .into_iter()
                .filter_map(|operand| Some((operand, producers[head][operand]?, FusedTail::new(opcode, operand)?)))
                .max_by_key(|&(_, producer, _)| {
                    // Prefers the longest chain that fits. If none fits, prefers the shortest: the longer one then
                    // becomes a chain of its own.
                    let (length, fits) = (lengths[producer], lengths[producer] <= room);
                    (fits, if fits { length } else { usize::MAX - length })
                });
            let Some((operand, producer, tail)) = next else { break };
            let product =
                producers[head][1 - operand].filter(|&other| instructions[other].opcode == Opcode::Value(Op::Mul));
            match (tail.with_product(), product) {
                (Some(tail), Some(product)) if tails.is_empty() => {
                    let [c, d, ..] = instructions[product].operands;
                    tails.push((tail, [c, d]));
                    fused[product] = true;
                }
                _ => tails.push((tail, [operands[1 - operand]; 2])),
            }
            fused[producer] = true;
            head = producer;
        }
        let Some(first) = FusedHead::new(instructions[head].opcode) else { continue };
        let [a, b, ..] = instructions[head].operands;
        let (opcode, operands) = match tails[..] {
            [(tail, [c, d])] => (Opcode::Fused(first, tail, FusedTail::Identity), [a, b, c, d, d]),
            [(last, [d, e]), (tail, [c, _])] => (Opcode::Fused(first, tail, last), [a, b, c, d, e]),
            _ => continue,
        };
        instructions[at] = RowInstruction { opcode, operands, into: instructions[at].into };
    }
    let mut fused = fused.into_iter();
    instructions.retain(|_| fused.next() == Some(false));
}

/// For each of the first two operands of each instruction, the index of the instruction that produces it. `None` where
/// that one cannot start a chain or its result has other uses.
fn producers(instructions: &[RowInstruction], uses: &[u32]) -> Vec<[Option<usize>; 2]> {
    let mut producer = vec![None; uses.len()];
    let heads = instructions.iter().enumerate().filter(|(_, instruction)| FusedHead::new(instruction.opcode).is_some());
    for (at, instruction) in heads {
        producer[instruction.into as usize] = Some(at);
    }
    let of = |instruction: &RowInstruction, operand: usize| {
        let row = instruction.operands[operand] as usize;
        producer[row].filter(|_| operand < instruction.opcode.arity() && uses[row] == 1)
    };
    instructions.iter().map(|instruction| [0, 1].map(|operand| of(instruction, operand))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Instructions on the first two operands, with results in consecutive rows from `first_row`.
    fn instructions(first_row: u32, plain: &[(Op, u32, u32)]) -> Vec<RowInstruction> {
        let instruction = |(into, &(op, a, b)): (u32, &(Op, u32, u32))| RowInstruction {
            opcode: Opcode::Value(op),
            operands: [a, b, a, a, a],
            into,
        };
        (first_row..).zip(plain).map(instruction).collect()
    }

    /// The instructions after fusion, where the last row and those in `results` are results of the program.
    fn fused(mut instructions: Vec<RowInstruction>, results: &[u32]) -> Vec<RowInstruction> {
        let last = instructions.last().map_or(0, |instruction| instruction.into);
        let mut uses = vec![0; last as usize + 1];
        for instruction in &instructions {
            instruction.operands[..instruction.opcode.arity()].iter().for_each(|&row| uses[row as usize] += 1);
        }
        results.iter().chain([&last]).for_each(|&row| uses[row as usize] += 1);
        fuse(&mut instructions, &uses);
        instructions
    }

    #[test]
    fn adam_takes_four_instructions() {
        // Rows: w, grad, m, v, then β₁, 1 − β₁, β₂, 1 − β₂, the step size, √(1 − β₂ᵗ), ε.
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
        let fused = fused(instructions(11, &plain), &[13, 17]);
        let opcodes: Vec<Opcode> = fused.iter().map(|instruction| instruction.opcode).collect();
        assert_eq!(
            opcodes,
            [
                Opcode::Fused(FusedHead::Mul, FusedTail::AddProduct, FusedTail::Identity),
                Opcode::Fused(FusedHead::Mul, FusedTail::Mul, FusedTail::AddProduct),
                Opcode::Fused(FusedHead::Sqrt, FusedTail::Div, FusedTail::Add),
                Opcode::Fused(FusedHead::Mul, FusedTail::Div, FusedTail::SubFrom),
            ]
        );
        assert_eq!(fused[1].operands, [7, 1, 1, 6, 3]);
        assert_eq!(fused[3].operands, [8, 13, 20, 0, 0]);
    }

    #[test]
    fn results_with_several_uses_are_not_fused() {
        let plain = [(Op::Mul, 0, 1), (Op::Add, 2, 1), (Op::Sub, 3, 2)];
        let opcodes: Vec<Opcode> =
            fused(instructions(2, &plain), &[]).iter().map(|instruction| instruction.opcode).collect();
        assert_eq!(
            opcodes,
            [Opcode::Value(Op::Mul), Opcode::Fused(FusedHead::Add, FusedTail::Sub, FusedTail::Identity)]
        );
        assert_eq!(fused(instructions(2, &plain), &[3]).len(), 3);
    }
}
