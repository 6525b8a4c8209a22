use super::{DeviceId, Refusal, SessionId, SessionTerms, TermsError, Text, WallTime};

/// What an operator asks to be printed: checked.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBatch {
    /// What the operator calls it.
    pub name: Option<Text>,
    /// What each code grants.
    pub terms: SessionTerms,
    /// Not redeemable before.
    pub valid_from: Option<WallTime>,
    /// Not redeemable from then on.
    pub valid_until: Option<WallTime>,
    count: u32,
}

impl NewBatch {
    /// The most codes of one batch.
    pub const MAX_COUNT: u32 = 100_000;

    /// Checks number and window; the terms are checked already.
    ///
    /// # Errors
    ///
    /// The field by its API name: `count`, `valid_until`.
    pub fn new(
        name: Option<Text>,
        terms: SessionTerms,
        valid_from: Option<WallTime>,
        valid_until: Option<WallTime>,
        count: u32,
    ) -> Result<Self, TermsError> {
        if count == 0 || count > Self::MAX_COUNT {
            let problem = format!("must be between 1 and {}", Self::MAX_COUNT);
            return Err(TermsError { field: "count", problem });
        }
        if valid_from.zip(valid_until).is_some_and(|(from, until)| from >= until) {
            return Err(TermsError { field: "valid_until", problem: "must be after valid_from".to_owned() });
        }
        let name = name.filter(|name| !name.is_empty());
        Ok(Self { name, terms, valid_from, valid_until, count })
    }

    /// How many codes.
    pub const fn count(&self) -> u32 {
        self.count
    }
}

/// A code as the store keeps it: found by one part, printed again from the other, told by neither alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCode {
    /// A keyed digest of the code: the same code always has the same one.
    pub lookup: [u8; 32],
    /// The code, encrypted.
    pub sealed: Vec<u8>,
}

/// A batch as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct VoucherBatch {
    /// Its number; a session that came of it has it as its principal.
    pub id: i64,
    /// What the operator calls it.
    pub name: Option<Text>,
    /// What each code grants.
    pub terms: SessionTerms,
    /// Not redeemable before.
    pub valid_from: Option<WallTime>,
    /// Not redeemable from then on.
    pub valid_until: Option<WallTime>,
    /// How many codes it was made with.
    pub count: u32,
    /// When it was made.
    pub created_at: WallTime,
}

/// One voucher with the batch it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Voucher {
    /// Its row.
    pub id: i64,
    /// What it grants and when.
    pub batch: VoucherBatch,
    /// The sale.
    pub redeemed: Option<Redeemed>,
    /// When an operator took it back.
    pub revoked_at: Option<WallTime>,
}

/// Who redeemed a voucher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeemed {
    /// When.
    pub at: WallTime,
    /// By whom.
    pub device: DeviceId,
    /// For which session.
    pub session: SessionId,
}

/// Where a voucher stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VoucherStatus {
    /// Can be redeemed.
    Unsold,
    /// Its window has not begun.
    NotYetValid,
    /// Its window is over.
    Expired,
    /// Redeemed.
    Redeemed,
    /// Taken back, whether redeemed before or not.
    Revoked,
}

impl VoucherStatus {
    /// The name in API and CLI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsold => "unsold",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::Redeemed => "redeemed",
            Self::Revoked => "revoked",
        }
    }
}

impl Voucher {
    /// Where it stands now.
    pub fn status(&self, now: WallTime) -> VoucherStatus {
        if self.revoked_at.is_some() {
            VoucherStatus::Revoked
        } else if self.redeemed.is_some() {
            VoucherStatus::Redeemed
        } else if self.batch.valid_from.is_some_and(|from| now < from) {
            VoucherStatus::NotYetValid
        } else if self.batch.valid_until.is_some_and(|until| now >= until) {
            VoucherStatus::Expired
        } else {
            VoucherStatus::Unsold
        }
    }

    /// Whether it can be redeemed now. That nobody redeems it at the same moment is for the store's guard to see to.
    pub fn check(&self, now: WallTime) -> Result<(), Refusal> {
        match self.status(now) {
            VoucherStatus::Unsold => Ok(()),
            VoucherStatus::NotYetValid => Err(Refusal::VoucherNotValid("yet")),
            VoucherStatus::Expired => Err(Refusal::VoucherNotValid("any more")),
            VoucherStatus::Redeemed => Err(Refusal::VoucherUsed),
            VoucherStatus::Revoked => Err(Refusal::VoucherRevoked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SessionKind;
    use uuid::Uuid;

    fn terms() -> SessionTerms {
        SessionTerms::new(SessionKind::Time, Some(60), None, None, 0.0, 0.0, false).unwrap()
    }

    #[test]
    fn a_batch_has_codes_and_a_window_that_opens_before_it_closes() {
        let new = |from: Option<i64>, until: Option<i64>, count| {
            NewBatch::new(None, terms(), from.map(WallTime), until.map(WallTime), count)
                .map_err(|error| error.field)
        };
        assert_eq!(new(Some(1), Some(2), NewBatch::MAX_COUNT).unwrap().count(), 100_000);
        assert_eq!(new(None, None, 0), Err("count"));
        assert_eq!(new(None, None, NewBatch::MAX_COUNT + 1), Err("count"));
        assert_eq!(new(Some(2), Some(2), 1), Err("valid_until"));
    }

    #[test]
    fn every_standing_has_its_refusal() {
        let batch = VoucherBatch {
            id: 1,
            name: None,
            terms: terms(),
            valid_from: Some(WallTime(10)),
            valid_until: Some(WallTime(20)),
            count: 1,
            created_at: WallTime(0),
        };
        let voucher = Voucher { id: 1, batch, redeemed: None, revoked_at: None };
        assert_eq!(voucher.check(WallTime(9)), Err(Refusal::VoucherNotValid("yet")));
        assert_eq!(voucher.check(WallTime(10)), Ok(()));
        assert_eq!(voucher.check(WallTime(19)), Ok(()));
        assert_eq!(voucher.check(WallTime(20)), Err(Refusal::VoucherNotValid("any more")));
        let sale = Redeemed {
            at: WallTime(11),
            device: DeviceId::new(Uuid::nil()),
            session: SessionId::new(Uuid::nil()),
        };
        let sold = Voucher { redeemed: Some(sale), ..voucher };
        assert_eq!(sold.check(WallTime(12)), Err(Refusal::VoucherUsed));
        let revoked = Voucher { revoked_at: Some(WallTime(12)), ..sold };
        assert_eq!(revoked.check(WallTime(12)), Err(Refusal::VoucherRevoked));
    }
}
