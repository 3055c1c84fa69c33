//! The provider `ssh`: boxes are places on machines, which are the system's own `sshd` here, on loopback, each with a
//! home folder of its own.

mod asked;
mod chosen;
mod cluster;
mod doctor;
mod faults;
mod guide;
mod jump;
mod keys;
mod lease;
mod proof;
mod sshd;
mod way;

pub(crate) use cluster::Cluster;
