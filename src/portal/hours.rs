use crate::domain::When;
use crate::domain::sessions_mgr::ZoneOpening;

use super::state::PortalState;
use super::view::Standing;

/// What the opening hours come to for a device now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hours {
    /// Nothing that is known.
    Open,
    /// The zone closes.
    ClosesIn {
        /// In so many milliseconds.
        millis: u64,
        /// When that is, in words.
        when: When,
    },
    /// It is closed, until then.
    Closed(When),
}

impl Hours {
    /// When the zone is open again, if it keeps the device from going online.
    pub const fn closed(self, standing: &Standing) -> Option<When> {
        match (self, standing) {
            // It was let through a moment ago, and is being cut off.
            (Self::Closed(_), Standing::Online(_)) | (Self::Open | Self::ClosesIn { .. }, _) => None,
            (Self::Closed(when), _) => Some(when),
        }
    }

    /// In how many milliseconds the zone closes, if that is known.
    pub const fn closes_in_ms(self) -> Option<u64> {
        match self {
            Self::ClosesIn { millis, .. } => Some(millis),
            Self::Open | Self::Closed(_) => None,
        }
    }
}

impl PortalState {
    /// What a zone's opening hours come to now.
    pub(super) fn hours(&self, opening: Option<ZoneOpening>) -> Hours {
        let Some(opening) = opening else { return Hours::Open };
        match (opening.is_open, opening.changes_at.zip(opening.changes_in_ms)) {
            (true, Some((at, millis))) => Hours::ClosesIn { millis, when: self.handle.ahead(at) },
            (true, None) => Hours::Open,
            (false, next) => Hours::Closed(next.map_or(When::Later, |(at, _)| self.handle.ahead(at))),
        }
    }
}
