//! What a script may use up before it is stopped.
//!
//! Every entry into a script starts with full budgets. The numbers suit lessons; a lesson may ask for less
//! and only whoever makes the sandbox may give more. One table names them all, for lessons and for the command
//! line. Time is read from the clock that is handed in, so that the crate also runs where there is none.

use crate::diagnostics::wording::suggestion;
use std::time::Duration;

/// Budgets of one entry into a script, equal in every build profile.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Interpreter operations of a plugin's call (2 million).
    pub operations: u64,
    /// Interpreter operations while a lesson is read, data is made or weights are drawn (50 million).
    pub making_operations: u64,
    /// Time of a plugin's call (250 ms).
    pub time: Duration,
    /// Time to read a lesson, make data or draw weights (5 s).
    pub making_time: Duration,
    /// Bytes that one entry may hold beyond what was held at its beginning (256 MiB). They are counted where
    /// [`CountingAllocator`](crate::CountingAllocator) is installed.
    pub memory: usize,
    /// Operations and comparisons on one tape (100 000).
    pub tape: usize,
    /// Script functions that may call each other (32).
    pub call_levels: usize,
    /// Nesting of expressions (64).
    pub expression_depth: usize,
    /// Bytes of a string (64 KiB).
    pub string: usize,
    /// Elements of an array with those of the arrays in it, in a plugin's call (10 000).
    pub array: usize,
    /// The same while data is made (2 million).
    pub making_array: usize,
    /// Entries of a map with those of the maps in it, in a plugin's call (1 000).
    pub map: usize,
    /// The same while data is made (100 000): each sample is a map.
    pub making_map: usize,
    /// Modules that one entry may import, and that may import each other (32).
    pub modules: usize,
    /// Functions that one file may define (1 000).
    pub functions: usize,
    /// Variables that one function may have at a time (1 000).
    pub variables: usize,
    /// Bytes of a script (256 KiB); the interpreter's compiler takes time with the square of a block's length.
    pub script: usize,
    /// Lines that one entry may print (1 000).
    pub prints: usize,
    /// Cues of a lesson (10 000).
    pub cues: usize,
    /// Parameters of a network (5 million).
    pub parameters: usize,
    /// The time since some fixed moment; without it only operations are counted.
    pub clock: Option<fn() -> Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 2_000_000,
            making_operations: 50_000_000,
            time: Duration::from_millis(250),
            making_time: Duration::from_secs(5),
            memory: 256 << 20,
            tape: 100_000,
            call_levels: 32,
            expression_depth: 64,
            string: 64 * 1024,
            array: 10_000,
            making_array: 2_000_000,
            map: 1_000,
            making_map: 100_000,
            modules: 32,
            functions: 1_000,
            variables: 1_000,
            script: 256 << 10,
            prints: 1_000,
            cues: 10_000,
            parameters: 5_000_000,
            clock: clock(),
        }
    }
}

/// What a limit counts.
#[derive(Debug, Clone, Copy)]
enum LimitField {
    Count(fn(&mut Limits) -> &mut usize),
    /// For a plugin's call, and for making data or reading a lesson.
    Counts(fn(&mut Limits) -> [&mut usize; 2]),
    Operations,
    Time,
}

/// Each limit's name in `lesson().limits` and on the command line, the most it can be raised to, and its place.
/// Calls and nesting are bounded by the stack on which scripts run.
const TABLE: &[(&str, f64, LimitField)] = &[
    ("operations", 1e12, LimitField::Operations),
    ("seconds", 60.0, LimitField::Time),
    ("memory", 1e12, LimitField::Count(|limits| &mut limits.memory)),
    ("tape", 1e8, LimitField::Count(|limits| &mut limits.tape)),
    ("calls", 128.0, LimitField::Count(|limits| &mut limits.call_levels)),
    ("depth", 128.0, LimitField::Count(|limits| &mut limits.expression_depth)),
    ("string", 1e9, LimitField::Count(|limits| &mut limits.string)),
    ("array", 1e8, LimitField::Counts(|limits| [&mut limits.array, &mut limits.making_array])),
    ("map", 1e7, LimitField::Counts(|limits| [&mut limits.map, &mut limits.making_map])),
    ("modules", 128.0, LimitField::Count(|limits| &mut limits.modules)),
    ("functions", 1e6, LimitField::Count(|limits| &mut limits.functions)),
    ("variables", 1e6, LimitField::Count(|limits| &mut limits.variables)),
    ("script", 1e8, LimitField::Count(|limits| &mut limits.script)),
    ("prints", 1e6, LimitField::Count(|limits| &mut limits.prints)),
    ("cues", 1e7, LimitField::Count(|limits| &mut limits.cues)),
    ("parameters", 1e9, LimitField::Count(|limits| &mut limits.parameters)),
];

/// Why a limit cannot be given a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitError {
    /// What is wrong.
    pub message: String,
    /// A way out.
    pub help: Option<String>,
    /// Whether there is no limit of this name.
    pub unknown_name: bool,
}

impl Limits {
    /// The names of all limits.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|(name, ..)| *name)
    }

    /// Gives a limit another value. What is allowed for making data and reading lessons keeps its proportion to
    /// what is allowed for a plugin's call.
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
                let [call, making] = places(self);
                *making = scaled(*making as f64, amount, *call as f64) as usize;
                *call = amount as usize;
            }
            LimitField::Operations => {
                let making = scaled(self.making_operations as f64, amount, self.operations as f64);
                (self.operations, self.making_operations) = (amount as u64, making as u64);
            }
            LimitField::Time => {
                let making = self.making_time.as_secs_f64() * amount / self.time.as_secs_f64();
                (self.time, self.making_time) = (Duration::from_secs_f64(amount), Duration::from_secs_f64(making));
            }
        }
        Ok(())
    }

    /// Gives a limit another value if that is a lower one.
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

/// What belongs to `to` as `amount` belonged to `from`; never nothing, which the interpreter takes for no limit.
fn scaled(amount: f64, to: f64, from: f64) -> f64 {
    (amount * to / from).ceil().max(1.0)
}

/// The machine's clock, where there is one.
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
    fn every_limit_can_be_set_and_lowered_but_not_raised_by_lowering() {
        for name in Limits::names() {
            let usual = format!("{:?}", Limits::default());
            let mut limits = Limits::default();
            limits.lower(name, 1.0).expect("a limit");
            // A second is more than a call has.
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
        assert_eq!((limits.operations, limits.making_operations), (4_000_000, 100_000_000));
        assert_eq!((limits.time.as_millis(), limits.making_time.as_millis()), (125, 2_500));
    }

    #[test]
    fn what_is_no_limit_is_refused() {
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
