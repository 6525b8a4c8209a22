//! The walled garden by name: dnsmasq's file, and the addresses that dnsmasq finds.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::config::{Config, DnsmasqConfig};
use crate::dnsmasq::{self, Keeping};
use crate::runtime::{Handle, LinuxKernel};

/// How often the garden's addresses are looked at: what dnsmasq found since then is lost with our table.
const EVERY: Duration = Duration::from_secs(5);

/// Writes dnsmasq's file, and looks after the garden until the daemon stops.
pub(super) async fn keep_dnsmasq(config: Config, handle: Handle, kernel: Arc<LinuxKernel>) {
    let has_garden = config.zones.iter().any(|zone| !zone.garden_domains.is_empty());
    write_fragment(&config, &handle).await;
    let mut made_anew = kernel.made_anew();
    // It was made before anybody could hear of it, at the first start after a boot for one.
    if has_garden && *made_anew.borrow_and_update() > 0 {
        refill(&config);
    }
    loop {
        tokio::select! {
            changed = made_anew.changed() => {
                if changed.is_err() {
                    // The gate has gone: the daemon stops.
                    return;
                }
                if has_garden {
                    refill(&config);
                }
            }
            () = tokio::time::sleep(EVERY) => {}
        }
        if has_garden {
            kernel.tend_gardens().await;
        }
    }
}

async fn write_fragment(config: &Config, handle: &Handle) {
    let Some(fragment) = config.dnsmasq.fragment.clone() else { return };
    let program = &config.dnsmasq.program;
    let (all, file) = (config.clone(), fragment.clone());
    // By itself: whoever starts dnsmasq anew must not be left halfway when this service stops.
    let kept = tokio::spawn(async move {
        let DnsmasqConfig { program, reload, pid_files, .. } = &all.dnsmasq;
        dnsmasq::keep(&all, Keeping { fragment: &file, program, reload, pid_files }).await
    });
    let kept = match kept.await {
        Ok(kept) => kept,
        Err(error) => {
            warn!(%error, "writing dnsmasq's file broke off");
            return;
        }
    };
    let trouble = match kept {
        Ok(kept) => {
            if kept.is_new {
                info!(file = %fragment.display(), "dnsmasq's file was written, and dnsmasq made to take it");
            }
            kept.lacks_nftset.then(|| {
                format!(
                    "{program} was built without nftset, so garden_domains stay shut: install one that has it \
                     (dnsmasq-full on OpenWrt), or use garden_addresses"
                )
            })
        }
        Err(error) => Some(format!("[dnsmasq] {error}")),
    };
    if let Some(text) = &trouble {
        warn!("{text}");
    }
    handle.warn("dnsmasq", trouble);
}

/// The table was made anew: what had not been looked at is found again as soon as somebody asks for its name.
fn refill(config: &Config) {
    let refilled = dnsmasq::refill(&config.dnsmasq);
    for failure in &refilled.failed {
        warn!("dnsmasq could not be told to fill the walled garden again: {failure}");
    }
    if refilled.told > 0 {
        info!(
            told = refilled.told,
            "our table was made anew; dnsmasq forgets its cache and fills the garden again"
        );
    } else if refilled.failed.is_empty() {
        warn!(
            "our table was made anew, and no dnsmasq was found to fill the walled garden again: see [dnsmasq] pid_files"
        );
    }
}
