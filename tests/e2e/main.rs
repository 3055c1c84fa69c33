//! End-to-end tests: one file a subject.

mod abi;
mod boxes;
mod completions;
mod config;
mod desk;
mod doctor;
mod documents;
mod faults;
mod help;
mod init;
mod lease;
mod leases;
mod local;
mod output;
mod provider_files;
mod providers;
mod recover;
mod reference;
mod run;
mod schemas;
mod screens;
mod source;
mod state;
mod stop;
mod sync;
mod trust;
