//! `turnpike events`: follows what happens to sessions.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::args::Connection;
use super::output::{Failure, complain, offer};
use super::request::query;
use super::stream::{Block, Broke, follow};
use super::table::plain;

/// How long to wait before turnpike is asked again after it went away.
const AGAIN: Duration = Duration::from_secs(1);

/// Follow what happens to sessions
#[derive(Debug, Args)]
pub struct Events {
    /// Only those that this filter selects, as in '$Zone is "guests" and $DataLeft lt "10"'
    #[arg(long, value_name = "E")]
    filter: Option<String>,
    /// Which properties to show, between commas: names, ALL_FIXED_PROPERTIES, ALL_USER_PROPERTIES; all if not given
    #[arg(long, value_name = "NAMES")]
    properties: Option<String>,
    /// Only sessions that started at this time or later, as in 2026-06-01T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Begin behind the event with this id instead of with the sessions that there are
    #[arg(long, value_name = "ID")]
    last_event_id: Option<u32>,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl Events {
    fn path(&self, last: Option<i64>) -> String {
        let parameters = [
            ("filter", self.filter.clone()),
            ("properties", self.properties.clone()),
            ("since", self.since.clone()),
            ("last_event_id", last.map(|last| last.to_string())),
        ];
        query("/api/v1/events", parameters)
    }

    /// Follows until it is interrupted, or until nobody reads the output.
    pub(super) async fn run(&self) -> Result<(), Failure> {
        let mut last = self.last_event_id.map(i64::from);
        let (mut reached, mut said) = (false, false);
        loop {
            let mut first = None;
            let broke = follow(&self.connection, &self.path(last), |block| {
                first.get_or_insert(());
                last = block.id.or(last);
                self.show(&block)
            })
            .await;
            if first.is_some() {
                (reached, said) = (true, false);
            }
            match broke {
                Ok(()) => return Ok(()),
                Err(Broke::Refused(failure)) => return Err(failure),
                Err(Broke::Gone(failure)) if !reached => return Err(failure),
                Err(Broke::Gone(_)) if said => {}
                Err(Broke::Gone(failure)) => {
                    complain(&Failure(format!("{failure}; waiting until it is back")));
                    said = true;
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Prints an event; `false` if nobody reads it.
    fn show(&self, block: &Block) -> Result<bool, Failure> {
        let Ok(mut data) = serde_json::from_str::<Value>(&block.data) else { return Ok(true) };
        let reason = plain(data.get("reason"));
        match block.kind.as_str() {
            "ready" => return Ok(true),
            "resync" => {
                complain(&Failure(format!("{reason}: these are the sessions that there are now")));
                return Ok(true);
            }
            "dropped" => {
                complain(&Failure(format!("turnpike closed the connection: {reason}")));
                return Ok(true);
            }
            _ => {}
        }
        if !self.connection.json {
            return offer(&line(&data));
        }
        if let (Some(fields), Some(id)) = (data.as_object_mut(), block.id) {
            fields.insert("id".to_owned(), id.into());
        }
        offer(&format!("{data}\n"))
    }
}

/// An event on one line: when, what, the session, its device, why and what changed.
fn line(data: &Value) -> String {
    let field = |name: &str| plain(data.get(name));
    let time: String = field("at").replace('T', " ").chars().take(19).collect();
    let device = data.pointer("/properties/$Mac").map_or_else(|| field("device"), |mac| plain(Some(mac)));
    let mut text = format!("{time}  {:<12}  {}  {device}", field("type"), field("session"));
    if data.get("reason").is_some_and(Value::is_string) {
        text.push_str(&format!("  {}", field("reason")));
    }
    let properties = data.get("properties");
    let changed = data.get("previous").and_then(Value::as_object).into_iter().flatten().map(|(key, old)| {
        let new = properties.and_then(|properties| properties.get(key));
        format!("{}: {} → {}", plain(Some(&Value::from(key.as_str()))), plain(Some(old)), plain(new))
    });
    let changed: Vec<String> = changed.collect();
    if !changed.is_empty() {
        text.push_str(&format!("  {}", changed.join(", ")));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let event = json!({
            "type": "update", "session": "s", "device": "d", "at": "2026-06-01T12:00:00.250Z", "reason": null,
            "properties": {"desk": "2\n\u{1b}[31m", "$State": "running"}, "previous": {"desk": "1", "floor": null},
        });
        assert_eq!(
            line(&event),
            "2026-06-01 12:00:00  update        s  d  desk: 1 → 2  [31m, floor: - → -\n"
        );
        let close = json!({
            "type": "close", "session": "s", "device": "d", "at": null, "reason": "no_longer_matches",
            "properties": {"$Mac": "02:00:00:00:53:01"}, "previous": {},
        });
        assert_eq!(line(&close), "-  close         s  02:00:00:00:53:01  no_longer_matches\n");
    }
}
