//! Resource limits of scripts.
//!
//! Every call into a script starts with full budgets. The defaults suit lessons. A lesson may lower them; only the
//! owner of the sandbox may raise them. One table names all limits, for lessons and for the command line. The clock
//! is handed in, so that the crate also runs on platforms without one.

use crate::diagnostics::wording::suggestion;
use std::time::Duration;

/// The limits of one call into a script. Defaults are in parentheses; they are the same in every build profile.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Interpreter operations of a plugin call (2 million).
    pub operations: u64,
    /// Interpreter operations while a lesson is read, data is generated or weights are drawn (50 million). An initializer
    /// has them again for each half million weights of the layer.
    pub setup_operations: u64,
    /// Time of a plugin call (250 ms).
    pub time: Duration,
    /// Time to read a lesson, generate data or draw weights (5 s); for an initializer it grows like the operations.
    pub setup_time: Duration,
    /// Bytes that one call may allocate beyond those held at its start (256 MiB). Counted only if
    /// [`CountingAllocator`](crate::CountingAllocator) is installed.
    pub memory: usize,
    /// Operations and comparisons on one tape (100 000).
    pub tape: usize,
    /// Nesting depth of calls of script functions (32).
    pub call_levels: usize,
    /// Nesting depth of expressions (64).
    pub expression_depth: usize,
    /// Bytes of a string (64 KiB).
    pub string: usize,
    /// Elements of an array, nested arrays included, in a plugin call (10 000).
    pub array: usize,
    /// The same while data is generated (2 million).
    pub setup_array: usize,
    /// Entries of a map, nested maps included, in a plugin call (1 000).
    pub map: usize,
    /// The same while data is generated (100 000): each sample is a map.
    pub setup_map: usize,
    /// Modules that one call may import, and length of a chain of imports (32).
    pub modules: usize,
    /// Functions in one file (1 000).
    pub functions: usize,
    /// Variables of one function at a time (1 000).
    pub variables: usize,
    /// Bytes of a script (256 KiB). Rhai's compile time grows with the square of a block's length.
    pub script: usize,
    /// Lines that one call may print (1 000).
    pub prints: usize,
    /// Cues of a lesson (10 000).
    pub cues: usize,
    /// Parameters of a network (5 million).
    pub parameters: usize,
    /// Bytes of a table's file, and of an `.xlsx` file when it is unpacked (256 MiB).
    pub table: usize,
    /// Whether a command line can raise the limits, so that messages say how.
    pub command_line: bool,
    /// A monotonic clock. Without one, only operations are counted.
    pub clock: Option<fn() -> Duration>,
    /// The processor time that the calling thread has used, which never advances faster than the clock. With it, the time
    /// limits do not depend on what else the machine does; without it, the clock decides. None by default: only the program
    /// knows the machine.
    pub processor_time: Option<fn() -> Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 2_000_000,
            setup_operations: 50_000_000,
            time: Duration::from_millis(250),
            setup_time: Duration::from_secs(5),
            memory: 256 << 20,
            tape: 100_000,
            call_levels: 32,
            expression_depth: 64,
            string: 64 * 1024,
            array: 10_000,
            setup_array: 2_000_000,
            map: 1_000,
            setup_map: 100_000,
            modules: 32,
            functions: 1_000,
            variables: 1_000,
            script: 256 << 10,
            prints: 1_000,
            cues: 10_000,
            parameters: 5_000_000,
            table: 256 << 20,
            command_line: true,
            clock: clock(),
            processor_time: None,
        }
    }
}

/// The field or fields that a limit sets.
#[derive(Debug, Clone, Copy)]
enum LimitField {
    Count(fn(&mut Limits) -> &mut usize),
    /// For a plugin call, and for generating data or reading a lesson.
    Counts(fn(&mut Limits) -> [&mut usize; 2]),
    Operations,
    Time,
}

/// Each limit's name in `lesson().limits` and on the command line, its maximum, and its fields. The maxima of calls
/// and nesting depend on the stack on which scripts run.
const TABLE: &[(&str, f64, LimitField)] = &[
    ("operations", 1e12, LimitField::Operations),
    ("seconds", 60.0, LimitField::Time),
    ("memory", 1e12, LimitField::Count(|limits| &mut limits.memory)),
    ("tape", 1e8, LimitField::Count(|limits| &mut limits.tape)),
    ("calls", 128.0, LimitField::Count(|limits| &mut limits.call_levels)),
    ("depth", 128.0, LimitField::Count(|limits| &mut limits.expression_depth)),
    ("string", 1e9, LimitField::Count(|limits| &mut limits.string)),
    ("array", 1e8, LimitField::Counts(|limits| [&mut limits.array, &mut limits.setup_array])),
    ("map", 1e7, LimitField::Counts(|limits| [&mut limits.map, &mut limits.setup_map])),
    ("modules", 128.0, LimitField::Count(|limits| &mut limits.modules)),
    ("functions", 1e6, LimitField::Count(|limits| &mut limits.functions)),
    ("variables", 1e6, LimitField::Count(|limits| &mut limits.variables)),
    ("script", 1e8, LimitField::Count(|limits| &mut limits.script)),
    ("prints", 1e6, LimitField::Count(|limits| &mut limits.prints)),
    ("cues", 1e7, LimitField::Count(|limits| &mut limits.cues)),
    ("table", 1e12, LimitField::Count(|limits| &mut limits.table)),
    ("parameters", 1e9, LimitField::Count(|limits| &mut limits.parameters)),
];

/// Why a limit cannot be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitError {
    /// The error message.
    pub message: String,
    /// A suggestion for a fix.
    pub help: Option<String>,
    /// Whether no limit has this name.
    pub unknown_name: bool,
}

impl Limits {
    /// The limits in a web page, whose clock is handed in.
    ///
    /// Scripts run on the thread that draws, so a plugin call may take half the time of a late frame, and the set-up of a
    /// lesson stops the page for two seconds at most. A browser ends recursion at 0.3 to 1 MiB of stack and ends the page
    /// with it, where a desktop program chooses its stack. So calls, expressions and values nest less deeply: an array in an
    /// array counts as an element, and the interpreter visits it recursively. A tab has less memory than a computer.
    pub fn page(clock: Option<fn() -> Duration>) -> Self {
        Self {
            operations: 500_000,
            time: Duration::from_millis(50),
            setup_time: Duration::from_secs(2),
            memory: 128 << 20,
            call_levels: 16,
            expression_depth: 32,
            array: 2_000,
            setup_array: 200_000,
            map: 500,
            setup_map: 20_000,
            parameters: 1_000_000,
            table: 64 << 20,
            command_line: false,
            clock,
            ..Self::default()
        }
    }

    /// The names of all limits.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|(name, ..)| *name)
    }

    /// Sets a limit. The budget for generating data and reading lessons keeps its ratio to that of a plugin call.
    ///
    /// # Errors
    ///
    /// If no limit has this name, or the amount is not positive, not whole (except for `seconds`) or above the
    /// maximum.
    pub fn set(&mut self, name: &str, amount: f64) -> Result<(), LimitError> {
        let wrong = |message: String| Err(LimitError { message, help: None, unknown_name: false });
        let Some((name, max, place)) = TABLE.iter().find(|(known, ..)| *known == name) else {
            let (message, help) = (format!("there is no limit `{name}`"), suggestion(name, Self::names()));
            return Err(LimitError { message, help, unknown_name: true });
        };
        let time = matches!(place, LimitField::Time);
        if time && !(amount > 0.0 && amount.is_finite()) {
            return wrong(format!("`{name}` must be a time in seconds, but this is {amount}"));
        }
        let whole = amount >= 1.0 && amount.fract() == 0.0 && amount.is_finite();
        if !(time || whole) {
            return wrong(format!("`{name}` must be a whole number from 1, but this is {amount}"));
        }
        if amount > *max {
            return wrong(format!("`{name}` can be at most {max}, but this is {amount}"));
        }
        match place {
            LimitField::Count(place) => *place(self) = amount as usize,
            LimitField::Counts(places) => {
                let [call, setup] = places(self);
                *setup = scaled(*setup as f64, amount, *call as f64) as usize;
                *call = amount as usize;
            }
            LimitField::Operations => {
                let setup = scaled(self.setup_operations as f64, amount, self.operations as f64);
                (self.operations, self.setup_operations) = (amount as u64, setup as u64);
            }
            LimitField::Time => {
                let setup = self.setup_time.as_secs_f64() * amount / self.time.as_secs_f64();
                (self.time, self.setup_time) = (Duration::from_secs_f64(amount), Duration::from_secs_f64(setup));
            }
        }
        Ok(())
    }

    /// The amount of a limit for a plugin call; `None` if no limit has this name.
    pub fn get(mut self, name: &str) -> Option<f64> {
        let (.., place) = TABLE.iter().find(|(known, ..)| *known == name)?;
        Some(match place {
            LimitField::Count(place) => *place(&mut self) as f64,
            LimitField::Counts(places) => *places(&mut self)[0] as f64,
            LimitField::Operations => self.operations as f64,
            LimitField::Time => self.time.as_secs_f64(),
        })
    }

    /// How to raise a limit. `granted` are the limits of the sandbox, which a lesson cannot exceed.
    pub(crate) fn how_to_raise(self, name: &str, granted: Limits) -> Option<String> {
        let (.., max, _) = TABLE.iter().find(|(known, ..)| *known == name)?;
        let (now, granted) = (self.get(name)?, granted.get(name)?);
        if now < granted {
            return Some(format!("the lesson sets `limits: #{{ {name}: {now} }}`, which it may raise up to {granted}"));
        }
        let more = (2.0 * now).min(*max);
        (self.command_line && more > now).then(|| format!("`--limits {name}={more}` raises this limit"))
    }

    /// The timer for the time limits: processor time if there is one, otherwise the clock.
    pub(crate) fn timer(&self) -> Option<fn() -> Duration> {
        self.processor_time.or(self.clock)
    }

    /// How many times the budget of a set-up an initializer has for so many weights: once, and again for each half million.
    pub(crate) fn initializer_budgets(weights: usize) -> u32 {
        const WEIGHTS_PER_BUDGET: usize = 500_000;
        u32::try_from(1 + weights / WEIGHTS_PER_BUDGET).unwrap_or(u32::MAX)
    }

    /// Sets a limit if the new value is lower.
    ///
    /// # Errors
    ///
    /// As for [`set`](Self::set).
    pub fn lower(&mut self, name: &str, amount: f64) -> Result<(), LimitError> {
        let mut changed = *self;
        changed.set(name, amount)?;
        let lower = match TABLE.iter().find(|(known, ..)| *known == name) {
            Some((.., LimitField::Count(place))) => place(&mut changed) < place(self),
            Some((.., LimitField::Counts(places))) => places(&mut changed)[0] < places(self)[0],
            Some((.., LimitField::Operations)) => changed.operations < self.operations,
            Some((.., LimitField::Time)) => changed.time < self.time,
            None => false,
        };
        if lower {
            *self = changed;
        }
        Ok(())
    }
}

/// Scales `amount` by `to / from`. At least 1, because Rhai takes 0 for no limit.
fn scaled(amount: f64, to: f64, from: f64) -> f64 {
    (amount * to / from).ceil().max(1.0)
}

/// The system clock, if there is one.
#[allow(clippy::unnecessary_wraps, reason = "a page in a browser has none")]
fn clock() -> Option<fn() -> Duration> {
    #[cfg(not(target_family = "wasm"))]
    {
        use std::sync::LazyLock;
        use std::time::Instant;
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let clock: fn() -> Duration = || START.elapsed();
        Some(clock)
    }
    #[cfg(target_family = "wasm")]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_can_be_set_and_lowering_never_raises_it() {
        for name in Limits::names() {
            let usual = format!("{:?}", Limits::default());
            let mut limits = Limits::default();
            limits.lower(name, 1.0).expect("a limit");
            // One second is above the default of a plugin call.
            assert_eq!(format!("{limits:?}") == usual, name == "seconds", "{name}");
            let mut lowered = limits;
            lowered.lower(name, 2.0).expect("a limit");
            assert_eq!(format!("{lowered:?}"), format!("{limits:?}"), "{name}");
            limits.set(name, 2.0).expect("a limit");
            assert_ne!(format!("{limits:?}"), format!("{lowered:?}"), "{name}");
        }
        let mut limits = Limits::default();
        limits.set("operations", 4_000_000.0).expect("a limit");
        limits.lower("seconds", 0.125).expect("a limit");
        assert_eq!((limits.operations, limits.setup_operations), (4_000_000, 100_000_000));
        assert_eq!((limits.time.as_millis(), limits.setup_time.as_millis()), (125, 2_500));
    }

    #[test]
    fn a_message_says_how_to_raise_each_limit() {
        let granted = Limits::default();
        for name in Limits::names() {
            let help = granted.how_to_raise(name, granted).expect("a limit that can be raised");
            let (_, assignment) = help.split_once("--limits ").expect("an option");
            let (named, amount) =
                assignment.split_once('`').expect("a quote").0.split_once('=').expect("an assignment");
            let mut raised = granted;
            raised.set(named, amount.parse().expect("a number")).expect("the advice works");
            assert!(named == name && raised.get(name) > granted.get(name), "{help}");
        }
        let page = Limits::page(None);
        assert_eq!(page.how_to_raise("tape", page), None, "a page has no command line");
        let mut lowered = granted;
        lowered.lower("tape", 50.0).expect("a limit");
        let help = lowered.how_to_raise("tape", granted).expect("help");
        assert_eq!(help, "the lesson sets `limits: #{ tape: 50 }`, which it may raise up to 100000");
        let mut highest = granted;
        highest.set("calls", 128.0).expect("a limit");
        assert_eq!(highest.how_to_raise("calls", highest), None);
    }

    #[test]
    fn invalid_limits_are_refused() {
        let refused = |name, amount| Limits::default().set(name, amount).expect_err("it is refused");
        for amount in [0.0, -1.0, 1.5, f64::NAN, f64::INFINITY, 1e300] {
            assert!(!refused("tape", amount).unknown_name, "{amount}");
        }
        for amount in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(!refused("seconds", amount).unknown_name, "{amount}");
        }
        let unknown = refused("operation", 1.0);
        assert_eq!((unknown.unknown_name, unknown.help.as_deref()), (true, Some("did you mean `operations`?")));
    }
}
