//! The provider `coder`, over the stand-in for its command line.
//!
//! | | |
//! |---|---|
//! | [`recordings`] | the stand-in does what a real one was seen to do |

mod recordings;
