use std::io::{Error, ErrorKind};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// dnsmasq reads its files in milliseconds; a service manager may take its time to start it anew.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most that is told of what a program says, in characters.
const MOST_TOLD: usize = 300;

/// Runs a program to its end. It is left to itself if that takes too long: what starts another one anew must not be broken off.
pub(super) async fn run(program: &str, arguments: &[&str]) -> std::io::Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(output) => output,
        Err(_) => Err(Error::new(ErrorKind::TimedOut, format!("no end after {} s", PATIENCE.as_secs()))),
    }
}

/// What a program said of why it failed, on one line.
pub(super) fn words(output: &Output) -> String {
    let said = [&output.stderr, &output.stdout].into_iter().find(|said| !said.trim_ascii().is_empty());
    let text = said.map(|said| String::from_utf8_lossy(said).into_owned()).unwrap_or_default();
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told: String = line.chars().filter(|letter| !letter.is_control()).take(MOST_TOLD).collect();
    if told.is_empty() { format!("it said nothing, and ended with {}", output.status) } else { told }
}
