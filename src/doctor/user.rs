use super::Place;
use super::checks::store::User;

const UNITS: [&str; 3] = [
    "/etc/systemd/system/turnpike.service",
    "/usr/lib/systemd/system/turnpike.service",
    "/lib/systemd/system/turnpike.service",
];

/// Who the daemon runs as: the running one's user, else the service's, else root.
pub fn service_user(place: &Place, running: Option<u32>) -> User {
    let passwd = place.read("/etc/passwd").unwrap_or_default();
    let entries = || passwd.lines().filter_map(Entry::read);
    let entry = match running {
        Some(id) => entries().find(|entry| entry.id == id),
        None => unit_user(place).and_then(|name| {
            entries().find(|entry| entry.name == name || name.parse().is_ok_and(|id: u32| id == entry.id))
        }),
    };
    let id = running.or(entry.as_ref().map(|entry| entry.id)).unwrap_or(0);
    let name = entry.as_ref().map_or_else(
        || if id == 0 { "root".to_owned() } else { format!("the user {id}") },
        |entry| entry.name.to_owned(),
    );
    let mut groups: Vec<u32> = entry.iter().map(|entry| entry.group).collect();
    groups.extend(
        place.read("/etc/group").unwrap_or_default().lines().filter_map(|line| group_with(line, &name)),
    );
    User { name, id, groups }
}

/// `User=` of the unit; the first file that is there counts.
fn unit_user(place: &Place) -> Option<String> {
    let unit = UNITS.iter().find_map(|path| place.read(path).ok())?;
    unit.lines().find_map(|line| line.trim().strip_prefix("User=")).map(|name| name.trim().to_owned())
}

/// A line of `passwd(5)`.
struct Entry<'a> {
    name: &'a str,
    id: u32,
    group: u32,
}

impl<'a> Entry<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.split(':');
        let (name, id, group) = (fields.next()?, fields.nth(1)?, fields.next()?);
        Some(Self { name, id: id.parse().ok()?, group: group.parse().ok()? })
    }
}

/// The number of a group (`group(5)`) if the user is in it.
fn group_with(line: &str, user: &str) -> Option<u32> {
    let mut fields = line.split(':');
    let (id, members) = (fields.nth(2)?, fields.next()?);
    members.split(',').any(|member| member == user).then(|| id.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::place::with_files;

    #[test]
    fn the_user_is_the_running_ones_then_the_units_then_root() {
        let passwd = ("/etc/passwd", "root:x:0:0::/root:/bin/sh\nodd\nturnpike:x:990:980::/:/bin/false\n");
        let group = ("/etc/group", "turnpike:x:980:\ndialout:x:20:me,turnpike\n");
        let unit = ("/usr/lib/systemd/system/turnpike.service", "[Service]\nUser=turnpike\n");
        let of = |files: &[(&str, &str)], running| service_user(&with_files(files).1, running);
        let ours = User { name: "turnpike".to_owned(), id: 990, groups: vec![980, 20] };
        assert_eq!(of(&[passwd, group, unit], None), ours);
        assert_eq!(of(&[passwd, group], Some(990)), ours);
        assert_eq!(of(&[passwd, group], None), User { name: "root".to_owned(), id: 0, groups: vec![] });
        assert_eq!(of(&[], Some(5)), User { name: "the user 5".to_owned(), id: 5, groups: vec![] });
    }
}
