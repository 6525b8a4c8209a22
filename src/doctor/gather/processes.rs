use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{Known, reason};
use crate::doctor::Place;

/// A process by its short name, as in `/proc/PID/comm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub id: u32,
    pub name: String,
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (process {})", self.name, self.id)
    }
}

/// The processes of this network namespace; those of containers with a network of their own are none of ours.
pub fn processes(place: &Place) -> Known<Vec<Process>> {
    let namespace = |id: &str| fs::read_link(place.path(format!("/proc/{id}/ns/net"))).ok();
    let own = namespace("self");
    let entries = fs::read_dir(place.path("/proc")).map_err(|error| format!("/proc: {error}"))?;
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process that has ended meanwhile.
        let Ok(name) = place.read(format!("/proc/{id}/comm")) else { continue };
        let theirs = namespace(&id.to_string());
        if own.is_none() || theirs.is_none() || own == theirs {
            found.push(Process { id, name: name.trim().to_owned() });
        }
    }
    found.sort_by_key(|process| process.id);
    Ok(found)
}

/// Who holds which of these sockets, as far as it can be seen: root sees all.
pub fn holders(place: &Place, processes: &[Process], inodes: &BTreeSet<u64>) -> BTreeMap<u64, Process> {
    let mut found = BTreeMap::new();
    for process in processes {
        let Ok(files) = fs::read_dir(place.path(format!("/proc/{}/fd", process.id))) else { continue };
        for file in files.flatten() {
            let Ok(target) = fs::read_link(file.path()) else { continue };
            let inode = target
                .to_str()
                .and_then(|target| target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(inode) = inode.filter(|inode| inodes.contains(inode)) {
                found.entry(inode).or_insert_with(|| process.clone());
            }
        }
    }
    found
}

/// The effective capabilities of a process (`self`, or its number), a bit each.
pub fn capabilities(place: &Place, id: &str) -> Known<u64> {
    let status = place.read(format!("/proc/{id}/status")).map_err(reason)?;
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = line.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.ok_or_else(|| format!("/proc/{id}/status does not say it"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::doctor::place::with_files;

    #[test]
    fn processes_of_other_networks_are_left_out_and_sockets_have_holders() {
        let (dir, place) = with_files(&[
            ("/proc/self/comm", "turnpike\n"),
            ("/proc/7/comm", "opennds\n"),
            ("/proc/8/comm", "chilli\n"),
            ("/proc/cpuinfo", ""),
            ("/proc/7/status", "Name:\topennds\nCapEff:\t0000000000001000\n"),
        ]);
        for (id, namespace) in [("self", "net:[1]"), ("7", "net:[1]"), ("8", "net:[2]")] {
            std::fs::create_dir_all(dir.path().join(format!("proc/{id}/ns"))).unwrap();
            symlink(namespace, dir.path().join(format!("proc/{id}/ns/net"))).unwrap();
        }
        std::fs::create_dir_all(dir.path().join("proc/7/fd")).unwrap();
        symlink("socket:[4711]", dir.path().join("proc/7/fd/3")).unwrap();
        let found = processes(&place).unwrap();
        assert_eq!(found, [Process { id: 7, name: "opennds".to_owned() }]);
        assert_eq!(holders(&place, &found, &[4711, 1].into())[&4711], found[0]);
        assert_eq!(capabilities(&place, "7"), Ok(1 << 12));
        assert!(capabilities(&place, "8").is_err());
    }
}
