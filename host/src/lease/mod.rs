//! The life cycle of a lease: acquire, reuse, release, roll back.
//!
//! Ownership is enforced here, once for every provider: what may exist is
//! recorded before the provider is called, and a resource is mutated only through a claim
//! that names its immutable id. Which transitions there are is in
//! [`crate::claims::Claim::after`].
//!
//! [`acquire`] finds a box that is [`wanted`], after a [`wait`] perhaps, and has one [`take`](mod@take) it or [`make`] it, [`roll_back`] undoes
//! what failed, [`extend`] gives it more time, [`prolong`] does so while a run goes on, [`leave`] says what becomes of the box after it, [`release`] parks or deletes it, [`at_stop`] says how where somebody asks for it,
//! [`look`] only asks, [`resolve`] about the box of a claim, [`mod@visit`] is for whoever uses a box without taking it, [`adopt`] makes a lease of what is there, [`forget`] drops one; [`hang_up`] ends the connections to a box that is let go of. [`cleanup`] says what is to
//! become of a claim that nobody looks after, [`clean`] does it, after asking the box for the [`fate`] of its run;
//! [`answer`] says what a provider's word is worth, [`place`] looks after a lease's part of a shared box,
//! [`names`] what things are called, [`slug`] what a user calls a lease, [`reference`](mod@reference) which lease is
//! meant, [`profile`] whether a box was leased under the settings that hold now, [`desk`] holds what all of them need,
//! [`audit`] notes what is done to resources, and [`working`] is how a signal reaches them.

mod acquire;
mod adopt;
mod answer;
mod at_stop;
mod audit;
mod ceiling;
mod clean;
mod cleanup;
mod desk;
mod extend;
mod fate;
mod forget;
mod hang_up;
mod join;
mod leave;
mod look;
mod make;
#[cfg(test)]
mod model;
mod names;
mod place;
mod profile;
mod prolong;
mod reference;
mod release;
mod resolve;
mod roll_back;
mod slug;
mod take;
mod unreached;
mod visit;
mod wait;
mod wanted;
mod working;

pub use acquire::{fresh, not_waited_for};
pub use adopt::{Adoption, Owner, Sighted};
pub use at_stop::AtStop;
pub use clean::{Cleaned, Done, plan};
pub use cleanup::{Facts, Order, RunSeen, Verdict, Why, due, is_long_parked, verdict};
pub use desk::{Desk, open};
pub use hang_up::forget_old_ways;
pub use leave::{Leaving, Linger};
pub use look::{in_words, look_at};
pub use names::{random_bits, workspace_name};
pub use place::{Asker, explain_unasked, is_unreached, place_folder};
pub use prolong::{Prolong, Prolonging};
pub use reference::{Checkout, Here, LAST, REPO, find};
pub use release::End;
pub use slug::{Slug, SlugError};
pub use take::{Doubt, Held, How};
pub use visit::{to_show, visit};
pub use wanted::{InUse, Wanted};
pub use working::Working;
