//! What other programs read of the command line: completions and the man page.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use klimalade_model::{Fault, Result};

use crate::{
    arguments::{self, Arguments},
    output::data,
};

/// `klimalade completions`.
pub(crate) fn completions(which: &arguments::Completions) -> Result<u8> {
    let shell = match which.shell {
        arguments::Shell::Bash => Shell::Bash,
        arguments::Shell::Zsh => Shell::Zsh,
        arguments::Shell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "klimalade", &mut script);
    data(String::from_utf8_lossy(&script).trim_end());
    Ok(0)
}

/// `klimalade man`: one page, each command a section of it.
pub(crate) fn man() -> Result<u8> {
    let wrong = |source: io::Error| Fault::bug("the man page cannot be written").because(source);
    let mut command = Arguments::command();
    command.build();
    let mut page = Vec::new();
    let whole = Man::new(command.clone());
    whole.render_title(&mut page).map_err(wrong)?;
    whole.render_name_section(&mut page).map_err(wrong)?;
    whole.render_synopsis_section(&mut page).map_err(wrong)?;
    whole.render_description_section(&mut page).map_err(wrong)?;
    whole.render_options_section(&mut page).map_err(wrong)?;
    let mut text = String::from_utf8_lossy(&page).into_owned();
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let mut section = Vec::new();
        // What every command takes is told once, above.
        let own = command.clone().mut_args(|argument| {
            let hide = argument.is_global_set() || argument.get_id() == "help";
            argument.hide(hide)
        });
        let about = Man::new(own);
        about.render_description_section(&mut section).map_err(wrong)?;
        about.render_options_section(&mut section).map_err(wrong)?;
        about.render_extra_section(&mut section).map_err(wrong)?;
        let name = command.get_name();
        text.push_str(&format!(".SH \"KLIMALADE {}\"\n", name.to_uppercase()));
        let section = String::from_utf8_lossy(&section).into_owned();
        let lines = section.lines().filter(|line| {
            !matches!(*line, ".SH DESCRIPTION" | "Examples:") && !line.starts_with(".ie ") && !line.starts_with(".el ")
        });
        for line in lines {
            // Sections of one command are below the command's.
            let line = line
                .replacen(".SH EXTRA", ".SH EXAMPLES", 1)
                .replacen(".SH ", ".SS ", 1);
            text.push_str(&line);
            text.push('\n');
        }
    }
    data(text.trim_end());
    Ok(0)
}
