use crate::domain::{
    Account, AccountBook, AccountGuard, AccountPlan, ClientSession, DeviceId, Entry, Guard, Helping,
    LocalTime, Period, PeriodGrant, Plan, PlanBook, ProviderError, SessionId, SourceData, WallTime,
};

/// Where an account's helpings are looked up, and when it is.
pub(super) struct Table<'a> {
    pub(super) accounts: &'a dyn AccountBook,
    pub(super) plans: &'a dyn PlanBook,
    pub(super) place: &'a dyn LocalTime,
    /// As far as the clock can be believed.
    pub(super) at: WallTime,
}

/// What an account has for a device.
pub(super) enum Next {
    /// The device has a session of it.
    Here,
    /// This is to be made.
    Grant(Box<SourceData>),
    /// Nothing but what runs, or waits, on another device that is logged in.
    Elsewhere(DeviceId),
    /// Nothing until then; `None`: nothing at all.
    Nothing(Option<WallTime>),
}

/// A plan of an account at a moment: to whom it is granted, how often, and when it comes anew.
struct Turn {
    plan: Plan,
    period: Option<Period>,
    /// When the days of a plan that repeats are over.
    ends: Option<WallTime>,
    subject: String,
    most: u32,
}

impl Table<'_> {
    /// What an account has for a device: what is there already, what waits since a log-out, or a fresh helping; the plans
    /// in their order.
    pub(super) async fn next(
        &self,
        account: &Account,
        device: DeviceId,
        entry: Entry,
    ) -> Result<Next, ProviderError> {
        let guard =
            Guard::Account(Box::new(AccountGuard { account: account.id, device, at: self.at, entry }));
        let (mut elsewhere, mut again) = (None, None);
        let mut first = None;
        for attached in &account.plans {
            // A plan that was deleted gives nothing; the others do.
            let Some(plan) = self.plans.find_plan(attached.plan.as_str()).await? else { continue };
            let Some(turn) = self.turn(account, attached, plan) else { continue };
            let start = turn.period.map_or(WallTime(0), |period| period.start);
            let name = turn.plan.name.to_string();
            let helpings = self.accounts.helpings(&turn.subject, &name, start).await?;
            let usable = |helping: &&Helping| helping.row.as_ref().is_some_and(ClientSession::is_usable);
            let device_of = |helping: &Helping| helping.row.as_ref().map(|row| row.device);
            if helpings.iter().filter(usable).any(|helping| device_of(helping) == Some(device)) {
                return Ok(Next::Here);
            }
            if first.is_some() {
                continue;
            }
            let waiting =
                helpings.iter().filter(|helping| helping.parked).filter_map(|helping| helping.row.as_ref());
            if let Some(row) = waiting.into_iter().find(|row| self.has_left(row)) {
                first = Some(resumed(row, guard.clone()));
                continue;
            }
            let own = format!("{} device {device}", turn.subject);
            let granted = u32::try_from(helpings.len()).unwrap_or(u32::MAX);
            if granted < turn.most && self.accounts.helpings(&own, &name, start).await?.is_empty() {
                first = Some(self.fresh(account, &turn, own, guard.clone()));
                continue;
            }
            elsewhere = elsewhere.or_else(|| helpings.iter().find(usable).and_then(device_of));
            let end = turn.period.map(|period| period.end);
            again = [again, end].into_iter().flatten().min();
        }
        Ok(match (first, elsewhere) {
            (Some(data), _) => Next::Grant(Box::new(data)),
            (None, Some(other)) => Next::Elsewhere(other),
            (None, None) => Next::Nothing(again.filter(|at| account.standing(*at).is_ok())),
        })
    }

    /// `None` if it has not begun, or its days are over: those of a plan that repeats are counted from when it was given.
    fn turn(&self, account: &Account, attached: &AccountPlan, plan: Plan) -> Option<Turn> {
        let Some(repeat) = plan.repeat else {
            let subject = format!("account {}/{}", account.name, attached.id);
            return Some(Turn { most: plan.max_devices, period: None, ends: None, subject, plan });
        };
        let ends = plan.terms.exp_days.map(|days| attached.attached_at.plus_days(days));
        let has_begun = ends.is_none() || attached.attached_at <= self.at;
        let goes_on = ends.is_none_or(|end| self.at < end);
        (has_begun && goes_on).then(|| Turn {
            period: Some(repeat.period(self.at, self.place)),
            subject: format!("account {}", account.name),
            most: account.max_devices,
            ends,
            plan,
        })
    }

    /// A helping that nobody has had.
    fn fresh(&self, account: &Account, turn: &Turn, own: String, guard: Guard) -> SourceData {
        let start = turn.period.map_or(WallTime(0), |period| period.start);
        let grant = |subject: String, most| {
            Guard::Grant(Box::new(PeriodGrant {
                subject,
                plan: turn.plan.name.to_string(),
                period: start,
                most,
                // Filled in when the session is made.
                session: SessionId::new(uuid::Uuid::nil()),
            }))
        };
        let mut data = turn.plan.source_data(turn.period);
        data.principal = Some(account.name.to_string());
        data.guards = vec![guard, grant(turn.subject.clone(), turn.most), grant(own, 1)];
        data.roles.extend(account.roles.iter().cloned());
        data.properties.extend(account.properties.iter().map(|(key, value)| (key.clone(), value.clone())));
        // A session has one end: if the account has one, the days are counted from now on.
        let days = data.terms.exp_days.filter(|_| account.expires_at.is_some() && turn.period.is_none());
        let days = days.map(|days| self.at.plus_days(days));
        data.expires_at = [data.expires_at, account.expires_at, turn.ends, days].into_iter().flatten().min();
        data
    }

    fn has_left(&self, row: &ClientSession) -> bool {
        row.time_left_ms() != Some(0)
            && row.data_left_bytes() != Some(0)
            && row.expires_at.is_none_or(|end| self.at < end)
    }
}

/// The rest of a session whose device was logged out.
fn resumed(row: &ClientSession, guard: Guard) -> SourceData {
    SourceData {
        usage: row.consumed(),
        plan: row.plan.clone(),
        principal: row.principal.clone(),
        properties: row.properties.clone(),
        roles: row.roles.clone(),
        expires_at: row.expires_at,
        at_end: row.at_end,
        guards: vec![guard, Guard::Resume { from: row.id, session: SessionId::new(uuid::Uuid::nil()) }],
        ..SourceData::new(row.terms.clone())
    }
}
