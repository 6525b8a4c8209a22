use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::helpings::{Next, Table};
use super::{HashError, Hasher};
use crate::clock::Clock;
use crate::domain::{
    Account, AccountBook, AccountName, BoxFuture, ClientDevice, DeviceId, Enter, Entry, FieldKind,
    FormButton, FormField, FormValues, Granted, LocalTime, LogIn, OneMore, Part, Phrase, PlanBook,
    ProviderError, ProviderFace, ProviderName, Refusal, SessionProvider, SessionSource, SourceData,
    Submitted, Text, WallTime,
};
use crate::providers::until;
use crate::providers::voucher::TryLimiter;

/// What a guest reads whose name or password is wrong: never which of them.
const UNKNOWN: Phrase = Phrase::AccountUnknown;

/// Accounts among the session providers.
pub struct AccountProvider {
    name: ProviderName,
    face: Arc<ProviderFace>,
    accounts: Arc<dyn AccountBook>,
    plans: Arc<dyn PlanBook>,
    clock: Clock,
    place: Arc<dyn LocalTime>,
    hasher: Hasher,
    wrong: Mutex<Wrong>,
}

/// Wrong tries: a device may try all accounts, an account may be tried from all devices.
#[derive(Default)]
struct Wrong {
    by_device: TryLimiter<DeviceId>,
    by_account: TryLimiter<AccountName>,
}

impl AccountProvider {
    /// The name that it registers under.
    pub const NAME: &str = "account";

    /// With these books, clocks and local time.
    pub fn new(
        accounts: Arc<dyn AccountBook>,
        plans: Arc<dyn PlanBook>,
        clock: Clock,
        place: Arc<dyn LocalTime>,
        hasher: Hasher,
    ) -> Self {
        let name = ProviderName::new(Self::NAME);
        Self { name, face: face(), accounts, plans, clock, place, hasher, wrong: Mutex::default() }
    }

    fn wrong(&self) -> MutexGuard<'_, Wrong> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self, at: WallTime) -> Table<'_> {
        Table { accounts: &*self.accounts, plans: &*self.plans, place: &*self.place, at }
    }

    async fn offer(&self, device: DeviceId) -> Result<Option<Box<dyn SessionSource>>, ProviderError> {
        let at = self.clock.believable();
        let Some(account) = self.accounts.account_of(device).await? else { return Ok(None) };
        if account.standing(at).is_err() {
            return Ok(None);
        }
        match self.table(at).next(&account, device, Entry::Bound).await? {
            Next::Grant(data) => Ok(Some(Box::new(Granted(*data)))),
            Next::Here | Next::Elsewhere(_) | Next::Nothing(_) => Ok(None),
        }
    }

    async fn log_in(&self, device: DeviceId, values: &FormValues) -> Result<Submitted, ProviderError> {
        let value = |field: &str| values.get(field).map(String::as_str).unwrap_or_default();
        let (typed, password) = (value("name"), value("password"));
        // What cannot be a name is not known either; its try counts as any other.
        let name = AccountName::parse(typed).ok();
        let account = match &name {
            Some(name) => self.accounts.find_account(name).await?,
            None => None,
        };
        if let Err(refused) = self.known(device, name, account.as_ref(), password).await? {
            return Ok(refused);
        }
        let Some(account) = account else { return Ok(refused(UNKNOWN)) };
        self.enter(device, &account).await
    }

    /// Checks the password; a try is charged when it has its turn, so that many at once count like many in a row.
    async fn known(
        &self,
        device: DeviceId,
        name: Option<AccountName>,
        account: Option<&Account>,
        password: &str,
    ) -> Result<Result<(), Submitted>, ProviderError> {
        let mut limited = None;
        let boot = self.clock.now().boot;
        // Nobody waits for a turn that would be for nothing.
        if let Err(refusal) = self.wrong().by_device.check(&device, boot) {
            return Ok(Err(too_many(&refusal)));
        }
        let begin = || {
            let boot = self.clock.now().boot;
            let mut wrong = self.wrong();
            let charged = match &name {
                Some(name) => wrong.by_account.check(name, boot),
                None => Ok(()),
            };
            let charged = charged.and_then(|()| wrong.by_device.charge(device, boot));
            if let (Ok(()), Some(name)) = (&charged, &name) {
                // Just looked at: it has room.
                let _ = wrong.by_account.charge(name.clone(), boot);
            }
            limited = charged.err();
            limited.is_none()
        };
        let stored = account.map(|account| &account.password);
        let verified = match self.hasher.verify(password, stored, begin).await {
            Ok(verified) => verified,
            Err(HashError::Busy) => {
                return Ok(Err(refused(Phrase::AccountBusy)));
            }
            Err(HashError::Failed(error)) => return Err(ProviderError(error)),
        };
        if let Some(refusal) = limited {
            return Ok(Err(too_many(&refusal)));
        }
        if verified != Some(true) {
            return Ok(Err(refused(UNKNOWN)));
        }
        let mut wrong = self.wrong();
        wrong.by_device.right(&device);
        if let Some(name) = &name {
            wrong.by_account.right(name);
        }
        Ok(Ok(()))
    }

    /// What somebody gets who has shown who they are.
    async fn enter(&self, device: DeviceId, account: &Account) -> Result<Submitted, ProviderError> {
        let at = self.clock.believable();
        if let Err(off) = account.standing(at) {
            return Ok(refused(off.text()));
        }
        let devices = self.accounts.account_devices(account.id).await?;
        let is_here = devices.iter().any(|known| known.device == device);
        let is_full = devices.len() >= usize::try_from(account.max_devices).unwrap_or(usize::MAX);
        let mut instead_of = None;
        if !is_here && is_full {
            match account.one_more {
                OneMore::Refuse => {
                    return Ok(match devices.len() {
                        1 => refused(Phrase::AccountOnAnother),
                        count => {
                            let count = u64::try_from(count).unwrap_or(u64::MAX);
                            refused_with(Phrase::AccountOnMany, "count", Part::Count(count))
                        }
                    });
                }
                OneMore::TakeOver => instead_of = devices.first().map(|longest| longest.device),
            }
        }
        let principal = account.name.to_string();
        let next = self.table(at).next(account, device, Entry::LogIn { instead_of }).await?;
        Ok(match next {
            Next::Here if is_here => Submitted::Connect,
            Next::Grant(data) => Submitted::LogIn(Box::new(LogIn { principal, enter: Enter::Grant(data) })),
            Next::Elsewhere(from) if account.one_more == OneMore::TakeOver => {
                let entry = Entry::LogIn { instead_of: Some(from) };
                let guard = crate::domain::AccountGuard { account: account.id, device, at, entry };
                let guards = vec![crate::domain::Guard::Account(Box::new(guard))];
                Submitted::LogIn(Box::new(LogIn { principal, enter: Enter::TakeOver { from, guards } }))
            }
            Next::Elsewhere(_) => refused(Phrase::AccountElsewhere),
            Next::Here => refused(Phrase::AccountChanged),
            Next::Nothing(None) => refused(Phrase::AccountNothing),
            Next::Nothing(Some(again)) => {
                let when = until(again, &self.clock, &*self.place);
                refused_with(Phrase::AccountLater, "when", Part::When(when))
            }
        })
    }
}

fn refused(phrase: Phrase) -> Submitted {
    Submitted::Refused { field: None, text: Text::ours(phrase) }
}

fn refused_with(phrase: Phrase, name: &'static str, part: Part) -> Submitted {
    Submitted::Refused { field: None, text: Text::ours_with(phrase, vec![(name, part)]) }
}

fn too_many(refusal: &Refusal) -> Submitted {
    let secs = if let Refusal::TooManyTries { retry_secs } = refusal { *retry_secs } else { 1 };
    refused_with(Phrase::AccountTooMany, "time", Part::Seconds(secs))
}

impl SessionProvider for AccountProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn get_session<'a>(
        &'a self,
        device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<Box<dyn SessionSource>>, ProviderError>> {
        Box::pin(self.offer(device.id))
    }

    fn fetch_sessions<'a>(
        &'a self,
        device: &'a ClientDevice,
        page: u32,
        _per_page: u32,
    ) -> BoxFuture<'a, Result<Vec<SourceData>, ProviderError>> {
        Box::pin(async move {
            let offered = if page == 1 { self.offer(device.id).await? } else { None };
            Ok(offered.into_iter().map(|source| source.data()).collect())
        })
    }

    fn face(&self) -> Option<Arc<ProviderFace>> {
        self.accounts.any_account().then(|| Arc::clone(&self.face))
    }

    fn button<'a>(
        &'a self,
        device: &'a ClientDevice,
    ) -> BoxFuture<'a, Result<Option<FormButton>, ProviderError>> {
        Box::pin(async move {
            let account = match self.accounts.any_account() {
                true => self.accounts.account_of(device.id).await?,
                false => None,
            };
            Ok(account.map(|account| FormButton {
                action: "logout".to_owned(),
                text: Text::ours_with(
                    Phrase::AccountIs,
                    vec![("name", Part::Text(Text::new(account.name.as_str())))],
                ),
                label: Text::ours(Phrase::AccountLogOut),
            }))
        })
    }

    fn submit<'a>(
        &'a self,
        device: &'a ClientDevice,
        values: &'a FormValues,
    ) -> BoxFuture<'a, Result<Submitted, ProviderError>> {
        Box::pin(async move {
            match values.get("action").map(String::as_str) {
                None => self.log_in(device.id, values).await,
                Some("logout") => Ok(match self.accounts.account_of(device.id).await? {
                    Some(account) => Submitted::LogOut { principal: account.name.to_string() },
                    None => Submitted::Done(Some(Text::ours(Phrase::AccountOut))),
                }),
                Some(_) => Ok(refused(Phrase::NotHere)),
            }
        })
    }
}

fn face() -> Arc<ProviderFace> {
    let field = |name: &str, label, kind, max_chars| FormField {
        name: name.to_owned(),
        label: Text::ours(label),
        kind,
        required: true,
        max_chars,
    };
    let longest = u16::try_from(Account::MAX_PASSWORD_CHARS).unwrap_or(u16::MAX);
    Arc::new(ProviderFace {
        title: Text::ours(Phrase::AccountLogIn),
        icon: Text::default(),
        text: Text::default(),
        fields: vec![
            field("name", Phrase::AccountName, FieldKind::Text, 100),
            field("password", Phrase::AccountPassword, FieldKind::Password, longest),
        ],
        button: Text::ours(Phrase::AccountLogIn),
    })
}
