//! Boxes behind an ssh server, reached by the stock client: what a run costs, and what goes wrong on the way.

mod bootstrap;
mod connections;
mod cost;
mod folders;
mod mounted;
