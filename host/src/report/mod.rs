//! A run as one page: a file that needs no network and no script, for whoever wasn't there.
//!
//! [`of_run`] reads what is kept of a run, [`mod@lines`] the end of what it printed. [`page`] is what stands on it and in which order, [`timeline`] its phases and [`chart`] the runs before as pictures, [`cases`]
//! what failed, [`mod@log`] what the program printed, and `style.css` how it looks: on a screen, light or dark, wide or
//! narrow, and on paper. What comes from a box is [`text`] on it and nothing else.

mod cases;
mod chart;
mod lines;
mod log;
mod of_run;
mod page;
mod text;
mod timeline;

pub use chart::Earlier;
pub use log::{Line, Log};
pub use of_run::Kept;
pub use page::{Page, Verdict};
pub use timeline::Phase;
