//! How help looks: examples first, one line an option, one screen; the same with `-h` and
//! `--help`. The documentation comment of a command is its description: the first line stands at
//! the top and in lists, the rest at the end.

use clap::Command;

const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

/// Arranges the help of a command and of all below it. The examples are its `before_help`.
pub(super) fn arrange(command: Command) -> Command {
    let rest = command.get_long_about().map(ToString::to_string);
    let rest = rest.as_deref().and_then(|text| text.split_once("\n\n")).map(|(_, rest)| rest);
    let rest = rest.map(str::to_owned);
    // Whatever is long makes `--help` take three lines for each option.
    let command = command
        .help_template(TEMPLATE)
        .long_about(None::<&'static str>)
        .mut_args(|argument| argument.long_help(None::<&'static str>))
        .mut_subcommands(arrange);
    match rest {
        Some(rest) => command.after_help(rest),
        None => command,
    }
}
