//! What the functions that scripts call share: the tape being written, the texts, the budgets, the console.
//!
//! One entry into a script at a time. The interpreter's functions hold this behind an `Rc`; it must not know
//! which plugin is running or what the results are for.

use crate::diagnostics::problem::{Outcome, Problem};
use crate::runtime::builtins::Natives;
use crate::runtime::counting_allocator::CountingAllocator;
use crate::runtime::limits::Limits;
use crate::text::Text;
use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};
use slowgrad_tape::{Compare, Location, Op, Site, TraceBuilder, ValueId};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// A traced number: the node's id on the tape of the call it was made in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalar {
    pub(crate) id: ValueId,
    epoch: u32,
}

impl Scalar {
    /// The handle in a value, if it is one. A copy of the value would be made on the heap.
    pub(crate) fn of(value: &Dynamic) -> Option<Self> {
        value.read_lock::<Self>().map(|handle| *handle)
    }
}

/// A number as a script may hold it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Plain(f64),
    Traced(Scalar),
}

impl Number {
    /// The number in a value, if it is one.
    pub(crate) fn of(value: &Dynamic) -> Option<Self> {
        if let Ok(x) = value.as_float() {
            return Some(Self::Plain(x));
        }
        if let Ok(x) = value.as_int() {
            return Some(Self::Plain(x as f64));
        }
        Scalar::of(value).map(Self::Traced)
    }
}

impl From<Number> for Dynamic {
    fn from(number: Number) -> Self {
        match number {
            Number::Plain(x) => Dynamic::from_float(x),
            Number::Traced(scalar) => Dynamic::from(scalar),
        }
    }
}

/// A line that a script printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleLine {
    /// What it printed.
    pub text: String,
    /// Where.
    pub location: Option<Location>,
}

/// How much one entry may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// A plugin's call.
    Call,
    /// Reading a lesson, making data, drawing weights.
    Making,
}

/// Printed lines that wait to be fetched; further ones are dropped.
const MOST_WAITING: usize = 2_000;
/// Letters of a printed line; the rest is cut off.
pub(crate) const LONGEST_LINE: usize = 2_000;
/// Closures and arrays that may lie within each other in what a closure has captured.
const DEEPEST_CAPTURE: usize = 64;
/// Elements that the closures of one entry may capture, counted anew for each.
const MOST_CAPTURED: usize = 10_000_000;

/// Adds the number of elements in a value; false when they are nested deeper than allowed.
fn weigh(value: &Dynamic, depth: usize, elements: &mut usize) -> bool {
    *elements += 1;
    if depth == 0 {
        return false;
    }
    if *elements > MOST_CAPTURED {
        return true;
    }
    if let Ok(array) = value.as_array_ref() {
        return array.iter().all(|item| weigh(item, depth - 1, elements));
    }
    if let Ok(map) = value.as_map_ref() {
        return map.values().all(|item| weigh(item, depth - 1, elements));
    }
    let function = value.read_lock::<FnPtr>();
    function.is_none_or(|function| function.iter_curry().all(|item| weigh(item, depth - 1, elements)))
}

/// The texts that are still in use, by the ids under which the interpreter names them.
#[derive(Debug, Default)]
struct Texts {
    known: BTreeMap<u64, Weak<Text>>,
    next: u64,
    /// Those that are gone are forgotten when there are so many.
    full: usize,
}

impl Texts {
    fn keep(&mut self, text: &Rc<Text>) -> u64 {
        if self.known.len() >= self.full {
            self.known.retain(|_, text| text.strong_count() > 0);
            self.full = 2 * self.known.len() + 64;
        }
        self.known.insert(self.next, Rc::downgrade(text));
        self.next += 1;
        self.next - 1
    }
}

/// The shared state.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) limits: Cell<Limits>,
    texts: RefCell<Texts>,
    tape: RefCell<Option<Box<TraceBuilder>>>,
    epoch: Cell<u32>,
    console: RefCell<Vec<ConsoleLine>>,
    prints: Cell<usize>,
    /// Elements that the closures of this entry have captured.
    captured: Cell<usize>,
    /// The variables that they have captured.
    shared: RefCell<Vec<Dynamic>>,
    /// The results of a function that runs many times.
    pub(crate) emitted: RefCell<Vec<Dynamic>>,
    /// How many of them are wanted.
    pub(crate) wanted: Cell<usize>,
    /// Whether the program that runs may import others.
    pub(crate) has_imports: Cell<bool>,
    spent: Cell<u64>,
    /// When so many are spent, something is due: a look at the clock, or the end.
    due: Cell<u64>,
    most: Cell<u64>,
    time: Cell<Duration>,
    /// What this thread may hold.
    most_held: Cell<isize>,
    /// When to stop.
    deadline: Cell<Option<Duration>>,
    /// What scripts may call, once it was asked for.
    pub(crate) natives: OnceCell<Natives>,
    /// Where a limit was met, and through which calls, innermost first: the text's id and the place in it.
    met: RefCell<Vec<(String, Position)>>,
}

/// Which budget a stopped script used up; the value that ends the interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    Operations(u64),
    Time(Duration),
    Memory(usize),
}

impl Host {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits: Cell::new(limits),
            texts: RefCell::default(),
            tape: RefCell::default(),
            epoch: Cell::new(0),
            console: RefCell::default(),
            prints: Cell::new(0),
            captured: Cell::new(0),
            shared: RefCell::default(),
            emitted: RefCell::default(),
            wanted: Cell::new(0),
            has_imports: Cell::new(false),
            spent: Cell::new(0),
            due: Cell::new(0),
            most: Cell::new(0),
            time: Cell::default(),
            most_held: Cell::new(isize::MAX),
            deadline: Cell::new(None),
            natives: OnceCell::new(),
            met: RefCell::default(),
        }
    }

    /// Keeps a text and answers the id under which the interpreter names it.
    pub(crate) fn keep(&self, text: &Rc<Text>) -> String {
        self.texts.borrow_mut().keep(text).to_string()
    }

    /// The text of an id.
    pub(crate) fn text(&self, id: &str) -> Option<Rc<Text>> {
        self.texts.borrow().known.get(&id.parse::<u64>().ok()?)?.upgrade()
    }

    /// Fills the budgets for one entry into a script, with a tape to write when it is to be traced.
    pub(crate) fn begin(&self, budget: Budget, tape: Option<Box<TraceBuilder>>) {
        let limits = self.limits.get();
        let (most, time) = match budget {
            Budget::Call => (limits.operations, limits.time),
            Budget::Making => (limits.making_operations, limits.making_time),
        };
        self.spent.set(0);
        self.most.set(most);
        self.plan(0);
        self.time.set(time);
        self.deadline.set(None);
        self.most_held.set(CountingAllocator::held().saturating_add_unsigned(limits.memory));
        self.prints.set(0);
        self.captured.set(0);
        self.met.borrow_mut().clear();
        *self.tape.borrow_mut() = tape;
    }

    /// Ends the entry and gives the tape back.
    pub(crate) fn end(&self) -> Option<Box<TraceBuilder>> {
        self.epoch.set(self.epoch.get().wrapping_add(1));
        self.tape.borrow_mut().take()
    }

    /// Empties the variables that closures have captured, once the entry's results are read. A closure that lies
    /// in a variable which it has captured would else hold it, and itself, for ever.
    pub(crate) fn release(&self) {
        for mut variable in self.shared.take() {
            let emptied = variable.write_lock::<Dynamic>().map(|mut value| std::mem::take(&mut *value));
            drop(emptied);
        }
    }

    /// Counts one interpreter operation and answers why the script has to stop, if it has to.
    pub(crate) fn tick(&self) -> Option<Stopped> {
        self.count(1)
    }

    #[inline]
    fn count(&self, operations: u64) -> Option<Stopped> {
        let spent = self.spent.get().saturating_add(operations);
        self.spent.set(spent);
        if spent < self.due.get() && CountingAllocator::held() <= self.most_held.get() {
            None
        } else {
            self.judge(spent)
        }
    }

    #[cold]
    fn judge(&self, spent: u64) -> Option<Stopped> {
        if spent > self.most.get() {
            return Some(Stopped::Operations(self.most.get()));
        }
        if CountingAllocator::held() > self.most_held.get() {
            return Some(Stopped::Memory(self.limits.get().memory));
        }
        self.plan(spent);
        self.late()
    }

    /// One operation may copy an array of millions, so the clock is looked at often.
    fn plan(&self, spent: u64) {
        self.due.set((spent / 16 + 1).saturating_mul(16).min(self.most.get().saturating_add(1)));
    }

    /// Counts one element that a native function goes over.
    pub(crate) fn go_on(&self) -> Outcome<()> {
        self.spend(1)
    }

    /// Counts the work that a native function is about to do, in interpreter operations.
    pub(crate) fn spend(&self, operations: u64) -> Outcome<()> {
        self.count(operations).map_or(Ok(()), |why| Err(ended(why)))
    }

    /// The time begins with the first look: short functions are many, and looking takes as long as an operation.
    fn late(&self) -> Option<Stopped> {
        let now = self.limits.get().clock?();
        let deadline = self.deadline.get().unwrap_or(now + self.time.get());
        self.deadline.set(Some(deadline));
        (now > deadline).then(|| Stopped::Time(self.time.get()))
    }

    /// Counts what a function was given by `curry`. It is copied with the function, so it may be as much as an array.
    pub(crate) fn curry(&self, function: &FnPtr) -> Outcome<()> {
        let (most, mut elements) = (self.limits.get().array, 0);
        let _ = function.iter_curry().all(|value| weigh(value, DEEPEST_CAPTURE, &mut elements) && elements <= most);
        if elements > most {
            let problem = Problem::new("too-large", format!("`curry` holds more than {most} elements"));
            return Err(problem.help("hand over what the function needs when it is called").into());
        }
        self.capture(function)
    }

    /// Counts what a new closure has captured: the interpreter measures arrays and maps, but not what closures hold.
    pub(crate) fn capture(&self, function: &FnPtr) -> Outcome<()> {
        let mut elements = 0;
        let shallow = function.iter_curry().all(|value| weigh(value, DEEPEST_CAPTURE, &mut elements));
        self.captured.set(self.captured.get().saturating_add(elements));
        self.shared.borrow_mut().extend(function.iter_curry().filter(|value| value.is_shared()).cloned());
        if shallow && self.captured.get() <= MOST_CAPTURED {
            return Ok(());
        }
        let message =
            if shallow { "closures have captured too much" } else { "closures capture each other too deeply" };
        Err(Problem::new("too-large", message).help("hand over what a closure needs as an argument").into())
    }

    /// Keeps where an error stands that forgets its place when it leaves a function.
    pub(crate) fn meet(&self, source: Option<&str>, error: &EvalAltResult) {
        if error.is_system_exception() {
            self.met.borrow_mut().push((source.unwrap_or_default().to_owned(), error.position()));
        }
    }

    /// Where the last limit was met, and through which calls, innermost first.
    pub(crate) fn met(&self) -> Vec<(Rc<Text>, usize)> {
        let met = self.met.borrow();
        met.iter().filter_map(|(id, position)| self.place_of(id, *position)).collect()
    }

    /// The handle of a node of the present tape.
    pub(crate) fn scalar(&self, id: ValueId) -> Scalar {
        Scalar { id, epoch: self.epoch.get() }
    }

    /// Whether a handle belongs to the tape being written.
    pub(crate) fn check(&self, scalar: Scalar) -> Outcome<ValueId> {
        if scalar.epoch == self.epoch.get() && self.tape.borrow().is_some() {
            return Ok(scalar.id);
        }
        let stale = Problem::new("stale-scalar", "this traced number is left over from an earlier call");
        Err(stale.help("a function must use only its arguments; keep nothing from one call to the next").into())
    }

    /// Where the native call stands in its script.
    pub(crate) fn place(&self, context: &NativeCallContext) -> Option<(Rc<Text>, usize)> {
        self.place_of(context.call_source()?, context.call_position())
    }

    /// Where a position of the text with this id lies.
    pub(crate) fn place_of(&self, id: &str, position: Position) -> Option<(Rc<Text>, usize)> {
        let text = self.text(id)?;
        let offset = text.offset(position)?;
        Some((text, offset))
    }

    /// The location of a native call.
    pub(crate) fn location(&self, context: &NativeCallContext) -> Option<Location> {
        let (text, offset) = self.place(context)?;
        Some(text.location(text.span(offset)))
    }

    fn site(&self, context: &NativeCallContext, tape: &mut TraceBuilder, named: bool) -> Option<Site> {
        let text = self.text(context.call_source()?)?;
        let (span, name) = text.expression(context.call_position())?;
        let name = name.filter(|_| named).map(|name| tape.name(&name));
        Some(Site { source: tape.source(&text.source), span, name })
    }

    fn operand(&self, tape: &mut TraceBuilder, number: Number) -> Outcome<ValueId> {
        match number {
            Number::Plain(x) => Ok(tape.constant(x).map_err(full)?),
            Number::Traced(scalar) if scalar.epoch == self.epoch.get() => Ok(scalar.id),
            Number::Traced(_) => Err(stale().into()),
        }
    }

    /// Carries out an operation; with a traced operand it goes onto the tape. `named` is false for the inner
    /// operations of a function that stands for several, such as `softmax`.
    pub(crate) fn apply(
        &self,
        context: &NativeCallContext,
        op: Op,
        operands: &[Number],
        named: bool,
    ) -> Outcome<Number> {
        let mut plain = [0.0; 3];
        let is_plain = operands.iter().zip(&mut plain).all(|(number, plain)| match number {
            Number::Plain(x) => {
                *plain = *x;
                true
            }
            Number::Traced(_) => false,
        });
        if is_plain {
            let [a, b, c] = plain;
            return Ok(Number::Plain(op.value(a, b, c)));
        }
        let mut tape = self.tape.borrow_mut();
        let tape = tape.as_mut().ok_or_else(stale)?;
        let mut ids = [ValueId::default(); 3];
        for (&number, id) in operands.iter().zip(&mut ids) {
            *id = self.operand(tape, number)?;
        }
        let site = self.site(context, tape, named);
        let id = tape.push(op, &ids[..operands.len()], site).map_err(full)?;
        Ok(Number::Traced(self.scalar(id)))
    }

    /// Answers a comparison; with a traced operand the answer becomes a guard.
    pub(crate) fn compare(&self, context: &NativeCallContext, compare: Compare, a: Number, b: Number) -> Outcome<bool> {
        if let (Number::Plain(a), Number::Plain(b)) = (a, b) {
            return Ok(compare.holds(a, b));
        }
        let mut tape = self.tape.borrow_mut();
        let tape = tape.as_mut().ok_or_else(stale)?;
        let (a, b) = (self.operand(tape, a)?, self.operand(tape, b)?);
        let site = self.site(context, tape, true);
        Ok(tape.compare(compare, a, b, site).map_err(full)?)
    }

    /// The plain number behind a traced one; from here on the trace is right for this input only.
    pub(crate) fn take_out(&self, scalar: Scalar) -> Outcome<f64> {
        let id = self.check(scalar)?;
        let mut tape = self.tape.borrow_mut();
        let tape = tape.as_mut().ok_or_else(stale)?;
        tape.mark_volatile();
        Ok(tape.value(id))
    }

    /// Keeps a printed line. What prints has to run each time.
    pub(crate) fn print(&self, context: &NativeCallContext, text: String) -> Outcome<()> {
        let most = self.limits.get().prints;
        if self.prints.get() >= most {
            let problem = Problem::new("too-many-prints", format!("more than {most} lines printed in one call"));
            return Err(problem.help("print less, or print only in one case of many").into());
        }
        self.prints.set(self.prints.get() + 1);
        // What is printed was copied, however long it is.
        if let Some(why) = self.late() {
            return Err(ended(why));
        }
        if let Some(tape) = self.tape.borrow_mut().as_mut() {
            tape.mark_volatile();
        }
        let mut console = self.console.borrow_mut();
        if console.len() < MOST_WAITING {
            let text = if text.len() > LONGEST_LINE { shortened(&text, LONGEST_LINE) } else { text };
            console.push(ConsoleLine { text, location: self.location(context) });
        }
        Ok(())
    }

    /// How many printed lines are waiting.
    pub(crate) fn printed(&self) -> usize {
        self.console.borrow().len()
    }

    /// Takes back all lines but the first so many.
    pub(crate) fn unprint(&self, keep: usize) {
        self.console.borrow_mut().truncate(keep);
    }

    /// The printed lines since the last time.
    pub(crate) fn drain(&self) -> Vec<ConsoleLine> {
        std::mem::take(&mut self.console.borrow_mut())
    }
}

#[allow(clippy::unnecessary_box_returns, reason = "it becomes the error of a result")]
pub(crate) fn ended(why: Stopped) -> Box<EvalAltResult> {
    EvalAltResult::ErrorTerminated(Dynamic::from(why), Position::NONE).into()
}

/// The beginning of a text, of so many letters.
pub(crate) fn shortened(text: &str, letters: usize) -> String {
    let mut cut: String = text.chars().take(letters).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

fn stale() -> Problem {
    Problem::new("stale-scalar", "this traced number is left over from an earlier call")
        .help("a function must use only its arguments; keep nothing from one call to the next")
}

fn full(full: slowgrad_tape::TapeFull) -> Problem {
    Problem::new("tape-full", full.to_string()).help("a loop makes more operations than can be shown; make it shorter")
}
