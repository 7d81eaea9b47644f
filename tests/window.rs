//! The real window under Xvfb, driven by keys and mouse. (An integration test of the package `slowgrad`:
//! `env!("CARGO_BIN_EXE_slowgrad")` is the program.)

mod common;
