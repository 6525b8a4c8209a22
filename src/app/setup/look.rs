use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Place, caller};
use crate::config::{Config, DEFAULT_SOCKET};
use crate::net::{Net, Surveyed};
use crate::setup::{Device, DeviceKind, FOLDERS, Facts, PLACES};

/// The largest file that is read, and the most of a folder.
const MAX_BYTES: u64 = 1_000_000;
const MAX_FILES: usize = 1_000;

/// What a set-up has to know of the box. Changes nothing.
///
/// # Errors
///
/// The kernel does not say what devices there are.
pub async fn look(place: Place, config: PathBuf) -> anyhow::Result<Facts> {
    let mut facts = look_at_files(&place, &config);
    if facts.config.is_none() && fs::symlink_metadata(place.path(&config)).is_ok() {
        // What somebody wrote there must not be taken for nothing.
        fs::read_to_string(place.path(&config))
            .with_context(|| format!("{} cannot be read", config.display()))?;
    }
    let net = Net::open()?;
    let survey = net.survey().await?;
    facts.default_routes = net.default_route_devices().await?;
    let name_of = |index: Option<u32>| {
        let index = index?;
        survey.iter().find(|other| other.link.index == index).map(|other| other.link.name.clone())
    };
    let device = |surveyed: &Surveyed| Device {
        name: surveyed.link.name.clone(),
        kind: kind_of(&place, surveyed),
        up: surveyed.link.up,
        bridge: name_of(surveyed.link.master),
        on: name_of(surveyed.on),
        addresses: surveyed.addresses.clone(),
    };
    facts.devices = survey.iter().filter(|surveyed| !surveyed.is_loopback).map(device).collect();
    facts.devices.sort_by(|one, other| one.name.cmp(&other.name));
    let names: Vec<String> = facts.devices.iter().map(|device| device.name.clone()).collect();
    let neighbours = net.neighbours(&names).await?;
    let connection = caller::connection(&place);
    facts.caller = connection.and_then(|text| caller::find(&text, &facts, &neighbours));
    facts.host_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let program = std::env::current_exe().context("this program cannot be found")?;
    facts.program = program.display().to_string();
    let socket = Config::load(&place.path(&config))
        .map_or_else(|_| DEFAULT_SOCKET.into(), |config| config.control.socket);
    facts.daemon = UnixStream::connect(place.path(&socket)).is_ok().then_some(socket);
    Ok(facts)
}

/// The part of it that stands in files.
pub fn look_at_files(place: &Place, config: &Path) -> Facts {
    let mut facts = Facts { config: fs::read_to_string(place.path(config)).ok(), ..Facts::default() };
    for path in PLACES {
        note(place, &mut facts, PathBuf::from(path));
    }
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(place.path(folder)) else { continue };
        for entry in entries.flatten().take(MAX_FILES) {
            note(place, &mut facts, Path::new(folder).join(entry.file_name()));
        }
    }
    facts
}

/// What is there: the text of a file that can be read, else that it is there.
fn note(place: &Place, facts: &mut Facts, path: PathBuf) {
    let there = place.path(&path);
    // What is no file may never come to an end.
    let is_small = fs::metadata(&there).is_ok_and(|found| found.is_file() && found.len() <= MAX_BYTES);
    let text = if is_small { fs::read_to_string(&there).ok() } else { None };
    if let Some(text) = text {
        facts.files.insert(path, text);
    } else if fs::symlink_metadata(&there).is_ok() {
        // Also a link that leads nowhere: the units that systemd is to start.
        facts.exists.insert(path);
    }
}

fn kind_of(place: &Place, surveyed: &Surveyed) -> DeviceKind {
    let is_wireless = || place.path(format!("/sys/class/net/{}/phy80211", surveyed.link.name)).exists();
    match surveyed.kind.as_deref() {
        Some("bridge") => DeviceKind::Bridge,
        // In a container, one end of a pair is its card.
        None | Some("veth") if surveyed.is_ethernet => {
            if is_wireless() {
                DeviceKind::Wireless
            } else {
                DeviceKind::Card
            }
        }
        Some(_) | None => DeviceKind::Other,
    }
}
