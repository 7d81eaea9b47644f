//! Running scripts: the engine, the state that native functions share, the limits and the cache of calls.

pub(crate) mod builtins;
mod call_cache;
pub(crate) mod compile;
pub(crate) mod counting_allocator;
mod engine;
pub(crate) mod host;
pub(crate) mod imports;
pub(crate) mod interpreter;
pub(crate) mod limits;
pub(crate) mod program;
mod resolver;
