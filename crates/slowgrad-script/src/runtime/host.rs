//! State that all native functions share: the tape being recorded, the texts, the budgets and the console.
//!
//! Only one call into a script runs at a time. Native functions hold the host in an `Rc`. It must not know which
//! plugin is running or what its results mean.

use crate::diagnostics::problem::{NativeResult, Problem};
use crate::runtime::builtins::Builtins;
use crate::runtime::counting_allocator::CountingAllocator;
use crate::runtime::limits::Limits;
use crate::text::ScriptText;
use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext, Position};
use slowgrad_tape::{Compare, Location, Op, Site, TraceBuilder, ValueId};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// A traced number: the id of a node on the tape of the current call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalar {
    pub(crate) id: ValueId,
    epoch: u32,
}

impl Scalar {
    /// The handle in a value, if it is one. Avoids cloning the value, which would allocate.
    pub(crate) fn of(value: &Dynamic) -> Option<Self> {
        value.read_lock::<Self>().map(|handle| *handle)
    }
}

/// A number in a script, plain or traced.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ScriptNumber {
    Plain(f64),
    Traced(Scalar),
}

impl ScriptNumber {
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

impl From<ScriptNumber> for Dynamic {
    fn from(number: ScriptNumber) -> Self {
        match number {
            ScriptNumber::Plain(x) => Dynamic::from_float(x),
            ScriptNumber::Traced(scalar) => Dynamic::from(scalar),
        }
    }
}

/// A line that a script printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleLine {
    /// The printed text, cut after 2 000 characters.
    pub text: String,
    /// The location of the `print` call.
    pub location: Option<Location>,
}

/// The budget of one call into a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// A plugin call.
    Call,
    /// Reading a lesson or generating data.
    Setup,
    /// Drawing weights of a layer.
    Initializer {
        /// The number of weights that the call has to return.
        weights: usize,
    },
}

/// Printed lines waiting to be taken. Further lines are dropped.
const MAX_PENDING_LINES: usize = 2_000;
/// Characters of a printed line. The rest is cut off.
pub(crate) const MAX_LINE_CHARS: usize = 2_000;
/// Nesting depth of closures and arrays in the captures of a closure.
const MAX_CAPTURE_DEPTH: usize = 64;
/// Elements that the closures of one call may capture, counted again for each closure.
const MAX_CAPTURED_ELEMENTS: usize = 10_000_000;

/// Adds the number of elements in a value. Returns false if they are nested too deeply.
fn count_elements(value: &Dynamic, depth: usize, elements: &mut usize) -> bool {
    *elements += 1;
    if depth == 0 {
        return false;
    }
    if *elements > MAX_CAPTURED_ELEMENTS {
        return true;
    }
    if let Ok(array) = value.as_array_ref() {
        return array.iter().all(|item| count_elements(item, depth - 1, elements));
    }
    if let Ok(map) = value.as_map_ref() {
        return map.values().all(|item| count_elements(item, depth - 1, elements));
    }
    let function = value.read_lock::<FnPtr>();
    function.is_none_or(|function| function.iter_curry().all(|item| count_elements(item, depth - 1, elements)))
}

/// The texts in use, by the id by which Rhai refers to them.
#[derive(Debug, Default)]
struct TextRegistry {
    by_id: BTreeMap<u64, Weak<ScriptText>>,
    next: u64,
    /// At this size, entries of dropped texts are removed.
    sweep_at: usize,
}

impl TextRegistry {
    fn register(&mut self, text: &Rc<ScriptText>) -> u64 {
        if self.by_id.len() >= self.sweep_at {
            self.by_id.retain(|_, text| text.strong_count() > 0);
            self.sweep_at = 2 * self.by_id.len() + 64;
        }
        self.by_id.insert(self.next, Rc::downgrade(text));
        self.next += 1;
        self.next - 1
    }
}

/// The shared state.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) limits: Cell<Limits>,
    /// The limits of the sandbox. A lesson may lower them.
    granted: Limits,
    texts: RefCell<TextRegistry>,
    tape: RefCell<Option<Box<TraceBuilder>>>,
    epoch: Cell<u32>,
    console: RefCell<Vec<ConsoleLine>>,
    prints: Cell<usize>,
    /// Elements captured by the closures of this call.
    captured_elements: Cell<usize>,
    /// Variables captured by the closures of this call.
    captured_variables: RefCell<Vec<Dynamic>>,
    /// The results of a function that is called many times.
    pub(crate) emitted: RefCell<Vec<Dynamic>>,
    /// The number of results still expected.
    pub(crate) results_left: Cell<usize>,
    /// Whether the running program may import files.
    pub(crate) has_imports: Cell<bool>,
    spent: Cell<u64>,
    /// The number of operations at which the clock or the limit is checked next.
    next_check: Cell<u64>,
    operation_limit: Cell<u64>,
    time_limit: Cell<Duration>,
    /// The number of bytes that this thread may hold.
    memory_ceiling: Cell<isize>,
    /// The time at which to stop, or to look at the processor time.
    deadline: Cell<Option<Duration>>,
    /// The processor time at the start of the call.
    processor_start: Cell<Option<Duration>>,
    /// The functions that scripts can call; set on first use.
    pub(crate) builtins: OnceCell<Builtins>,
    /// The positions at which a limit was hit and of the calls that led there, innermost first, each with the text's
    /// id.
    limit_hits: RefCell<Vec<(String, Position)>>,
}

/// The limit that stopped a script. Rhai carries it in the error that ends the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    Operations(u64),
    Time(Duration),
    Memory(usize),
}

impl Host {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits: Cell::new(limits),
            granted: limits,
            texts: RefCell::default(),
            tape: RefCell::default(),
            epoch: Cell::new(0),
            console: RefCell::default(),
            prints: Cell::new(0),
            captured_elements: Cell::new(0),
            captured_variables: RefCell::default(),
            emitted: RefCell::default(),
            results_left: Cell::new(0),
            has_imports: Cell::new(false),
            spent: Cell::new(0),
            next_check: Cell::new(0),
            operation_limit: Cell::new(0),
            time_limit: Cell::default(),
            memory_ceiling: Cell::new(isize::MAX),
            deadline: Cell::new(None),
            processor_start: Cell::new(None),
            builtins: OnceCell::new(),
            limit_hits: RefCell::default(),
        }
    }

    /// Registers a text and returns the id by which Rhai refers to it.
    pub(crate) fn register_text(&self, text: &Rc<ScriptText>) -> String {
        self.texts.borrow_mut().register(text).to_string()
    }

    /// The text with an id.
    pub(crate) fn text(&self, id: &str) -> Option<Rc<ScriptText>> {
        self.texts.borrow().by_id.get(&id.parse::<u64>().ok()?)?.upgrade()
    }

    /// Starts a call: resets the budgets and, to trace the call, sets the tape.
    pub(crate) fn begin(&self, budget: Budget, tape: Option<Box<TraceBuilder>>) {
        let limits = self.limits.get();
        let (max, time) = match budget {
            Budget::Call => (limits.operations, limits.time),
            Budget::Setup => (limits.setup_operations, limits.setup_time),
            Budget::Initializer { weights } => {
                let times = Limits::initializer_budgets(weights);
                (limits.setup_operations.saturating_mul(u64::from(times)), limits.setup_time.saturating_mul(times))
            }
        };
        self.spent.set(0);
        self.operation_limit.set(max);
        self.schedule_check(0);
        self.time_limit.set(time);
        self.deadline.set(None);
        self.processor_start.set(None);
        self.memory_ceiling.set(CountingAllocator::held().saturating_add_unsigned(limits.memory));
        self.prints.set(0);
        self.captured_elements.set(0);
        self.limit_hits.borrow_mut().clear();
        *self.tape.borrow_mut() = tape;
    }

    /// Ends a call and returns its tape. Invalidates all handles to it.
    pub(crate) fn end(&self) -> Option<Box<TraceBuilder>> {
        self.epoch.set(self.epoch.get().wrapping_add(1));
        self.tape.borrow_mut().take()
    }

    /// Clears the variables that closures have captured, after the results of the call have been read. A closure
    /// stored in a variable that it captures would otherwise keep itself alive.
    pub(crate) fn release(&self) {
        for mut variable in self.captured_variables.take() {
            let emptied = variable.write_lock::<Dynamic>().map(|mut value| std::mem::take(&mut *value));
            drop(emptied);
        }
    }

    /// Counts one operation. Returns the reason if the script must stop.
    pub(crate) fn tick(&self) -> Option<StopReason> {
        self.count(1)
    }

    #[inline]
    fn count(&self, operations: u64) -> Option<StopReason> {
        let spent = self.spent.get().saturating_add(operations);
        self.spent.set(spent);
        if spent < self.next_check.get() && CountingAllocator::held() <= self.memory_ceiling.get() {
            None
        } else {
            self.check_budget(spent)
        }
    }

    #[cold]
    fn check_budget(&self, spent: u64) -> Option<StopReason> {
        if spent > self.operation_limit.get() {
            return Some(StopReason::Operations(self.operation_limit.get()));
        }
        if CountingAllocator::held() > self.memory_ceiling.get() {
            return Some(StopReason::Memory(self.limits.get().memory));
        }
        self.schedule_check(spent);
        self.past_deadline()
    }

    /// Schedules the next check. One operation may copy millions of elements, so the clock is read often.
    fn schedule_check(&self, spent: u64) {
        self.next_check.set((spent / 16 + 1).saturating_mul(16).min(self.operation_limit.get().saturating_add(1)));
    }

    /// Counts one element that a native function processes.
    pub(crate) fn count_element(&self) -> NativeResult<()> {
        self.spend(1)
    }

    /// Counts the work of a native function before it is done, in operations.
    pub(crate) fn spend(&self, operations: u64) -> NativeResult<()> {
        self.count(operations).map_or(Ok(()), |why| Err(terminated(why)))
    }

    /// The time starts with the first check: most functions are short, and reading the clock costs as much as an
    /// operation.
    ///
    /// Reading the processor time costs many operations. It is read only when the clock says that the limit may be
    /// reached: first after a small part of the limit, for the start, then each time when the rest has passed.
    fn past_deadline(&self) -> Option<StopReason> {
        let limits = self.limits.get();
        let (now, limit) = (limits.clock?(), self.time_limit.get());
        let start_delay = limit / 16;
        let Some(deadline) = self.deadline.get() else {
            let first = if limits.processor_time.is_some() { start_delay } else { limit };
            self.deadline.set(Some(now.saturating_add(first)));
            return None;
        };
        if now <= deadline {
            return None;
        }
        let Some(processor_time) = limits.processor_time else { return Some(StopReason::Time(limit)) };
        let time = processor_time();
        let start = self.processor_start.get().unwrap_or(time.saturating_sub(start_delay));
        self.processor_start.set(Some(start));
        let used = time.saturating_sub(start);
        if used > limit {
            return Some(StopReason::Time(limit));
        }
        self.deadline.set(Some(now.saturating_add(limit.saturating_sub(used))));
        None
    }

    /// Adds to the help of a problem how to raise the limit that it names.
    pub(crate) fn explain_limit(&self, mut problem: Problem) -> Problem {
        let raise = problem.limit.take().and_then(|name| self.limits.get().how_to_raise(name, self.granted));
        if let Some(raise) = raise {
            problem.help =
                Some(problem.help.map_or_else(|| raise.clone(), |help| format!("{help} Otherwise, {raise}")));
        }
        problem
    }

    /// Counts the arguments bound by `curry`. They are copied with the function, so the array limit applies.
    pub(crate) fn check_curried(&self, function: &FnPtr) -> NativeResult<()> {
        let (max, mut elements) = (self.limits.get().array, 0);
        let _ = function
            .iter_curry()
            .all(|value| count_elements(value, MAX_CAPTURE_DEPTH, &mut elements) && elements <= max);
        if elements > max {
            let problem = Problem::new("too-large", format!("`curry` holds more than {max} elements"));
            return Err(problem.help("pass the data as an argument of the call instead.").limit("array").into());
        }
        self.check_captured(function)
    }

    /// Counts the captures of a new closure. Rhai measures arrays and maps, but not captures.
    pub(crate) fn check_captured(&self, function: &FnPtr) -> NativeResult<()> {
        let mut elements = 0;
        let shallow = function.iter_curry().all(|value| count_elements(value, MAX_CAPTURE_DEPTH, &mut elements));
        self.captured_elements.set(self.captured_elements.get().saturating_add(elements));
        self.captured_variables.borrow_mut().extend(function.iter_curry().filter(|value| value.is_shared()).cloned());
        if shallow && self.captured_elements.get() <= MAX_CAPTURED_ELEMENTS {
            return Ok(());
        }
        let message =
            if shallow { "closures have captured too much data" } else { "closures capture each other too deeply" };
        Err(Problem::new("too-large", message).help("pass the data as an argument instead").into())
    }

    /// Records the position of an error that loses it when it leaves a function.
    pub(crate) fn record_limit_hit(&self, source: Option<&str>, error: &EvalAltResult) {
        if error.is_system_exception() {
            self.limit_hits.borrow_mut().push((source.unwrap_or_default().to_owned(), error.position()));
        }
    }

    /// The positions recorded for the last limit hit, innermost first.
    pub(crate) fn limit_hits(&self) -> Vec<(Rc<ScriptText>, usize)> {
        let hits = self.limit_hits.borrow();
        hits.iter().filter_map(|(id, position)| self.position_of(id, *position)).collect()
    }

    /// The handle of a node on the current tape.
    pub(crate) fn scalar(&self, id: ValueId) -> Scalar {
        Scalar { id, epoch: self.epoch.get() }
    }

    /// Checks that a handle belongs to the current tape.
    pub(crate) fn check(&self, scalar: Scalar) -> NativeResult<ValueId> {
        if scalar.epoch == self.epoch.get() && self.tape.borrow().is_some() {
            return Ok(scalar.id);
        }
        let stale = Problem::new("stale-scalar", "this traced number is left over from an earlier call");
        Err(stale.help("a function must use only its arguments and must not store values between calls").into())
    }

    /// The position of a native call in its script.
    pub(crate) fn call_position(&self, context: &NativeCallContext) -> Option<(Rc<ScriptText>, usize)> {
        self.position_of(context.call_source()?, context.call_position())
    }

    /// The offset of a position in the text with this id.
    pub(crate) fn position_of(&self, id: &str, position: Position) -> Option<(Rc<ScriptText>, usize)> {
        let text = self.text(id)?;
        let offset = text.offset(position)?;
        Some((text, offset))
    }

    /// The location of a native call.
    pub(crate) fn location(&self, context: &NativeCallContext) -> Option<Location> {
        let (text, offset) = self.call_position(context)?;
        Some(text.location(text.span(offset)))
    }

    fn site(&self, context: &NativeCallContext, tape: &mut TraceBuilder, named: bool) -> Option<Site> {
        let text = self.text(context.call_source()?)?;
        let (span, name) = text.expression(context.call_position())?;
        let name = name.filter(|_| named).map(|name| tape.name(&name));
        Some(Site { source: tape.source(&text.source), span, name })
    }

    fn operand(&self, tape: &mut TraceBuilder, number: ScriptNumber) -> NativeResult<ValueId> {
        match number {
            ScriptNumber::Plain(x) => Ok(tape.constant(x).map_err(full)?),
            ScriptNumber::Traced(scalar) if scalar.epoch == self.epoch.get() => Ok(scalar.id),
            ScriptNumber::Traced(_) => Err(stale().into()),
        }
    }

    /// Applies an operation. With a traced operand it is recorded on the tape. `named` is false for inner operations
    /// of a composite function such as `softmax`.
    pub(crate) fn apply(
        &self,
        context: &NativeCallContext,
        op: Op,
        operands: &[ScriptNumber],
        named: bool,
    ) -> NativeResult<ScriptNumber> {
        let mut plain = [0.0; 3];
        let all_plain = operands.iter().zip(&mut plain).all(|(number, plain)| match number {
            ScriptNumber::Plain(x) => {
                *plain = *x;
                true
            }
            ScriptNumber::Traced(_) => false,
        });
        if all_plain {
            let [a, b, c] = plain;
            return Ok(ScriptNumber::Plain(op.value(a, b, c)));
        }
        let mut tape = self.tape.borrow_mut();
        let tape = tape.as_mut().ok_or_else(stale)?;
        let mut ids = [ValueId::default(); 3];
        for (&number, id) in operands.iter().zip(&mut ids) {
            *id = self.operand(tape, number)?;
        }
        let site = self.site(context, tape, named);
        let id = tape.push(op, &ids[..operands.len()], site).map_err(full)?;
        Ok(ScriptNumber::Traced(self.scalar(id)))
    }

    /// Evaluates a comparison. With a traced operand the result becomes a guard of the trace.
    pub(crate) fn compare(
        &self,
        context: &NativeCallContext,
        compare: Compare,
        a: ScriptNumber,
        b: ScriptNumber,
    ) -> NativeResult<bool> {
        if let (ScriptNumber::Plain(a), ScriptNumber::Plain(b)) = (a, b) {
            return Ok(compare.holds(a, b));
        }
        let mut tape = self.tape.borrow_mut();
        let tape = tape.as_mut().ok_or_else(stale)?;
        let (a, b) = (self.operand(tape, a)?, self.operand(tape, b)?);
        let site = self.site(context, tape, true);
        Ok(tape.compare(compare, a, b, site).map_err(full)?)
    }

    /// The plain value of a traced number. From here on the trace is valid for this input only.
    pub(crate) fn plain_value(&self, scalar: Scalar) -> NativeResult<f64> {
        let id = self.check(scalar)?;
        let mut tape = self.tape.borrow_mut();
        let tape = tape.as_mut().ok_or_else(stale)?;
        tape.mark_volatile();
        Ok(tape.value(id))
    }

    /// Prints a line. A script that prints cannot be replayed from its trace.
    pub(crate) fn print(&self, context: &NativeCallContext, text: String) -> NativeResult<()> {
        let max = self.limits.get().prints;
        if self.prints.get() >= max {
            let problem = Problem::new("too-many-prints", format!("more than {max} lines printed in one call"));
            return Err(problem.help("print less often.").limit("prints").into());
        }
        self.prints.set(self.prints.get() + 1);
        // Copying a long text may have taken time.
        if let Some(why) = self.past_deadline() {
            return Err(terminated(why));
        }
        if let Some(tape) = self.tape.borrow_mut().as_mut() {
            tape.mark_volatile();
        }
        let mut console = self.console.borrow_mut();
        if console.len() < MAX_PENDING_LINES {
            let text = if text.len() > MAX_LINE_CHARS { shortened(&text, MAX_LINE_CHARS) } else { text };
            console.push(ConsoleLine { text, location: self.location(context) });
        }
        Ok(())
    }

    /// The number of printed lines waiting.
    pub(crate) fn console_len(&self) -> usize {
        self.console.borrow().len()
    }

    /// Drops all lines after the first `keep`.
    pub(crate) fn truncate_console(&self, keep: usize) {
        self.console.borrow_mut().truncate(keep);
    }

    /// Takes the printed lines.
    pub(crate) fn take_console(&self) -> Vec<ConsoleLine> {
        std::mem::take(&mut self.console.borrow_mut())
    }
}

#[allow(clippy::unnecessary_box_returns, reason = "it becomes the error of a result")]
pub(crate) fn terminated(why: StopReason) -> Box<EvalAltResult> {
    EvalAltResult::ErrorTerminated(Dynamic::from(why), Position::NONE).into()
}

/// The first `letters` characters of a text, with `…` if it is longer.
pub(crate) fn shortened(text: &str, letters: usize) -> String {
    let mut cut: String = text.chars().take(letters).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

fn stale() -> Problem {
    Problem::new("stale-scalar", "this traced number is left over from an earlier call")
        .help("a function must use only its arguments and must not store values between calls")
}

/// More operations than fit on a tape.
pub(crate) fn full(full: slowgrad_tape::TapeFull) -> Problem {
    Problem::new("tape-full", full.to_string())
        .help("a loop records more operations than can be shown; make it shorter.")
        .limit("tape")
}
