//! The built helper, spoken to over its pipes as the host does.

mod copying;
mod drift;
mod lost;
mod machine;
mod places;
mod running;
mod sync;
mod tunnelling;
