//! The provider `coder`, over the stand-in for its command line.
//!
//! What it has to do, and where that is tested:
//!
//! | | |
//! |---|---|
//! | the command line alone; auth stays in Coder's store | [`login`]; [`versions`]: another version than before |
//! | scope: whose workspace it is, and what absence proves | [`scope`] |
//! | names | [`lease`]; those of the host in `names` beside this |
//! | `lease` | [`lease`], [`bad_input`]; [`faults`]: killed at each of its steps |
//! | the deadline: it stops by itself | [`deadlines`] |
//! | `resolve`: what has become of it | [`resolve`]; [`meanwhile`]: during a run |
//! | references, and what is adopted | [`list`] |
//! | agents | [`agents`] |
//! | the endpoint | [`endpoint`] |
//! | orphans | [`orphans`] |
//! | `release` | [`release`] |
//! | `list` | [`list`], [`bad_input`] |
//! | `doctor` | [`doctor`] |
//! | settings | [`lease`], [`agents`], [`login`]; `settings` beside this: each as a key, flag and variable |
//! | calls | [`calls`]; [`limits`]: a deployment that is asked too often |
//!
//! And around it:
//!
//! | | |
//! |---|---|
//! | [`recordings`], [`recorded`] | the stand-in does what a real one was seen to do |
//! | [`life`] | from the first run to the end |
//! | [`faults`] | `kill -9` at its steps |
//! | [`bad_input`], [`silence`] | what nobody wants to hear from a tool, and one that says nothing |
//! | [`guide`], [`live`] | the how-to, and the script for a real deployment |

mod agents;
mod bad_input;
mod calls;
mod deadlines;
mod doctor;
mod endpoint;
mod faults;
mod guide;
mod lease;
mod life;
mod limits;
mod list;
mod live;
mod login;
mod meanwhile;
mod orphans;
mod recorded;
mod recordings;
mod release;
mod resolve;
mod scope;
mod silence;
mod versions;
