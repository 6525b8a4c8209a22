use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};

use super::ApiState;
use crate::domain::{Actor, Once, Proviso, Refusal, Tag};
use crate::http::Problem;
use crate::runtime::Handle;
use crate::store::PlanProviso;

/// What a request makes its change depend on: `If-Match`, and the `Idempotency-Key` that [`super::once`] has read.
///
/// Both are decided where the change is made and in the same instant, never looked up before it.
#[derive(Debug)]
pub(super) struct Under {
    once: Option<Once>,
    /// `None` if any will do.
    expected: Option<Vec<Tag>>,
}

impl Under {
    /// The sessions manager, for one change of the thing that the path names; the audit log says by whom.
    pub(super) fn handle(self, state: &ApiState, by: Actor) -> Handle {
        state.handle.under(Proviso { once: self.once, expected: self.expected, by: Some(by) })
    }

    /// The sessions manager, for one change of something that has no tag.
    pub(super) fn untagged_handle(self, state: &ApiState, by: Actor) -> Result<Handle, Problem> {
        let once = self.untagged()?;
        Ok(state.handle.under(Proviso { once, expected: None, by: Some(by) }))
    }

    /// For a change of a plan.
    pub(super) fn of_plan(self) -> PlanProviso {
        PlanProviso { once: self.once, expected: self.expected }
    }

    /// For things without tags: none can match. `*` does.
    pub(super) fn untagged(self) -> Result<Option<Once>, Problem> {
        if self.expected.is_some() { Err(Refusal::Changed.into()) } else { Ok(self.once) }
    }
}

impl FromRequestParts<ApiState> for Under {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &ApiState) -> Result<Self, Problem> {
        Ok(Self { once: parts.extensions.get::<Once>().cloned(), expected: expected(&parts.headers)? })
    }
}

/// A tag as `ETag` shows it: RFC 9110, 8.8.3.
pub(super) fn shown(tag: Tag) -> String {
    format!("\"{tag}\"")
}

/// Reads `If-Match`: `*`, or tags between commas (RFC 9110, 13.1.1). Weak tags and those of others never match.
fn expected(headers: &HeaderMap) -> Result<Option<Vec<Tag>>, Problem> {
    let lines: Vec<&HeaderValue> = headers.get_all(header::IF_MATCH).iter().collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let wrong = || Problem::malformed("If-Match: must be * or entity tags between commas");
    let mut tags = Vec::new();
    for line in lines {
        let line = line.to_str().map_err(|_| wrong())?.trim();
        if line == "*" {
            return Ok(None);
        }
        let mut rest = line;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
            let (tag, after) =
                quoted.strip_prefix('"').and_then(|opened| opened.split_once('"')).ok_or_else(wrong)?;
            if tag.contains([' ', '\t']) || !(after.is_empty() || after.starts_with([' ', '\t', ','])) {
                return Err(wrong());
            }
            tags.extend(Tag::parse(tag).filter(|_| !weak));
            rest = after;
        }
    }
    Ok(Some(tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<Option<Vec<String>>, u16> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_MATCH, HeaderValue::from_str(line).unwrap());
        }
        let tags = expected(&headers).map_err(|problem| problem.status().as_u16())?;
        Ok(tags.map(|tags| tags.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn if_match_is_read_as_rfc_9110_writes_it() {
        let (a, b) = ("0".repeat(32), "f".repeat(32));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[" * "]), Ok(None));
        assert_eq!(read(&[&format!("\"{a}\" ,, \"{b}\"")]), Ok(Some(vec![a.clone(), b.clone()])));
        assert_eq!(read(&[&format!("\"{a}\""), &format!("\"{b}\"")]), Ok(Some(vec![a.clone(), b])));
        // Of others, weak, or none at all: nothing can match.
        for line in ["", "\"\"", "\"a,b\"", "\"xyzzy\", \"c\"", &format!("W/\"{a}\"")] {
            assert_eq!(read(&[line]), Ok(Some(Vec::new())), "{line}");
        }
        for line in ["abc", "\"", "\"a", "\"a\"b", "\"a\" b", "*, \"a\"", "W/a", "\"a b\"", &a] {
            assert_eq!(read(&[line]), Err(400), "{line}");
        }
    }
}
