//! `crabbox run`: [`arguments`] are what it takes, [`execute`] is its way through everything,
//! [`attempt`] what is asked of one box, [`report`] and [`explain`] what is said at the end.

mod arguments;
mod attempt;
mod execute;
mod explain;
mod report;

pub(in crate::cli) use arguments::Run;
