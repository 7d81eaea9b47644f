//! Running scripts: the engine, the state that native functions share, the limits and the cache of calls.

pub(crate) mod builtins;
pub(crate) mod call_cache;
pub(crate) mod counting_allocator;
pub(crate) mod host;
pub(crate) mod interpreter;
pub(crate) mod limits;
pub(crate) mod program;
