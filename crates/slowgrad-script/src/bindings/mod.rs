//! The native functions, methods and value types of scripts.

pub(crate) mod arguments;
pub(crate) mod arrays;
pub(crate) mod describe;
pub(crate) mod guards;
pub(crate) mod numbers;
pub(crate) mod stage;
pub(crate) mod table;
pub(crate) mod values;

use crate::runtime::host::Host;
use rhai::Engine;
use std::rc::Rc;

/// Registers everything that scripts can call.
pub(crate) fn register(engine: &mut Engine, host: &Rc<Host>) {
    numbers::register(engine, host);
    arrays::register(engine, host);
    describe::register(engine, host);
    stage::register(engine, host);
    guards::register(engine, host);
}
