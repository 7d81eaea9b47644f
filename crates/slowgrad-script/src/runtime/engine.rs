//! The Rhai engine, configured so that a script can compute and do nothing else.

use crate::bindings;
use crate::runtime::compile::CONSTANTS;
use crate::runtime::host::Host;
use crate::runtime::imports::ScriptFiles;
use crate::runtime::limits::Limits;
use crate::runtime::resolver::Resolver;
use crate::text::BODY_GUARD;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage, BasicStringPackage,
    LanguageCorePackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Dynamic, Engine, OptimizationLevel};
use std::rc::Rc;

/// The native function that collects the results of
/// [`Interpreter::call_many`](super::interpreter::Interpreter::call_many).
pub(super) const EMIT: &str = "__emit";

pub(super) fn new_engine(host: &Rc<Host>, files: &Rc<ScriptFiles>) -> Engine {
    let mut engine = Engine::new_raw();
    LanguageCorePackage::new().register_into_engine(&mut engine);
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);

    for symbol in ["eval", "try", "catch"] {
        engine.disable_symbol(symbol);
    }
    // The optimizer takes seconds for a block of thousands of statements, and traced functions do not need it.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    // Otherwise Rhai's operators would replace the exact comparisons and the reproducible power.
    engine.set_fast_operators(false);

    let ticking = Rc::clone(host);
    engine.on_progress(move |_| ticking.tick().map(Dynamic::from));

    #[allow(deprecated, reason = "unstable in Rhai, whose version is pinned")]
    engine.on_var(|name, _, context| {
        let constant = CONSTANTS.iter().find(|(known, _)| *known == name);
        Ok(constant.filter(|_| !context.scope().contains(name)).map(|(_, value)| (*value).into()))
    });

    bindings::register(&mut engine, host);
    let recording = Rc::clone(host);
    let within = engine.register_custom_syntax([BODY_GUARD, "$block$"], false, move |context, body| {
        // Rhai caches resolved names from one function to the next, even into functions of another file.
        let result = if recording.has_imports.get() {
            context.new_frame().with_new_caching_layer().eval_expression_tree(&body[0])
        } else {
            context.eval_expression_tree(&body[0])
        };
        result.inspect_err(|error| recording.record_limit_hit(context.source(), error))
    });
    debug_assert!(within.is_ok(), "the keyword is valid");
    let emitting = Rc::clone(host);
    engine.register_fn(EMIT, move |value: Dynamic| {
        // A script that calls this function itself has no effect: outside `call_many` no results are expected.
        let mut emitted = emitting.emitted.borrow_mut();
        if emitted.len() < emitting.results_left.get() {
            emitted.push(value);
        }
    });
    engine.set_module_resolver(Resolver { host: Rc::clone(host), files: Rc::clone(files) });
    engine
}

pub(super) fn apply_limits(engine: &mut Engine, limits: &Limits, array: usize, map: usize) {
    engine.set_max_call_levels(limits.call_levels);
    engine.set_max_expr_depths(limits.expression_depth, limits.expression_depth);
    // Rhai's own counter restarts in callbacks, so the host counts operations.
    engine.set_max_operations(0);
    engine.set_max_string_size(limits.string);
    engine.set_max_array_size(array);
    engine.set_max_map_size(map);
    engine.set_max_modules(limits.modules);
    engine.set_max_functions(limits.functions);
    engine.set_max_variables(limits.variables);
}
