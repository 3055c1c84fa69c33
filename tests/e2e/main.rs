//! End-to-end tests: one file a subject.

mod documents;
mod providers;
mod run;
mod stop;
mod sync;
