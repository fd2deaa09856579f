//! Patterns as instructions.

use super::{
    error::RegexError,
    node::{Assertion, Node},
    set::{Members, Set},
};

/// The most instructions of a program, and the most parts of a pattern with its counted repetitions written out.
const MAX_INSTRUCTIONS: usize = 50_000;

/// The instructions of a pattern, of which the first is where a match begins.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) instructions: Vec<Instruction>,
    pub(super) sets: Vec<Members>,
    /// The number of slots: two for each group and then the registers.
    pub(super) slots: usize,
    /// The set that the first code unit of every match is in.
    pub(super) first: Option<usize>,
    /// If true, a match begins at the start of the text or nowhere.
    pub(super) is_anchored: bool,
}

/// A step of a match. Numbers are those of instructions, sets and slots.
#[derive(Clone, Debug)]
pub(super) enum Instruction {
    /// Takes one code unit of a set.
    Take {
        set: usize,
        direction: Direction,
    },
    /// Takes from `least` to `most` code units of a set.
    TakeMany {
        set: usize,
        direction: Direction,
        least: u32,
        most: u32,
        is_lazy: bool,
    },
    /// Takes what a group took.
    TakeAgain {
        slot: usize,
        direction: Direction,
        ignores_case: bool,
    },
    Assert(Assertion),
    /// Continues at the first, and at the second if that leads to no match.
    Split(usize, usize),
    Jump(usize),
    /// Jumps if the group of the slot has taken nothing.
    JumpUncaptured {
        slot: usize,
        to: usize,
    },
    /// Jumps if the position is the one in the register.
    JumpUnmoved {
        register: usize,
        to: usize,
    },
    /// Puts the position into a register.
    Mark(usize),
    /// Ends a group that began at the position in the register.
    Capture {
        slot: usize,
        register: usize,
    },
    /// Puts the position and the number of alternatives into two registers, and adds an alternative if there is one.
    Enter {
        register: usize,
        otherwise: Option<usize>,
    },
    /// Drops the alternatives since `Enter`, and goes back to its position if it looked only.
    Leave {
        register: usize,
        looked: bool,
    },
    /// Drops the alternatives since `Enter` and fails.
    Refuse {
        register: usize,
    },
    Match,
}

/// The way in which a part of a pattern goes through the text. Look-behinds go from right to left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Backward,
}

impl Program {
    /// Compiles a pattern that opens so many groups.
    ///
    /// # Errors
    /// [`RegexError::TooLarge`].
    pub(super) fn new(node: &Node, groups: usize) -> Result<Self, RegexError> {
        let mut compiler = Compiler {
            program: Self {
                instructions: Vec::new(),
                sets: Vec::new(),
                slots: 2 * (groups + 1),
                first: None,
                is_anchored: is_anchored(node),
            },
            parts: 0,
        };
        compiler.part(node, Direction::Forward)?;
        compiler.push(Instruction::Match)?;
        let mut program = compiler.program;
        program.first =
            first(node).and_then(|first| program.sets.iter().position(|known| known.set() == first));
        Ok(program)
    }

    /// The number of its instructions, and of the characters that were looked up for its sets.
    pub(super) fn size(&self) -> usize {
        self.instructions.len() + 128 * self.sets.len()
    }
}

/// Returns true if every match begins at the start of the text.
fn is_anchored(node: &Node) -> bool {
    match node {
        Node::Assertion(Assertion::Start) => true,
        Node::Sequence(nodes) => nodes.first().is_some_and(is_anchored),
        Node::Capture(_, node) | Node::Atomic(node) => is_anchored(node),
        Node::Alternatives(nodes) => nodes.iter().all(is_anchored),
        _ => false,
    }
}

/// The set of the first code unit of every match, where there is one for sure.
fn first(node: &Node) -> Option<&Set> {
    match node {
        Node::Set(set) => Some(set),
        Node::Sequence(nodes) => first(nodes.first()?),
        Node::Capture(_, node) | Node::Atomic(node) => first(node),
        Node::Repeat { node, least, .. } if *least > 0 => first(node),
        _ => None,
    }
}

struct Compiler {
    program: Program,
    /// The number of parts that were compiled.
    parts: usize,
}

impl Compiler {
    fn push(&mut self, instruction: Instruction) -> Result<usize, RegexError> {
        let at = self.here();
        if at >= MAX_INSTRUCTIONS {
            return Err(RegexError::TooLarge);
        }
        self.program.instructions.push(instruction);
        Ok(at)
    }

    fn here(&self) -> usize {
        self.program.instructions.len()
    }

    /// Writes an instruction whose target wasn't known.
    fn set(&mut self, at: usize, instruction: Instruction) {
        if let Some(present) = self.program.instructions.get_mut(at) {
            *present = instruction;
        }
    }

    /// Reserves registers.
    fn registers(&mut self, count: usize) -> usize {
        let register = self.program.slots;
        self.program.slots += count;
        register
    }

    fn of_set(&mut self, set: &Set) -> usize {
        let sets = &mut self.program.sets;
        sets.iter()
            .position(|known| known.set() == set)
            .unwrap_or_else(|| {
                sets.push(Members::of(set));
                sets.len() - 1
            })
    }

    fn part(&mut self, node: &Node, direction: Direction) -> Result<(), RegexError> {
        // Parts that take nothing add no instruction, however often they are repeated.
        self.parts += 1;
        if self.parts > MAX_INSTRUCTIONS {
            return Err(RegexError::TooLarge);
        }
        match node {
            Node::Set(set) => {
                let set = self.of_set(set);
                self.push(Instruction::Take { set, direction })?;
            }
            Node::Assertion(assertion) => {
                self.push(Instruction::Assert(*assertion))?;
            }
            Node::Sequence(nodes) => match direction {
                Direction::Forward => nodes.iter().try_for_each(|node| self.part(node, direction))?,
                Direction::Backward => nodes
                    .iter()
                    .rev()
                    .try_for_each(|node| self.part(node, direction))?,
            },
            Node::Alternatives(nodes) => self.alternatives(nodes, direction)?,
            Node::Capture(group, node) => {
                let register = self.registers(1);
                self.push(Instruction::Mark(register))?;
                self.part(node, direction)?;
                let slot = group.slot();
                self.push(Instruction::Capture { slot, register })?;
            }
            Node::Atomic(node) => {
                let register = self.enter(None)?;
                self.part(node, direction)?;
                let looked = false;
                self.push(Instruction::Leave { register, looked })?;
            }
            Node::Look {
                node,
                is_behind,
                is_negated,
            } => self.look(node, *is_behind, *is_negated)?,
            Node::Repeat {
                node,
                least,
                most,
                is_lazy,
            } => self.repeat(node, direction, (*least, *most), *is_lazy)?,
            Node::Reference { group, ignores_case } => {
                self.push(Instruction::TakeAgain {
                    slot: group.slot(),
                    direction,
                    ignores_case: *ignores_case,
                })?;
            }
            Node::IfCaptured { group, branches } => {
                let test = self.push(Instruction::Match)?;
                let to = self.branches(branches, direction)?;
                let slot = group.slot();
                self.set(test, Instruction::JumpUncaptured { slot, to });
            }
            Node::IfMatched { condition, branches } => {
                let enter = self.here();
                let register = self.enter(None)?;
                self.part(condition, direction)?;
                let looked = true;
                self.push(Instruction::Leave { register, looked })?;
                let otherwise = Some(self.branches(branches, direction)?);
                self.set(enter, Instruction::Enter { register, otherwise });
            }
        }
        Ok(())
    }

    fn enter(&mut self, otherwise: Option<usize>) -> Result<usize, RegexError> {
        let register = self.registers(2);
        self.push(Instruction::Enter { register, otherwise })?;
        Ok(register)
    }

    fn alternatives(&mut self, nodes: &[Node], direction: Direction) -> Result<(), RegexError> {
        let Some((last, others)) = nodes.split_last() else {
            return Ok(());
        };
        let mut ends = Vec::with_capacity(others.len());
        for node in others {
            let split = self.push(Instruction::Match)?;
            self.part(node, direction)?;
            ends.push(self.push(Instruction::Match)?);
            self.set(split, Instruction::Split(split + 1, self.here()));
        }
        self.part(last, direction)?;
        for end in ends {
            self.set(end, Instruction::Jump(self.here()));
        }
        Ok(())
    }

    /// Adds two branches, of which the first stands here, and gives where the second begins.
    fn branches(&mut self, [yes, no]: &[Node; 2], direction: Direction) -> Result<usize, RegexError> {
        self.part(yes, direction)?;
        let jump = self.push(Instruction::Match)?;
        let otherwise = self.here();
        self.part(no, direction)?;
        self.set(jump, Instruction::Jump(self.here()));
        Ok(otherwise)
    }

    fn look(&mut self, node: &Node, is_behind: bool, is_negated: bool) -> Result<(), RegexError> {
        let direction = if is_behind {
            Direction::Backward
        } else {
            Direction::Forward
        };
        let enter = self.here();
        let register = self.enter(None)?;
        self.part(node, direction)?;
        if is_negated {
            self.push(Instruction::Refuse { register })?;
            let otherwise = Some(self.here());
            self.set(enter, Instruction::Enter { register, otherwise });
        } else {
            let looked = true;
            self.push(Instruction::Leave { register, looked })?;
        }
        Ok(())
    }

    fn repeat(
        &mut self,
        node: &Node,
        direction: Direction,
        (least, most): (u32, Option<u32>),
        is_lazy: bool,
    ) -> Result<(), RegexError> {
        if let Node::Set(set) = node {
            let set = self.of_set(set);
            self.push(Instruction::TakeMany {
                set,
                direction,
                least,
                most: most.unwrap_or(u32::MAX),
                is_lazy,
            })?;
            return Ok(());
        }
        if most == Some(least) {
            return (0..least).try_for_each(|_| self.part(node, direction));
        }
        let register = self.registers(1);
        // From the last repetition that there has to be, one that takes nothing ends the repetition, as in .NET.
        let mut ends = Vec::new();
        for _ in 1..least {
            self.part(node, direction)?;
        }
        if least > 0 {
            ends.push(self.once(node, direction, register)?);
        }
        let choose = |first: usize, end: usize| {
            if is_lazy {
                Instruction::Split(end, first)
            } else {
                Instruction::Split(first, end)
            }
        };
        let mut splits = Vec::new();
        match most {
            None => {
                splits.push(self.push(Instruction::Match)?);
                ends.push(self.once(node, direction, register)?);
                self.push(Instruction::Jump(splits.first().copied().unwrap_or_default()))?;
            }
            Some(most) => {
                for _ in least..most {
                    splits.push(self.push(Instruction::Match)?);
                    ends.push(self.once(node, direction, register)?);
                }
            }
        }
        let to = self.here();
        for split in splits {
            self.set(split, choose(split + 1, to));
        }
        for end in ends {
            self.set(end, Instruction::JumpUnmoved { register, to });
        }
        Ok(())
    }

    /// Adds one repetition, and gives the instruction that is to end the whole if it took nothing.
    fn once(&mut self, node: &Node, direction: Direction, register: usize) -> Result<usize, RegexError> {
        self.push(Instruction::Mark(register))?;
        self.part(node, direction)?;
        self.push(Instruction::Match)
    }
}
