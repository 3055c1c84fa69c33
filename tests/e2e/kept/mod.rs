//! Providers that were built for an interface of another time: what is kept in `fixtures/abi` for ever, loaded by
//! the crabbox of today, and by one that says that it is of tomorrow.

mod compilers;
mod frames;
mod next;
mod old;
mod profiles;
mod shelf;
mod versions;
