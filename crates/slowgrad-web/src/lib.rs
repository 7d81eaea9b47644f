//! slowgrad as a web page: the same app as in the desktop's window, on a canvas, with a backend on the page's thread.
//!
//! [`page`] draws frames, [`input`] translates the browser's events, [`dom`] is everything else that only a browser has.
//! [`files`] and [`keys`] hold the decisions that need no browser, so their tests run on any machine. This crate must not
//! know panels, scripts or training: the app and the session do.

#![cfg(any(target_arch = "wasm32", test))]
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only the page uses some of it"))]

#[cfg(target_arch = "wasm32")]
mod dom;
mod files;
#[cfg(target_arch = "wasm32")]
mod input;
mod keys;
#[cfg(target_arch = "wasm32")]
mod page;
