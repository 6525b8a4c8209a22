//! Questions on a terminal.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::super::output::{Failure, tell};
use crate::domain::Admin;
use crate::setup::{Choices, Facts, Next, Question, Wishes, next};

/// The most that is read of a password's file; more is none.
const MAX_BYTES: u64 = 4_096;

/// Whether somebody is there who can be asked.
pub(super) fn is_possible() -> bool {
    std::io::stdin().is_terminal()
}

/// All that has to be known: by the flags, by asking, or by guessing.
pub(super) fn all(mut wishes: Wishes, facts: &Facts, guess: bool) -> Result<Choices, Failure> {
    loop {
        let question = match next(&wishes, facts).map_err(|refused| Failure(refused.0))? {
            Next::Ready(choices) => return Ok(*choices),
            Next::Ask(question) => question,
        };
        let say_it = |question: &Question| {
            Failure(format!("{}\n(say it with {})", question.text, question.topic.flag()))
        };
        match &question.guess {
            Some(guessed) if guess => {
                wishes.answer(question.topic, guessed).map_err(Failure)?;
            }
            None if guess => return Err(say_it(&question)),
            Some(_) | None if is_possible() => ask(&mut wishes, &question)?,
            Some(_) | None => {
                let Failure(text) = say_it(&question);
                return Err(Failure(format!(
                    "{text}\nNobody can be asked here: with --yes what is guessed is taken"
                )));
            }
        }
    }
}

/// Asks until there is an answer that is one.
fn ask(wishes: &mut Wishes, question: &Question) -> Result<(), Failure> {
    let usual = match (&question.guess, question.why.as_str()) {
        (Some(guess), "") if guess.is_empty() => String::new(),
        (Some(guess), "") => format!(" [{guess}]"),
        (Some(guess), why) => format!(" [{guess}: {why}]"),
        (None, _) => String::new(),
    };
    loop {
        tell(&format!("{}{usual}", question.text));
        let typed = line()?;
        let answer = match (&question.guess, typed.trim()) {
            (Some(guess), "") => guess,
            (None, "") => continue,
            // What has blanks at its ends has them for a reason.
            (_, _) => &typed,
        };
        match wishes.answer(question.topic, answer) {
            Ok(()) => return Ok(()),
            Err(problem) => tell(&format!("This {problem}")),
        }
    }
}

/// Yes or no; yes if nothing is typed.
pub(super) fn agreed(question: &str) -> Result<bool, Failure> {
    loop {
        tell(&format!("{question} [yes]"));
        match line()?.trim().to_ascii_lowercase().as_str() {
            "" | "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => tell("Type yes or no"),
        }
    }
}

/// A password, typed twice and not shown.
pub(super) fn password(of: &str) -> Result<String, Failure> {
    loop {
        tell(&format!("A password for {of}, which is not shown:"));
        let first = unseen(line)?;
        if let Err(error) = Admin::check_password(&first) {
            tell(&format!("This {}", error.problem));
            continue;
        }
        tell("Once more:");
        if unseen(line)? == first {
            return Ok(first);
        }
        tell("These are two different ones");
    }
}

/// The first line of a file.
pub(super) fn first_line_of(file: &Path) -> Result<String, Failure> {
    let failed = |error| Failure(format!("{}: cannot be read: {error}", file.display()));
    let mut text = String::new();
    File::open(file).map_err(failed)?.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn line() -> Result<String, Failure> {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    match read.map_err(|error| Failure(format!("the answer cannot be read: {error}")))? {
        0 => Err(Failure("no answer: nothing was done".to_owned())),
        _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

/// The terminal as it was, when this goes.
struct Shown(Termios);

impl Drop for Shown {
    fn drop(&mut self) {
        // Nobody to tell; the shell sets it right as well.
        let _ = tcsetattr(std::io::stdin().as_fd(), OptionalActions::Drain, &self.0);
    }
}

/// While it is typed, nothing is shown of it.
fn unseen<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let failed = |error| Failure(format!("the terminal cannot be told to hide a password: {error}"));
    let stdin = std::io::stdin();
    let before = tcgetattr(stdin.as_fd()).map_err(failed)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    let _shown = Shown(before);
    tcsetattr(stdin.as_fd(), OptionalActions::Drain, &hidden).map_err(failed)?;
    work()
}
