//! Matching by trying one alternative after the other, every step of which is counted.

use std::ops::Range;

use super::{
    error::RegexError,
    groups::Group,
    node::Assertion,
    program::{Direction, Instruction, Program},
    set::{is_word_boundary, lower_unit},
};

/// The most alternatives and the most changes of slots that may be remembered at once. They bound the memory of a
/// search to some ten MiB.
const MAX_REMEMBERED: usize = 200_000;

/// The value of a slot that holds no position.
const NOWHERE: usize = usize::MAX;

/// A program on a text.
pub(super) struct Machine<'m> {
    program: &'m Program,
    text: &'m [u16],
    /// The start of the search.
    start: usize,
    /// The number of steps that may still be taken.
    steps: usize,
    slots: Vec<usize>,
    alternatives: Vec<Alternative>,
    /// The slots that were written and their values before, so that they can be restored.
    changes: Vec<(usize, usize)>,
}

/// The place at which a match continues if the first attempt leads nowhere.
struct Alternative {
    instruction: usize,
    position: usize,
    /// The number of changes to keep.
    changes: usize,
    repetition: Repetition,
}

/// The alternatives that a repetition of one code unit stands for.
enum Repetition {
    None,
    /// One code unit less each time, down to the position.
    Greedy {
        until: usize,
        direction: Direction,
    },
    /// One code unit more each time, so many times.
    Lazy {
        set: usize,
        left: u32,
        direction: Direction,
    },
}

impl<'m> Machine<'m> {
    /// A machine that may take no step yet.
    pub(super) fn new(program: &'m Program, text: &'m [u16]) -> Self {
        Self {
            program,
            text,
            start: 0,
            steps: 0,
            slots: vec![NOWHERE; program.slots],
            alternatives: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Lets the next search take so many steps.
    pub(super) fn allow(&mut self, steps: usize) {
        self.steps = steps;
    }

    /// The number of steps that are left.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Finds the first match from a position on, in a search that began at `start`.
    pub(super) fn search(&mut self, start: usize, from: usize) -> Result<Option<Range<usize>>, RegexError> {
        self.start = start;
        self.restore(0);
        let first = self.program.first;
        for position in from..=self.text.len() {
            if self.program.is_anchored && position > 0 {
                break;
            }
            if let Some(set) = first
                && !self.is_in(set, self.unit(position, Direction::Forward))
            {
                self.spend(1)?;
                continue;
            }
            if let Some(end) = self.attempt(position)? {
                return Ok(Some(position.min(end)..position.max(end)));
            }
        }
        Ok(None)
    }

    /// The part of the text that a group took in the match that was found.
    pub(super) fn span(&self, group: Group) -> Option<Range<usize>> {
        let slot = group.slot();
        let (start, end) = (self.slot(slot), self.slot(slot + 1));
        (start != NOWHERE).then_some(start..end)
    }

    /// Tries to match at a position, and gives where the match ends.
    fn attempt(&mut self, from: usize) -> Result<Option<usize>, RegexError> {
        self.alternatives.clear();
        let (mut at, mut position) = (0, from);
        loop {
            self.spend(1)?;
            let next = match self.program.instructions.get(at) {
                None => return Ok(None),
                Some(Instruction::Match) => return Ok(Some(position)),
                Some(instruction) => self.step(instruction, at, &mut position)?,
            };
            if let Some(next) = next {
                at = next;
            } else if let Some(alternative) = self.next_alternative()? {
                (at, position) = alternative;
            } else {
                self.restore(0);
                return Ok(None);
            }
        }
    }

    /// Takes one step, and gives the instruction that is next; nothing where the text doesn't fit.
    #[inline]
    fn step(
        &mut self,
        instruction: &Instruction,
        at: usize,
        position: &mut usize,
    ) -> Result<Option<usize>, RegexError> {
        match *instruction {
            Instruction::Match => return Ok(None),
            Instruction::Take { set, direction } => {
                let takes = self.is_in(set, self.unit(*position, direction));
                *position = beyond(*position, direction);
                return Ok(takes.then_some(at + 1));
            }
            Instruction::TakeMany {
                set,
                direction,
                least,
                most,
                is_lazy,
            } => {
                let end = self.take_many(at, *position, (set, direction), least..most, is_lazy)?;
                return Ok(end.map(|end| {
                    *position = end;
                    at + 1
                }));
            }
            Instruction::TakeAgain {
                slot,
                direction,
                ignores_case,
            } => {
                let end = self.take_again(slot, *position, direction, ignores_case)?;
                return Ok(end.map(|end| {
                    *position = end;
                    at + 1
                }));
            }
            Instruction::Assert(assertion) => {
                return Ok(self.holds(assertion, *position).then_some(at + 1));
            }
            Instruction::Split(next, otherwise) => {
                self.remember(otherwise, *position, Repetition::None)?;
                return Ok(Some(next));
            }
            Instruction::Jump(to) => return Ok(Some(to)),
            Instruction::JumpUncaptured { slot, to } if self.slot(slot) == NOWHERE => return Ok(Some(to)),
            Instruction::JumpUnmoved { register, to } if self.slot(register) == *position => {
                return Ok(Some(to));
            }
            Instruction::JumpUncaptured { .. } | Instruction::JumpUnmoved { .. } => {}
            Instruction::Mark(register) => self.write(register, *position)?,
            Instruction::Capture { slot, register } => {
                let start = self.slot(register);
                self.write(slot, start.min(*position))?;
                self.write(slot + 1, start.max(*position))?;
            }
            Instruction::Enter { register, otherwise } => {
                self.write(register, *position)?;
                self.write(register + 1, self.alternatives.len())?;
                if let Some(otherwise) = otherwise {
                    self.remember(otherwise, *position, Repetition::None)?;
                }
            }
            Instruction::Leave { register, looked } => {
                self.alternatives.truncate(self.slot(register + 1));
                if looked {
                    *position = self.slot(register);
                }
            }
            Instruction::Refuse { register } => {
                self.alternatives.truncate(self.slot(register + 1));
                return Ok(None);
            }
        }
        Ok(Some(at + 1))
    }

    /// Takes code units of a set, and remembers that it could have been others.
    fn take_many(
        &mut self,
        at: usize,
        from: usize,
        (set, direction): (usize, Direction),
        counts: Range<u32>,
        is_lazy: bool,
    ) -> Result<Option<usize>, RegexError> {
        let Range {
            start: least,
            end: most,
        } = counts;
        let enough = if is_lazy { least } else { most };
        let (mut position, mut until, mut taken) = (from, from, 0);
        while taken < enough && self.is_in(set, self.unit(position, direction)) {
            position = beyond(position, direction);
            taken += 1;
            if taken == least {
                until = position;
            }
        }
        self.spend(position.abs_diff(from))?;
        if taken < least {
            return Ok(None);
        }
        if is_lazy && least < most {
            let left = most - least;
            self.remember(at + 1, position, Repetition::Lazy { set, left, direction })?;
        } else if !is_lazy && taken > least {
            let shorter = before(position, direction);
            self.remember(at + 1, shorter, Repetition::Greedy { until, direction })?;
        }
        Ok(Some(position))
    }

    /// Takes the text that a group took. A group that took nothing is nowhere in the text.
    fn take_again(
        &mut self,
        slot: usize,
        position: usize,
        direction: Direction,
        ignores_case: bool,
    ) -> Result<Option<usize>, RegexError> {
        let (start, end) = (self.slot(slot), self.slot(slot + 1));
        let (Some(taken), false) = (self.text.get(start..end), start == NOWHERE) else {
            return Ok(None);
        };
        self.spend(taken.len())?;
        let range = match direction {
            Direction::Forward => Some(position..position + taken.len()),
            Direction::Backward => position.checked_sub(taken.len()).map(|start| start..position),
        };
        let Some((range, here)) = range.and_then(|range| Some((range.clone(), self.text.get(range)?))) else {
            return Ok(None);
        };
        let mut pairs = taken.iter().zip(here);
        let is_same = pairs
            .all(|(taken, here)| taken == here || ignores_case && lower_unit(*taken) == lower_unit(*here));
        Ok(is_same.then_some(match direction {
            Direction::Forward => range.end,
            Direction::Backward => range.start,
        }))
    }

    /// Goes back to the last alternative.
    fn next_alternative(&mut self) -> Result<Option<(usize, usize)>, RegexError> {
        while let Some(mut alternative) = self.alternatives.pop() {
            self.spend(1)?;
            self.restore(alternative.changes);
            let (instruction, mut position) = (alternative.instruction, alternative.position);
            match &mut alternative.repetition {
                Repetition::None => {}
                Repetition::Greedy { until, direction } => {
                    if position != *until {
                        alternative.position = before(position, *direction);
                        self.alternatives.push(alternative);
                    }
                }
                Repetition::Lazy { set, left, direction } => {
                    if !self.is_in(*set, self.unit(position, *direction)) {
                        continue;
                    }
                    position = beyond(position, *direction);
                    if *left > 1 {
                        *left -= 1;
                        alternative.position = position;
                        self.alternatives.push(alternative);
                    }
                }
            }
            return Ok(Some((instruction, position)));
        }
        Ok(None)
    }

    fn holds(&self, assertion: Assertion, position: usize) -> bool {
        const LINE_FEED: Option<u16> = Some(b'\n' as u16);
        let is_end = position == self.text.len();
        let next = || self.unit(position, Direction::Forward);
        match assertion {
            Assertion::Start => position == 0,
            Assertion::End => is_end,
            Assertion::EndOrLineFeed => is_end || position + 1 == self.text.len() && next() == LINE_FEED,
            Assertion::LineStart => position == 0 || self.unit(position, Direction::Backward) == LINE_FEED,
            Assertion::LineEnd => is_end || next() == LINE_FEED,
            Assertion::Boundary { is_negated } => {
                let previous = self.unit(position, Direction::Backward);
                is_word_boundary(previous, next()) != is_negated
            }
            Assertion::SearchStart => position == self.start,
        }
    }

    /// The code unit that is next.
    fn unit(&self, position: usize, direction: Direction) -> Option<u16> {
        match direction {
            Direction::Forward => self.text.get(position).copied(),
            Direction::Backward => self.text.get(position.checked_sub(1)?).copied(),
        }
    }

    fn is_in(&self, set: usize, unit: Option<u16>) -> bool {
        match (unit, self.program.sets.get(set)) {
            (Some(unit), Some(set)) => set.contains(unit),
            _ => false,
        }
    }

    fn slot(&self, slot: usize) -> usize {
        self.slots.get(slot).copied().unwrap_or(NOWHERE)
    }

    /// Writes a slot, and remembers its value.
    fn write(&mut self, slot: usize, value: usize) -> Result<(), RegexError> {
        if self.changes.len() >= MAX_REMEMBERED {
            return Err(RegexError::TooManySteps);
        }
        if let Some(present) = self.slots.get_mut(slot) {
            self.changes.push((slot, std::mem::replace(present, value)));
        }
        Ok(())
    }

    /// Takes all changes of slots back but the first so many.
    fn restore(&mut self, changes: usize) {
        for (slot, value) in self.changes.drain(changes.min(self.changes.len())..).rev() {
            if let Some(present) = self.slots.get_mut(slot) {
                *present = value;
            }
        }
    }

    fn remember(
        &mut self,
        instruction: usize,
        position: usize,
        repetition: Repetition,
    ) -> Result<(), RegexError> {
        if self.alternatives.len() >= MAX_REMEMBERED {
            return Err(RegexError::TooManySteps);
        }
        self.alternatives.push(Alternative {
            instruction,
            position,
            changes: self.changes.len(),
            repetition,
        });
        Ok(())
    }

    fn spend(&mut self, steps: usize) -> Result<(), RegexError> {
        self.steps = self.steps.checked_sub(steps).ok_or(RegexError::TooManySteps)?;
        Ok(())
    }
}

/// The position one code unit further.
fn beyond(position: usize, direction: Direction) -> usize {
    match direction {
        Direction::Forward => position + 1,
        Direction::Backward => position.saturating_sub(1),
    }
}

/// The position one code unit less far.
fn before(position: usize, direction: Direction) -> usize {
    match direction {
        Direction::Forward => position.saturating_sub(1),
        Direction::Backward => position + 1,
    }
}
