use std::path::Path;

use crate::doctor::gather::{Disk, Known};
use crate::doctor::system::System;
use crate::doctor::{Code, Finding};

/// Less is a problem, or a warning.
const PROBLEM_BYTES: u64 = 10_000_000;
const WARNING_BYTES: u64 = 50_000_000;

/// Who the daemon runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub id: u32,
    pub groups: Vec<u32>,
}

/// The place of the database, and the database itself.
pub fn judge(database: &Path, disk: &Known<Disk>, user: &User, system: System) -> Vec<Finding> {
    let disk = match disk {
        Ok(disk) => disk,
        Err(error) => {
            let codes = [Code::STORE_PLACE, Code::STORE_VOLATILE, Code::STORE_SPACE, Code::STORE_DATABASE];
            return codes.map(|code| Finding::unchecked(code, error)).into();
        }
    };
    vec![
        place(database, disk, user, system),
        volatile(database, disk, system),
        space(database, disk),
        state(database, disk),
    ]
}

fn place(database: &Path, disk: &Disk, user: &User, system: System) -> Finding {
    let code = Code::STORE_PLACE;
    let directory = database.parent().unwrap_or(Path::new("/")).display();
    let found = disk.directory.display();
    if disk.is_read_only {
        return Finding::problem(code, format!("{found} is on a file system that cannot be written to"))
            .because("the daemon does not start")
            .fix([format!("mount -o remount,rw {found}"), "or another path in [store]".to_owned()]);
    }
    if !may_write(user, disk.owner) {
        let own = format!("install -d -m 0700 -o {} {directory}", user.name);
        return Finding::problem(code, format!("{} may not write in {found}", user.name))
            .because("the daemon does not start")
            .fix([
                own,
                format!("chown -R {} {directory}", user.name),
                system.service("restart", "turnpike"),
            ]);
    }
    if disk.is_there {
        Finding::ok(code, format!("{} may write in {directory}", user.name))
    } else {
        Finding::ok(code, format!("{directory} is made when the daemon starts"))
    }
}

/// Whether the mode lets the user write and enter.
fn may_write(user: &User, (owner, group, mode): (u32, u32, u32)) -> bool {
    let bits = if user.id == owner {
        mode >> 6
    } else if user.groups.contains(&group) {
        mode >> 3
    } else {
        mode
    };
    user.id == 0 || bits & 0o3 == 0o3
}

fn volatile(database: &Path, disk: &Disk, system: System) -> Finding {
    let code = Code::STORE_VOLATILE;
    match disk.in_memory {
        None => Finding::ok(code, format!("{} outlives a restart", database.display())),
        Some(kind) => Finding::problem(code, format!("{} lies on {kind}, in memory", database.display()))
            .because("sessions, vouchers and the till are lost when the box restarts")
            .fix(match system {
                System::Debian => vec!["path = \"/var/lib/turnpike/turnpike.db\" in [store]".to_owned()],
                System::OpenWrt(_) => vec![
                    "path = \"/etc/turnpike/turnpike.db\" in [store]: /var is in memory on OpenWrt"
                        .to_owned(),
                    "or a path on a USB stick that is mounted at start".to_owned(),
                ],
            }),
    }
}

fn space(database: &Path, disk: &Disk) -> Finding {
    let code = Code::STORE_SPACE;
    let text = format!("{} MB are free for {}", disk.free_bytes / 1_000_000, database.display());
    let fix = ["make room: df -h; journalctl --vacuum-size=50M", "or another path in [store]"];
    if disk.free_bytes < PROBLEM_BYTES {
        Finding::problem(code, text).because("what is sold and used cannot be written down soon").fix(fix)
    } else if disk.free_bytes < WARNING_BYTES {
        Finding::warning(code, text).because("the database grows with each session").fix(fix)
    } else {
        Finding::ok(code, text)
    }
}

fn state(database: &Path, disk: &Disk) -> Finding {
    let code = Code::STORE_DATABASE;
    let shown = database.display();
    match &disk.database {
        None => Finding::ok(code, format!("there is no {shown} yet: it is made when the daemon starts")),
        Some(Err(error)) => Finding::unchecked(code, error),
        Some(Ok(look)) => {
            let damage = match look {
                Ok(look) => look.damage.as_ref(),
                Err(damage) => Some(damage),
            };
            if let Some(damage) = damage {
                return Finding::problem(code, format!("{shown} is damaged: {damage}"))
                    .because("what it holds may be wrong, and the daemon does not start with it")
                    .fix([
                        "turnpike restore FILE --yes    # the newest back-up",
                        "look at the disk it lies on: dmesg",
                    ]);
            }
            match look {
                Ok(look) if look.version > look.known_version => {
                    let text = format!(
                        "a newer turnpike has used {shown} (its tables are at {}, this one knows {})",
                        look.version, look.known_version
                    );
                    Finding::problem(code, text)
                        .because("this one does not start with it")
                        .fix(["update turnpike"])
                }
                Ok(_) | Err(_) => Finding::ok(code, format!("{shown} is whole")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity::{self, Ok as Well, Problem, Warning};
    use crate::store::DatabaseLook;

    const LOOK: DatabaseLook =
        DatabaseLook { version: 16, known_version: 16, damage: None, newest_wall: None };

    fn disk() -> Disk {
        Disk {
            directory: "/var/lib/turnpike".into(),
            is_there: true,
            owner: (0, 0, 0o40700),
            is_read_only: false,
            in_memory: None,
            free_bytes: WARNING_BYTES,
            database: Some(Ok(Ok(LOOK))),
        }
    }

    fn of(disk: Disk, user: u32) -> [Severity; 4] {
        let user = User { name: "turnpike".to_owned(), id: user, groups: vec![77] };
        let found = judge(Path::new("/var/lib/turnpike/turnpike.db"), &Ok(disk), &user, System::Debian);
        <[_; 4]>::try_from(found.iter().map(|finding| finding.severity).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn place_room_and_state_are_judged_apart() {
        assert_eq!(of(disk(), 0), [Well; 4]);
        assert_eq!(of(Disk { is_read_only: true, ..disk() }, 0)[0], Problem);
        assert_eq!(of(Disk { in_memory: Some("tmpfs"), ..disk() }, 0)[1], Problem);
        assert_eq!(of(Disk { free_bytes: WARNING_BYTES - 1, ..disk() }, 0)[2], Warning);
        assert_eq!(of(Disk { free_bytes: PROBLEM_BYTES - 1, ..disk() }, 0)[2], Problem);
        let database = |look| Disk { database: look, ..disk() };
        assert_eq!(of(database(None), 0)[3], Well);
        assert_eq!(of(database(Some(Err("denied".to_owned()))), 0)[3], Warning);
        assert_eq!(of(database(Some(Ok(Err("no database".to_owned())))), 0)[3], Problem);
        let damaged = DatabaseLook { damage: Some("page 3".to_owned()), ..LOOK };
        assert_eq!(of(database(Some(Ok(Ok(damaged)))), 0)[3], Problem);
        assert_eq!(of(database(Some(Ok(Ok(DatabaseLook { version: 17, ..LOOK })))), 0)[3], Problem);
    }

    #[test]
    fn who_may_write_is_read_from_the_mode() {
        for (owner, user, wanted) in [
            ((0, 0, 0o700), 0, Well),
            ((0, 0, 0o700), 9, Problem),
            ((9, 0, 0o700), 9, Well),
            ((9, 0, 0o500), 9, Problem),
            ((0, 77, 0o770), 9, Well),
            ((0, 77, 0o750), 9, Problem),
            ((0, 0, 0o777), 9, Well),
        ] {
            assert_eq!(of(Disk { owner, ..disk() }, user)[0], wanted, "{owner:?} {user}");
        }
    }
}
