//! The functions, methods and values that scripts can use.

pub(crate) mod arguments;
pub(crate) mod arrays;
pub(crate) mod describe;
pub(crate) mod guards;
pub(crate) mod numbers;
pub(crate) mod stage;
pub(crate) mod values;
