use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::{Known, reason};
use crate::doctor::ruleset::Ruleset;

const NFT: &str = "nft";
/// A ruleset of thousands of rules takes seconds on a small router.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest answer that is read.
const MAX_BYTES: u64 = 16 << 20;
/// The longest complaint that is read.
const MAX_COMPLAINT_BYTES: u64 = 4 << 10;

/// What the program nft is like, and what it lists.
#[derive(Debug)]
pub struct Nft {
    /// What `nft -V` prints, or why it cannot be run.
    pub version: Known<String>,
    /// All tables but for the contents of sets.
    pub ruleset: Known<Ruleset>,
}

/// Asks nft; changes nothing.
pub async fn ask_nft() -> Nft {
    let version = run(NFT, &["-V"]).await.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let ruleset = match &version {
        // Without the contents of sets, which may be tens of thousands of clients.
        Ok(_) => run(NFT, &["-j", "-t", "list", "ruleset"]).await.and_then(|bytes| Ruleset::read(&bytes)),
        Err(error) => Err(error.clone()),
    };
    Nft { version, ruleset }
}

/// Runs a program to its end; what it wrote to its standard output.
async fn run(program: &str, arguments: &[&str]) -> Known<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| format!("{program} cannot be run: {error}");
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&error))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed(&"its output is lost"));
    };
    let work = async {
        let read = tokio::try_join!(up_to(stdout, MAX_BYTES + 1), up_to(stderr, MAX_COMPLAINT_BYTES));
        let (answer, complaint) = read.map_err(|error| failed(&error))?;
        Ok::<_, String>((child.wait().await.map_err(|error| failed(&error))?, answer, complaint))
    };
    let ended = tokio::time::timeout(PATIENCE, work).await;
    let (status, answer, complaint) =
        ended.map_err(|_| format!("{program} did not answer within {} s", PATIENCE.as_secs()))??;
    if u64::try_from(answer.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err(format!("{program} answers with more than {} MB", MAX_BYTES >> 20));
    }
    if status.success() {
        return Ok(answer);
    }
    let complaint = String::from_utf8_lossy(&complaint);
    let words: Vec<&str> = complaint.split_whitespace().take(40).collect();
    Err(format!("{program} says: {}", if words.is_empty() { reason(status) } else { words.join(" ") }))
}

/// Reads so much and closes the pipe: whoever has more to say would wait for ever otherwise.
async fn up_to(pipe: impl AsyncRead + Unpin, bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    pipe.take(bytes).read_to_end(&mut read).await?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_program_says_is_bounded_and_its_complaint_told() {
        assert_eq!(run("echo", &["yes"]).await.unwrap(), b"yes\n");
        assert!(run("no-such-program-here", &[]).await.unwrap_err().contains("cannot be run"));
        assert!(run("cat", &["/no/such/file"]).await.unwrap_err().contains("No such file"));
        assert!(run("cat", &["/dev/zero"]).await.unwrap_err().contains("16 MB"));
    }
}
