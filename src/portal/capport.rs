//! The captive-portal API, RFC 8908.

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::ClientSession;

use super::own::OwnAddress;
use super::reckoning::Reckoning;

/// The media type of RFC 8908.
pub const MEDIA_TYPE: &str = "application/captive+json";

/// What RFC 8908 tells a device. Limits only when it is not captive and has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    captive: bool,
    user_portal_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    venue_info_url: Option<String>,
    can_extend_session: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_remaining: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_remaining: Option<u64>,
}

impl Answer {
    /// For a device that is not let through, as one that is blocked or unknown.
    ///
    /// `sells`: whether the portal offers it more than it has, which is what `can-extend-session` is about.
    pub fn captive(sells: bool, own: &OwnAddress) -> Self {
        Self {
            captive: true,
            user_portal_url: own.best_url(),
            venue_info_url: None,
            can_extend_session: sells,
            seconds_remaining: None,
            bytes_remaining: None,
        }
    }

    /// For a device by its usable sessions, the running one first.
    pub fn of(usable: &[ClientSession], by: Reckoning<'_>, sells: bool, own: &OwnAddress) -> Self {
        let captive = Self::captive(sells, own);
        if !usable.first().is_some_and(ClientSession::is_running) {
            return captive;
        }
        let (millis, bytes) = by.until_captive(usable);
        let seconds_remaining = millis.map(|millis| millis / 1000);
        Self { captive: false, seconds_remaining, bytes_remaining: bytes, ..captive }
    }

    /// The same where it is captive again after so many milliseconds, whatever is left.
    #[must_use]
    pub fn within(mut self, millis: Option<u64>) -> Self {
        if !self.captive {
            let closes = millis.map(|millis| millis / 1000);
            self.seconds_remaining = self.seconds_remaining.into_iter().chain(closes).min();
        }
        self
    }

    /// The same with a page about the place.
    #[must_use]
    pub fn at(mut self, venue: Option<&str>) -> Self {
        self.venue_info_url = venue.map(str::to_owned);
        self
    }

    /// As an HTTP answer.
    pub fn respond(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, MEDIA_TYPE),
            (header::CACHE_CONTROL, "private"),
            (header::VARY, "Accept"),
        ];
        match serde_json::to_string(self) {
            Ok(json) => (headers, json).into_response(),
            Err(error) => {
                tracing::error!(%error, "the captive-portal answer could not be written");
                axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// How much the asker wants something: of what it says, what is most exact about it holds (RFC 9110, 12.5.1).
#[derive(Debug, Clone, Copy, Default)]
struct Wish {
    exactness: u8,
    weight: f32,
}

impl Wish {
    fn hear(&mut self, exactness: u8, weight: f32) {
        if exactness > self.exactness {
            *self = Self { exactness, weight };
        } else if exactness == self.exactness {
            self.weight = self.weight.max(weight);
        }
    }

    fn is_wanted(self) -> bool {
        self.weight > 0.0
    }
}

/// Whether the asker wants the API's answer and not the page: it names the media type, or leaves everything open. A
/// browser takes `*/*` too, but says `text/html`.
pub fn wants_api(headers: &HeaderMap) -> bool {
    const EXACT: u8 = 3;
    let (mut api, mut page, mut says_nothing) = (Wish::default(), Wish::default(), true);
    let lines = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    for range in lines.flat_map(|line| line.split(',')).map(str::trim).filter(|range| !range.is_empty()) {
        says_nothing = false;
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(weight).unwrap_or(1.0);
        match name.as_str() {
            MEDIA_TYPE => api.hear(EXACT, weight),
            "application/*" => api.hear(2, weight),
            "*/*" => api.hear(1, weight),
            "text/html" | "application/xhtml+xml" => page.hear(EXACT, weight),
            "text/*" => page.hear(2, weight),
            _ => {}
        }
    }
    says_nothing || api.is_wanted() && (api.exactness == EXACT || !page.is_wanted())
}

/// `q=0.5`; what is no number is none.
fn weight(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    name.eq_ignore_ascii_case("q").then(|| value.parse().unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use crate::domain::{
        AtEnd, BootId, BootTime, Checkpoint, ClientDevice, ClientKey, ClientRates, DeviceId, GatewayFacts,
        Now, Policies, ProviderName, RolePolicy, SessionId, SessionKind, SessionState, SessionTerms, SlowEnd,
        WallTime, ZoneName,
    };
    use crate::http::Endpoints;

    use super::*;

    fn wants(accept: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, value.parse().unwrap());
        }
        wants_api(&headers)
    }

    #[test]
    fn devices_get_json_and_browsers_the_page() {
        assert!(wants(&[]));
        assert!(wants(&["*/*"]));
        assert!(wants(&["Application/Captive+JSON"]));
        assert!(wants(&["text/html", "application/captive+json;q=0.5"]));
        assert!(!wants(&["application/captive+json;q=0, */*"]));
        assert!(!wants(&["text/html,application/xhtml+xml,*/*;q=0.8"]));
        assert!(!wants(&["application/json"]));
    }

    #[test]
    fn what_is_most_exact_holds() {
        assert!(wants(&["*/*;q=0.1"]));
        assert!(wants(&["application/captive+json; q=0.001"]));
        assert!(wants(&["application/*;q=0, application/captive+json"]));
        assert!(wants(&["text/html;q=0, */*"]));
        assert!(wants(&["", " , "]), "says nothing");
        assert!(!wants(&["application/*;q=0, */*"]));
        assert!(!wants(&["application/captive+json;Q=0.000"]));
        assert!(!wants(&["text/*, */*;q=0.1"]));
        assert!(!wants(&["*/*;q=0"]));
        assert!(!wants(&["*/*;q=nan"]));
        assert!(!wants(&["application/captive+jsonx", "application/captive"]));
    }

    const NOW: Now = Now { boot: BootTime(1_000_000), wall: WallTime(1_800_000_000_000) };

    fn session(time_secs: Option<u64>, data_mb: Option<f64>) -> ClientSession {
        let kind = match (time_secs, data_mb) {
            (Some(_), Some(_)) => SessionKind::TimeOrData,
            (Some(_), None) => SessionKind::Time,
            (None, _) => SessionKind::Data,
        };
        let terms = SessionTerms::new(kind, time_secs, data_mb, None, 0.0, 0.0, false).unwrap();
        let (id, device) = (SessionId::new(Uuid::from_u128(2)), DeviceId::new(Uuid::from_u128(1)));
        ClientSession::new(id, device, ProviderName::new("voucher"), terms, NOW.wall)
    }

    /// It runs, and its books were read half a second ago.
    fn running(mut session: ClientSession) -> ClientSession {
        session.state = SessionState::Running(Checkpoint {
            boot_id: BootId::new("b"),
            at: BootTime(NOW.boot.0 - 500),
            key: ClientKey::new(1).unwrap(),
            sent_bytes: 0,
            received_bytes: 0,
        });
        session
    }

    fn own() -> OwnAddress {
        let ends = Endpoints::new("[fd00::7]:40000".parse().unwrap(), "[fd00::1]:2050".parse().unwrap());
        OwnAddress::new(&ends)
    }

    fn json_at(usable: &[ClientSession], sells: bool, wall: Option<WallTime>) -> serde_json::Value {
        let mac = "02:00:00:00:00:01".parse().unwrap();
        let device = ClientDevice::new(DeviceId::new(Uuid::from_u128(1)), mac, NOW.wall);
        let unmetered = RolePolicy { unmetered: true, ..RolePolicy::default() };
        let policies = Policies {
            zones: std::collections::BTreeMap::new(),
            first_zone: ZoneName::new("guests"),
            roles: [("staff".to_owned(), unmetered)].into(),
            gateway: GatewayFacts::default(),
        };
        let by = Reckoning { device: &device, policies: &policies, boot: NOW.boot, wall };
        serde_json::to_value(Answer::of(usable, by, sells, &own())).unwrap()
    }

    fn json(usable: &[ClientSession], sells: bool) -> serde_json::Value {
        json_at(usable, sells, Some(NOW.wall))
    }

    #[test]
    fn a_captive_device_is_told_no_remainders() {
        let captive = serde_json::json!({
            "captive": true, "user-portal-url": "http://[fd00::1]:2050/", "can-extend-session": true
        });
        assert_eq!(json(&[], true), captive);
        assert_eq!(json(&[session(Some(60), Some(5.0))], true), captive, "what does not run yet");
        assert_eq!(json(&[], false)["can-extend-session"], false);
        let with_venue = Answer::captive(true, &own()).at(Some("https://cafe.example/"));
        assert_eq!(serde_json::to_value(with_venue).unwrap()["venue-info-url"], "https://cafe.example/");
    }

    #[test]
    fn it_is_told_when_it_is_captive_again() {
        let first = running(session(Some(60), None));
        let answer = json(std::slice::from_ref(&first), false);
        assert_eq!((&answer["captive"], &answer["seconds-remaining"]), (&false.into(), &59.into()));
        assert_eq!(answer.get("bytes-remaining"), None);
        // One follows the other by itself.
        let answer = json(&[first.clone(), session(Some(100), None)], false);
        assert_eq!(answer["seconds-remaining"], 159);
        let answer = json(&[first, session(None, Some(5.0))], false);
        assert_eq!((answer.get("seconds-remaining"), answer.get("bytes-remaining")), (None, None));
        let both = running(session(Some(60), Some(1.5)));
        let answer = json(&[both, session(Some(40), Some(0.000_001))], false);
        assert_eq!(
            (&answer["seconds-remaining"], &answer["bytes-remaining"]),
            (&99.into(), &1_500_001.into())
        );
        // Its days may be over before its time is.
        let mut few = running(session(Some(3600), None));
        few.expires_at = Some(NOW.wall.plus_millis(10_500));
        assert_eq!(json(&[few.clone()], false)["seconds-remaining"], 10);
        assert_eq!(
            json_at(&[few.clone()], false, None)["seconds-remaining"],
            3599,
            "a clock that nobody believes"
        );
        few.terms.time_limit_ms = None;
        assert_eq!(json(&[few.clone()], false)["seconds-remaining"], 10);
        assert_eq!(json_at(&[few], false, None).get("seconds-remaining"), None);
        // Days that begin with the first connect.
        let mut later = session(Some(10_000_000), None);
        later.terms.exp_days = Some(1);
        let answer = json(&[running(session(Some(60), None)), later], false);
        assert_eq!(answer["seconds-remaining"], 86_459);
    }

    #[test]
    fn what_is_not_charged_has_no_end_to_be_told() {
        let mut session = running(session(Some(60), Some(1.5)));
        session.roles.insert("staff".to_owned());
        let answer = json(&[session.clone()], false);
        assert_eq!((answer.get("seconds-remaining"), answer.get("bytes-remaining")), (None, None));
        session.expires_at = Some(NOW.wall.plus_millis(10_500));
        let answer = json(&[session], false);
        assert_eq!(
            (&answer["seconds-remaining"], answer.get("bytes-remaining")),
            (&10.into(), None),
            "but by days"
        );
    }

    #[test]
    fn what_goes_on_slowly_keeps_it_online() {
        let rates = ClientRates { down: crate::domain::Mbps::from_mbps(1.0).unwrap(), up: None };
        let mut first = running(session(Some(60), Some(1.5)));
        first.at_end = AtEnd::Slow(SlowEnd { rates, lasts_ms: 1_000_000 });
        let answer = json(&[first.clone()], false);
        assert_eq!((&answer["seconds-remaining"], answer.get("bytes-remaining")), (&1_059.into(), None));
        let answer = json(&[first.clone(), session(Some(40), Some(1.0))], false);
        assert_eq!((&answer["seconds-remaining"], answer.get("bytes-remaining")), (&1_099.into(), None));
        first.expires_at = Some(NOW.wall.plus_millis(100_500));
        assert_eq!(json(&[first.clone()], false)["seconds-remaining"], 100, "with the same days");
        assert_eq!(
            json(&[first, session(Some(400), None)], false)["seconds-remaining"],
            459,
            "which are over by then"
        );
    }
}
