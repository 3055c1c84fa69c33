//! Writes the manual pages, one a command, from the program's own parser:
//! `cargo run -p crabbox-tests --bin man -- OUTDIR`.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        return Err("usage: man OUTDIR".into());
    };
    fs::create_dir_all(&folder)?;
    let mut command = crabbox::cli::command().disable_help_subcommand(true);
    command.build();
    let version = format!("crabbox {}", command.get_version().unwrap_or_default());
    write_all(&command, &version, &folder)?;
    Ok(())
}

/// The page of a command, and those of all below it.
fn write_all(command: &Command, version: &str, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_all(below, version, folder)?;
    }
    // A page has no shorter form.
    let command = command.clone().mut_arg("help", |argument| argument.long_help("Print help"));
    let man = Man::new(command.clone()).source(version).manual("crabbox");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.get_subcommands().any(|below| !below.is_hide_set()) {
        man.render_subcommands_section(&mut page)?;
    }
    examples(&command).to_writer(&mut page)?;
    fs::write(folder.join(man.get_filename()), page)
}

/// The examples stand before a command's help, under a heading of their own.
fn examples(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let text = command.get_before_help().map(ToString::to_string).unwrap_or_default();
    let lines: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
    if lines.is_empty() {
        return roff;
    }
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}
