//! End-to-end tests: one file a subject.

mod providers;
mod run;
mod stop;
mod sync;
