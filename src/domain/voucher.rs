use std::collections::{BTreeMap, BTreeSet};

use super::plan::check_offer;
use super::{
    AtEnd, ClockGuard, DeviceId, Guard, LocalTime, MAX_EXP_DAYS, Money, PeriodGrant, Plan, Refusal, Repeat,
    SessionId, SessionTerms, SourceData, TermsError, Text, UseTime, WallTime,
};

/// What becomes of one device more than a code has places for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WhenFull {
    /// It is refused.
    #[default]
    Refuse,
    /// It takes the place of the device that is away the longest, else of the first, with what that has left.
    TakeOver,
}

impl WhenFull {
    /// The name in API, CLI and store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::TakeOver => "take_over",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Refuse, Self::TakeOver].into_iter().find(|when| when.as_str() == name)
    }
}

/// What the codes of a batch are sold as, beside their terms.
#[derive(Debug, Clone, PartialEq)]
pub struct VoucherOffer {
    /// The plan they were made of. What it is changed to later is nothing to them.
    pub plan: Option<String>,
    /// What one costs.
    pub price: Money,
    /// Roles of the sessions that come of them.
    pub roles: BTreeSet<String>,
    /// User-defined properties of these.
    pub properties: BTreeMap<String, String>,
    /// What happens when one is used up.
    pub at_end: AtEnd,
    /// Whether it is granted anew each day, week or month.
    pub repeat: Option<Repeat>,
    /// How many devices may use one code; at least 1.
    pub max_devices: u32,
    /// What becomes of one more.
    pub when_full: WhenFull,
    /// All that came of a code is over so many days after its first use.
    pub use_days: Option<u32>,
}

impl Default for VoucherOffer {
    fn default() -> Self {
        Self {
            plan: None,
            price: Money::ZERO,
            roles: BTreeSet::new(),
            properties: BTreeMap::new(),
            at_end: AtEnd::CutOff,
            repeat: None,
            max_devices: 1,
            when_full: WhenFull::Refuse,
            use_days: None,
        }
    }
}

impl VoucherOffer {
    /// What a plan says.
    pub fn of_plan(plan: &Plan) -> Self {
        Self {
            plan: Some(plan.name.to_string()),
            price: plan.price,
            roles: plan.roles.clone(),
            properties: plan.properties.clone(),
            at_end: plan.at_end,
            repeat: plan.repeat,
            max_devices: plan.max_devices,
            when_full: WhenFull::Refuse,
            use_days: None,
        }
    }
}

/// What an operator asks to be printed: checked.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBatch {
    /// What the operator calls it.
    pub name: Option<Text>,
    /// A remark.
    pub note: Option<Text>,
    /// What each code grants.
    pub terms: SessionTerms,
    /// What each is sold as.
    pub offer: VoucherOffer,
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
        let offer = VoucherOffer::default();
        Ok(Self { name, note: None, terms, offer, valid_from, valid_until, count })
    }

    /// The same, sold as this, with a remark.
    ///
    /// Days are counted once: where a code says when it is over, or comes anew, its sessions have no days of their own.
    ///
    /// # Errors
    ///
    /// The field by its API name.
    pub fn offering(mut self, mut offer: VoucherOffer, note: Option<Text>) -> Result<Self, TermsError> {
        check_offer(offer.price, offer.max_devices, offer.repeat, offer.at_end)?;
        if offer.use_days.is_some_and(|days| !(1..=MAX_EXP_DAYS).contains(&days)) {
            let problem = format!("must be between 1 and {MAX_EXP_DAYS}");
            return Err(TermsError { field: "use_days", problem });
        }
        if offer.repeat.is_some() || offer.use_days.is_some() {
            offer.use_days = offer.use_days.or(self.terms.exp_days);
            self.terms.exp_days = None;
        }
        self.offer = offer;
        self.note = note.filter(|note| !note.is_empty());
        Ok(self)
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
    /// A remark.
    pub note: Option<Text>,
    /// What each code grants.
    pub terms: SessionTerms,
    /// What each is sold as.
    pub offer: VoucherOffer,
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
    /// Its first use.
    pub redeemed: Option<Redeemed>,
    /// How many of its places are taken.
    pub uses: u32,
    /// Who sold it over the counter.
    pub sold: Option<VoucherSale>,
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

/// Who sold a voucher over the counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoucherSale {
    /// When.
    pub at: WallTime,
    /// By whom.
    pub seller: Text,
    /// The line of the till.
    pub sale: uuid::Uuid,
}

/// A place of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoucherUse {
    /// Who holds it, since when, and the session that first came of it.
    pub redeemed: Redeemed,
    /// When another device took it over.
    pub ended_at: Option<WallTime>,
}

/// Where a voucher stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VoucherStatus {
    /// Can be redeemed.
    Unsold,
    /// Can be redeemed, and was sold over the counter.
    Sold,
    /// Its window has not begun.
    NotYetValid,
    /// Its window is over.
    Expired,
    /// Redeemed, by one device at least.
    Redeemed,
    /// Taken back, whether redeemed before or not.
    Revoked,
}

impl VoucherStatus {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Unsold, Self::Sold, Self::NotYetValid, Self::Expired, Self::Redeemed, Self::Revoked];

    /// The name in API and CLI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsold => "unsold",
            Self::Sold => "sold",
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
        } else if self.sold.is_some() {
            VoucherStatus::Sold
        } else {
            VoucherStatus::Unsold
        }
    }

    /// Whether all its places are taken.
    pub const fn is_full(&self) -> bool {
        self.uses >= self.batch.offer.max_devices
    }

    /// When all that came of it is over, once it was used by a clock that could be believed.
    pub fn ends_at(&self) -> Option<WallTime> {
        let first_use = self.redeemed.map(|redeemed| redeemed.at).filter(|at| *at >= ClockGuard::FLOOR)?;
        Some(first_use.plus_days(self.batch.offer.use_days?))
    }

    /// Whether it can be redeemed now. That nobody redeems it at the same moment is for the store's guard to see to.
    pub fn check(&self, now: WallTime) -> Result<(), Refusal> {
        if self.revoked_at.is_some() {
            Err(Refusal::VoucherRevoked)
        } else if self.is_full() && self.batch.offer.when_full == WhenFull::Refuse {
            Err(Refusal::VoucherUsed)
        } else if self.batch.valid_from.is_some_and(|from| now < from) {
            Err(Refusal::VoucherNotValid("yet"))
        } else if [self.batch.valid_until, self.ends_at()].into_iter().flatten().any(|end| now >= end) {
            Err(Refusal::VoucherNotValid("any more"))
        } else {
            Ok(())
        }
    }

    /// What it is called where its code must not stand: nobody can redeem this.
    pub fn reference(&self) -> String {
        format!("#{}/{}", self.batch.id, self.id)
    }

    /// What a session that comes of it has as its voucher: the code as it is printed, if nobody can redeem that any more;
    /// else its reference.
    pub fn shown_as(&self, code: &str) -> String {
        let offer = &self.batch.offer;
        if offer.max_devices == 1 && offer.when_full == WhenFull::Refuse && offer.repeat.is_none() {
            code.to_owned()
        } else {
            self.reference()
        }
    }

    /// What it grants now; one that comes anew, in the period that it is now. `shown_as` as above.
    pub fn source_data(&self, shown_as: String, at: UseTime, place: &dyn LocalTime) -> SourceData {
        let offer = &self.batch.offer;
        let period = offer.repeat.map(|repeat| repeat.period(at.now, place));
        let first_use = offer.use_days.filter(|_| at.noted >= ClockGuard::FLOOR);
        let over = self.ends_at().or(first_use.map(|days| at.noted.plus_days(days)));
        let mut terms = self.batch.terms.clone();
        // No clock to count from: they are the session's own days, which wait for one.
        terms.exp_days = terms.exp_days.or(offer.use_days.filter(|_| over.is_none()));
        SourceData {
            plan: offer.plan.clone(),
            principal: Some(self.batch.id.to_string()),
            voucher: Some(shown_as),
            properties: offer.properties.clone(),
            roles: offer.roles.clone(),
            at_end: offer.at_end,
            expires_at: [period.map(|period| period.end), over].into_iter().flatten().min(),
            ..SourceData::new(terms)
        }
    }

    /// What a device is granted in the period that it is now; `None` if it does not come anew.
    pub fn period_grant(
        &self,
        device: DeviceId,
        now: WallTime,
        place: &dyn LocalTime,
    ) -> Option<PeriodGrant> {
        let period = self.batch.offer.repeat?.period(now, place);
        Some(PeriodGrant {
            subject: grant_subject(self.id, device),
            plan: self.batch.offer.plan.clone().unwrap_or_default(),
            period: period.start,
            most: 1,
            session: SessionId::new(uuid::Uuid::nil()),
        })
    }

    /// What must hold for a device to redeem it.
    pub fn guards(&self, device: DeviceId, at: UseTime, place: &dyn LocalTime) -> Vec<Guard> {
        let session = SessionId::new(uuid::Uuid::nil());
        let redeem = Guard::RedeemVoucher { voucher: self.id, device, session, at: at.noted };
        let grant = self.period_grant(device, at.now, place).map(|grant| Guard::Grant(Box::new(grant)));
        std::iter::once(redeem).chain(grant).collect()
    }
}

/// Who is granted what comes anew: a device by a voucher.
pub fn grant_subject(voucher: i64, device: DeviceId) -> String {
    format!("voucher {voucher} device {device}")
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
            note: None,
            terms: terms(),
            offer: VoucherOffer::default(),
            valid_from: Some(WallTime(10)),
            valid_until: Some(WallTime(20)),
            count: 1,
            created_at: WallTime(0),
        };
        let voucher = Voucher { id: 1, batch, redeemed: None, uses: 0, sold: None, revoked_at: None };
        assert_eq!(voucher.check(WallTime(9)), Err(Refusal::VoucherNotValid("yet")));
        assert_eq!(voucher.check(WallTime(10)), Ok(()));
        assert_eq!(voucher.check(WallTime(19)), Ok(()));
        assert_eq!(voucher.check(WallTime(20)), Err(Refusal::VoucherNotValid("any more")));
        let sale = Redeemed {
            at: WallTime(11),
            device: DeviceId::new(Uuid::nil()),
            session: SessionId::new(Uuid::nil()),
        };
        let sold = Voucher { redeemed: Some(sale), uses: 1, ..voucher };
        assert_eq!(sold.check(WallTime(12)), Err(Refusal::VoucherUsed));
        let revoked = Voucher { revoked_at: Some(WallTime(12)), ..sold };
        assert_eq!(revoked.check(WallTime(12)), Err(Refusal::VoucherRevoked));
    }
}
