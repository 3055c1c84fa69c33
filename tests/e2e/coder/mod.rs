//! The provider `coder`, over the stand-in for its command line.
//!
//! | | |
//! |---|---|
//! | [`recordings`], [`recorded`] | the stand-in does what a real one was seen to do |
//! | [`life`] | from the first run to the end |
//! | [`login`] | the command line alone, and whose login |
//! | [`versions`] | another version of the command line than before |
//! | [`scope`] | whose workspace it is, and what absence proves |
//! | [`lease`] | names, and making a workspace |
//! | [`deadlines`] | when it stops by itself |
//! | [`resolve`] | what has become of it |
//! | [`agents`] | which agent |
//! | [`endpoint`] | the way to it |
//! | [`faults`] | `kill -9` at its steps |
//! | [`orphans`] | what is left of `coder` |
//! | [`release`] | stopping and deleting |
//! | [`list`] | the inventory, and what is another's |
//! | [`doctor`] | whether it can work, and what isn't well |
//! | [`bad_input`] | what nobody wants to hear from a tool |
//! | [`silence`] | what says nothing |
//! | [`meanwhile`] | what others do with a workspace during a run |
//! | [`calls`] | how often the deployment is asked |
//! | [`limits`] | a deployment that is asked too often |
//! | [`guide`] | the how-to |
//! | [`live`] | the script for a real deployment |

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
