//! Users of this machine, read from `/etc/passwd` (passwd(5)): no C library is asked, whose answer would depend on how it
//! was built.

/// Where they are listed.
pub(super) const PASSWD: &str = "/etc/passwd";

/// The numbers of a user and of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The user of that name in the text of a passwd file.
pub(super) fn find(text: &str, name: &str) -> Option<User> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let (uid, gid) = (fields.nth(1)?, fields.next()?);
        Some(User { uid: uid.parse().ok()?, gid: gid.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        let text = "root:x:0:0:root:/root:/bin/ash\ncoins:*:700:701::/:\nbroken:x\ncoin:x:abc:1::/:";
        assert_eq!(find(text, "coins"), Some(User { uid: 700, gid: 701 }));
        assert_eq!(find(text, "root"), Some(User { uid: 0, gid: 0 }));
        for name in ["coin", "broken", "", "x", "nobody"] {
            assert_eq!(find(text, name), None, "{name}");
        }
    }
}
