//! Running `nft` for the base ruleset, through the `nftables` crate.

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nftables::helper::{self, NftablesError};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::error::GateError;
use super::policy::Policy;
use super::ruleset;
use crate::faults::attempt;

/// A load takes milliseconds; on a slow router with a large ruleset beside ours, seconds.
const NFT_TIMEOUT: Duration = Duration::from_secs(30);
/// Labels that are remembered; a listener hears of a load long before so many others happened.
const REMEMBERED: usize = 64;

/// The labels of our own loads, so that a listener for table changes knows them.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnLoads(Arc<Mutex<VecDeque<String>>>);

impl OwnLoads {
    fn remember(&self, label: &str) {
        let mut labels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        labels.push_back(label.to_owned());
        if labels.len() > REMEMBERED {
            labels.pop_front();
        }
    }

    /// Whether these bytes (a rule's user data) hold one of the labels.
    pub(super) fn contains(&self, bytes: &[u8]) -> bool {
        let labels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        labels.iter().any(|label| bytes.windows(label.len()).any(|window| window == label.as_bytes()))
    }
}

pub(super) async fn load(policy: &Policy, own_loads: &OwnLoads, anew: bool) -> Result<(), GateError> {
    let mistakes = policy.mistakes();
    if !mistakes.is_empty() {
        return Err(GateError::Policy(mistakes));
    }
    let label = label()?;
    own_loads.remember(&label);
    run(&ruleset::compile(policy, &label, anew)).await
}

pub(super) async fn remove() -> Result<(), GateError> {
    run(&ruleset::removal()).await
}

async fn run(document: &Value) -> Result<(), GateError> {
    attempt("gate.load").map_err(GateError::socket("run nft"))?;
    let text = document.to_string();
    let applied = helper::apply_ruleset_raw_async(&text, helper::DEFAULT_NFT, helper::DEFAULT_ARGS);
    match tokio::time::timeout(NFT_TIMEOUT, applied).await {
        Ok(Ok(_)) => attempt("gate.loaded").map_err(GateError::socket("hear from nft")),
        Ok(Err(NftablesError::NftExecution { inner, .. })) => Err(GateError::NftMissing(inner.to_string())),
        Ok(Err(NftablesError::NftFailed { .. })) => {
            let reason = tokio::time::timeout(NFT_TIMEOUT, reason(&text)).await;
            Err(refusal(reason.ok().and_then(Result::ok).unwrap_or_default()))
        }
        Ok(Err(NftablesError::NftOutputEncoding { .. } | NftablesError::NftInvalidJson(_))) => {
            Err(GateError::NftRefused("its answer cannot be read".to_owned()))
        }
        Err(_) => Err(GateError::NftRefused("it did not answer in time".to_owned())),
    }
}

/// Why nft refuses the document. The crate does not catch what nft writes to its standard error, so it is asked once more,
/// only to check.
async fn reason(document: &str) -> std::io::Result<String> {
    let mut nft = Command::new("nft")
        .args(["-c", "-j", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = nft.stdin.take() {
        stdin.write_all(document.as_bytes()).await?;
    }
    Ok(String::from_utf8_lossy(&nft.wait_with_output().await?.stderr).into_owned())
}

fn refusal(reason: String) -> GateError {
    // The first is the kernel's word (EEXIST), the second nft's own.
    if reason.contains("File exists") || reason.contains("datatype mismatch") {
        return GateError::Incompatible;
    }
    let words: Vec<&str> = reason.split_whitespace().collect();
    GateError::NftRefused(if words.is_empty() { "it gave no reason".to_owned() } else { words.join(" ") })
}

/// A word that nobody else uses.
fn label() -> Result<String, GateError> {
    let number = getrandom::u64().map_err(|error| GateError::Socket {
        what: "ask for a random number",
        source: std::io::Error::other(error),
    })?;
    Ok(format!("turnpike load {number:016x}"))
}
