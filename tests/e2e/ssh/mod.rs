//! Boxes behind an ssh server, reached by the stock client: what a run costs, and what goes wrong on the way.

mod bootstrap;
mod connections;
mod cost;
mod failures;
mod folders;
mod line;
mod locked;
mod markers;
mod mounted;
mod second_factor;
mod stopped;
mod terminal;
mod way;
