use std::fmt;

use super::Text;

// The sentences of our own that a text can carry beside its English, so that a face that knows the guest's language says
// them in it. What others have written has none, and is shown as it is.
macro_rules! phrases {
    ($($name:ident $id:literal $english:literal)*) => {
        /// A sentence of our own. A face that knows the guest's language says it in that; all else reads its English.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Phrase {
            $(#[doc = $english] $name,)*
        }

        impl Phrase {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in the portal's texts.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }

            /// In English, each part as `{name}`.
            pub const fn english(self) -> &'static str {
                match self {
                    $(Self::$name => $english,)*
                }
            }
        }
    };
}

phrases! {
    VoucherTitle "voucher-title" "Voucher"
    VoucherText "voucher-text" "Enter the code of your voucher."
    VoucherCode "voucher-code" "Voucher code"
    VoucherButton "voucher-button" "Use voucher"
    AccountLogIn "account-log-in" "Log in"
    AccountName "account-name" "User name"
    AccountPassword "account-password" "Password"
    AccountLogOut "account-log-out" "Log out"
    AccountIs "account-is" "You are logged in as {name}."
    AccountOut "account-out" "You are logged out."
    AccountUnknown "account-unknown" "We do not know this name and password. Please check both and try again."
    AccountBusy "account-busy" "Many people are logging in just now. Please try again in a moment."
    AccountTooMany "account-too-many" "Too many wrong tries. Please wait {time} and try again."
    AccountOnAnother "account-on-another" "This account is in use on another device already. Please log out there first."
    AccountOnMany "account-on-many" "This account is in use on {count} devices already. Please log out there first."
    AccountElsewhere "account-elsewhere" "What this account has is in use on another device. Please log out there first."
    AccountChanged "account-changed" "Something was just changed. Please try again in a moment."
    AccountNothing "account-nothing" "Nothing is left on this account. Please ask the staff."
    AccountLater "account-later" "This is used up for now. There is more {when}."
    AccountGone "account-gone" "This account is not there any more. Please ask the staff."
    AccountFull "account-full" "This account is in use on as many devices as it may be. Log out on one of them first."
    AccountDisabled "account-disabled" "This account has been disabled. Please ask the staff."
    AccountExpired "account-expired" "This account has expired. Please ask the staff."
    FreeTitle "free-title" "Free access"
    FreeButton "free-button" "Connect for free"
    FreeName "free-name" "Your name"
    FreeEmail "free-email" "Your e-mail address"
    FreePhone "free-phone" "Your telephone number"
    FreeTerms "free-terms" "I accept the terms of use"
    FreeTermsAt "free-terms-at" "I accept the terms of use: {url}"
    FreeLater "free-later" "You have used this up for now. There is more {when}."
    FreeToday "free-today" "Free today: {grant}"
    FreeThisWeek "free-this-week" "Free this week: {grant}"
    FreeThisMonth "free-this-month" "Free this month: {grant}"
    SignInSilent "sign-in-silent" "Sign-in cannot be checked just now. Please try again in a moment."
    NotHere "not-here" "This cannot be done here."
    CoinTitle "coin-title" "Coins"
    CoinButton "coin-button" "Insert coins"
    CoinPrices "coin-prices" "{prices}"
    CoinWhat "coin-what" "What for"
    CoinTime "coin-time" "Time"
    CoinData "coin-data" "Data"
    CoinBoth "coin-both" "Time and data"
    CoinInsert "coin-insert" "Insert coins now. Each coin starts the countdown anew."
    CoinSoFar "coin-so-far" "{money} so far: {grant}. Insert more, or press Done."
    CoinSoFarRest "coin-so-far-rest" "{money} so far: {grant}. {rest} are kept for your next visit. Insert more, or press Done."
    CoinNotEnough "coin-not-enough" "{money} so far. Insert more: this is not enough yet."
    CoinDone "coin-done" "Done"
    CoinCancel "coin-cancel" "Cancel"
    CoinCredit "coin-credit" "You have {money} of credit here: {grant}."
    CoinUse "coin-use" "Use it"
    CoinKept "coin-kept" "Your {money} are kept for your next visit."
    CoinNoted "coin-noted" "Your money is noted. Please try again."
    CoinNotedAs "coin-noted-as" "{why} Your money is noted as credit."
    CoinNotNow "coin-not-now" "You cannot be let through now."
    CoinWait "coin-wait" "Somebody else is at the slot. Please wait."
    CoinPlace "coin-place" "Somebody else is at the slot. You are number {place} in line."
    CoinAsking "coin-asking" "Too many are asking. Please try again."
    CoinLineFull "coin-line-full" "Too many are waiting for the slot. Please try again later."
    CoinTrouble "coin-trouble" "The slot cannot be used now. Please try again in a moment."
    NoButton "no-button" "There is no such button."
    FormTick "form-tick" "Please tick: {label}"
    FormFill "form-fill" "Please fill in: {label}"
    FormTooLong "form-too-long" "{label}: this is too long."
    FormWrong "form-wrong" "{label}: this cannot be right."
    FormTwice "form-twice" "{label}: this was sent twice."
    FormLetters "form-letters" "{label}: this has characters that cannot be used here."
}

/// A phrase with what is to be put into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Which.
    pub phrase: Phrase,
    /// Its parts, by name.
    pub parts: Vec<(&'static str, Part)>,
}

/// What is put into a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Another text.
    Text(Text),
    /// An amount of money, as [`super::Currency::show`] writes it.
    Money(String),
    /// A number.
    Count(u64),
    /// So many seconds.
    Seconds(u64),
    /// What is bought or given.
    Grant(Amount),
    /// A price list: amounts of money and what each buys.
    Prices(Vec<(String, Amount)>),
    /// When there is more.
    When(When),
}

/// Time, data, or both; 0 is none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// In milliseconds.
    pub time_ms: u64,
    /// In bytes.
    pub data_bytes: u64,
}

/// When something is to be, on the clock on a guest's wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// Nobody can tell.
    Later,
    /// Today, at hour and minute.
    Today(u8, u8),
    /// Tomorrow, at hour and minute.
    Tomorrow(u8, u8),
    /// On a day of the week that comes.
    Weekday {
        /// 0, Monday, to 6.
        day: u8,
        /// Hour and minute.
        at: (u8, u8),
    },
    /// On a day.
    On {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
        /// Hour and minute.
        at: (u8, u8),
    },
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Said {
    pub(super) fn english(&self) -> String {
        self.parts.iter().fold(self.phrase.english().to_owned(), |text, (name, part)| {
            text.replace(&format!("{{{name}}}"), &part.english())
        })
    }
}

impl Part {
    fn english(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Money(amount) => amount.clone(),
            Self::Count(count) => count.to_string(),
            Self::Seconds(1) => "1 second".to_owned(),
            Self::Seconds(secs) => format!("{secs} seconds"),
            Self::Grant(amount) => amount.english(),
            Self::Prices(rows) => {
                let rows = rows.iter().map(|(price, amount)| format!("{price}: {}", amount.english()));
                rows.collect::<Vec<_>>().join(" · ")
            }
            Self::When(when) => when.to_string(),
        }
    }
}

impl Amount {
    /// "1 h 10 min or 500 MB".
    pub fn english(self) -> String {
        let time = (self.time_ms > 0).then(|| duration(self.time_ms / 1_000));
        let data = (self.data_bytes > 0).then(|| size(self.data_bytes));
        time.into_iter().chain(data).collect::<Vec<_>>().join(" or ")
    }
}

/// In English.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Later => f.write_str("later"),
            Self::Today(hour, minute) => write!(f, "at {hour:02}:{minute:02}"),
            Self::Tomorrow(hour, minute) => write!(f, "tomorrow at {hour:02}:{minute:02}"),
            Self::Weekday { day, at: (hour, minute) } => {
                let day = WEEKDAYS.get(usize::from(day)).copied().unwrap_or_default();
                write!(f, "on {day} at {hour:02}:{minute:02}")
            }
            Self::On { month, day, at: (hour, minute) } => {
                let month = MONTHS.get(usize::from(month).saturating_sub(1)).copied().unwrap_or_default();
                write!(f, "on {day} {month} at {hour:02}:{minute:02}")
            }
        }
    }
}

fn duration(secs: u64) -> String {
    let units = [(secs / 86_400, "d"), (secs / 3_600 % 24, "h"), (secs / 60 % 60, "min"), (secs % 60, "s")];
    units
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn size(bytes: u64) -> String {
    let (unit, name) = if bytes >= 1_000_000_000 { (1_000_000_000, "GB") } else { (1_000_000, "MB") };
    let (whole, thousandths) = (bytes / unit, bytes % unit / (unit / 1_000));
    match thousandths {
        0 => format!("{whole} {name}"),
        rest => format!("{whole}.{} {name}", format!("{rest:03}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_read_in_english_by_whoever_knows_no_other_language() {
        let grant = Amount { time_ms: 4_200_000, data_bytes: 2_500_000 };
        let parts = vec![
            ("money", Part::Money("5.00 PHP".to_owned())),
            ("grant", Part::Grant(grant)),
            ("rest", Part::Money("1.00 PHP".to_owned())),
        ];
        let text = Text::ours_with(Phrase::CoinSoFarRest, parts);
        let english = "5.00 PHP so far: 1 h 10 min or 2.5 MB. 1.00 PHP are kept for your next visit. Insert more, or \
                       press Done.";
        assert_eq!(text.as_str(), english);
        assert_eq!(text, Text::new(english), "a text is its words, whoever wrote them");
        assert_eq!(text.said().unwrap().phrase, Phrase::CoinSoFarRest);
        assert_eq!(Text::new("Voucher").said(), None);
        let on = When::On { month: 12, day: 3, at: (4, 0) };
        let text = Text::ours_with(Phrase::FreeLater, vec![("when", Part::When(on))]);
        assert!(text.as_str().ends_with("There is more on 3 December at 04:00."));
    }

    #[test]
    fn each_phrase_has_a_name_of_its_own() {
        let mut ids: Vec<&str> = Phrase::ALL.iter().map(|phrase| phrase.id()).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
