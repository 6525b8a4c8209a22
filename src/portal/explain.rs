use axum::http::StatusCode;

use crate::domain::Refusal;

use super::page::Trouble;
use super::words::Words;

/// The status and the sentence for a refusal, for a guest. What only the operator can mend goes to the log.
pub fn explain(refusal: &Refusal, t: Words) -> (StatusCode, Trouble) {
    let say = |status, id, about_code| (status, Trouble { text: t.get(id).into_owned(), about_code });
    let code = |status, id| say(status, id, true);
    let other = |status, id| say(status, id, false);
    let theirs = |status, text| (status, Trouble { text: t.text(text).into_owned(), about_code: false });
    match refusal {
        Refusal::VoucherUnknown => code(StatusCode::NOT_FOUND, "code-unknown"),
        Refusal::VoucherUsed => code(StatusCode::CONFLICT, "code-used"),
        Refusal::VoucherRevoked => code(StatusCode::CONFLICT, "code-revoked"),
        Refusal::VoucherNotValid("yet") => code(StatusCode::CONFLICT, "code-not-yet"),
        Refusal::VoucherNotValid(_) => code(StatusCode::CONFLICT, "code-too-late"),
        Refusal::TooManyTries { retry_secs } => {
            let time = t.one("seconds", "count", *retry_secs);
            let text = t.one("code-too-many", "time", time).into_owned();
            (StatusCode::TOO_MANY_REQUESTS, Trouble { text, about_code: true })
        }
        Refusal::Blocked => other(StatusCode::FORBIDDEN, "device-blocked"),
        Refusal::Denied(text) => theirs(StatusCode::FORBIDDEN, text),
        Refusal::Form { text, .. } => theirs(StatusCode::UNPROCESSABLE_ENTITY, text),
        Refusal::UnknownPlan(_) | Refusal::NotOnSale | Refusal::SoldOut => {
            other(StatusCode::CONFLICT, "not-on-sale")
        }
        Refusal::UnknownProvider(_) => other(StatusCode::NOT_FOUND, "not-offered"),
        Refusal::GrantUsed => other(StatusCode::CONFLICT, "used-for-now"),
        Refusal::CreditClaimed => other(StatusCode::CONFLICT, "claimed"),
        Refusal::RecoveryUnknown => code(StatusCode::NOT_FOUND, "recovery-unknown"),
        Refusal::TooManyMoves { .. } => other(StatusCode::TOO_MANY_REQUESTS, "moved-too-often"),
        Refusal::SameDevice => other(StatusCode::CONFLICT, "same-device"),
        Refusal::Closed { opens, .. } => {
            let text = t.one("closed-until", "when", t.when(*opens)).into_owned();
            (StatusCode::CONFLICT, Trouble { text, about_code: false })
        }
        Refusal::NoSession | Refusal::UnknownSession | Refusal::SessionEnded(_) => {
            other(StatusCode::CONFLICT, "nothing-left")
        }
        Refusal::UnknownDevice | Refusal::NotInAZone => other(StatusCode::FORBIDDEN, "device-unseen"),
        Refusal::KeysUsedUp => other(StatusCode::SERVICE_UNAVAILABLE, "too-many-online"),
        Refusal::Stopping | Refusal::Provider(_) | Refusal::Disk(_) => {
            tracing::warn!(error = %refusal, "a guest could not be served");
            other(StatusCode::SERVICE_UNAVAILABLE, "not-ready")
        }
        Refusal::Store(_)
        | Refusal::Kernel(_)
        | Refusal::Changed
        | Refusal::DoneBefore
        | Refusal::UnknownAdmin
        | Refusal::AdminExists
        | Refusal::LastAdmin
        | Refusal::LockHeld(_)
        | Refusal::LockWaitOver(_)
        | Refusal::LockWouldDeadlock
        | Refusal::LockLost
        | Refusal::LockNotHeld(_)
        | Refusal::TooManyLocks(..)
        | Refusal::UnknownZone(_)
        | Refusal::Terms(_)
        | Refusal::Property(_)
        | Refusal::PlanExists
        | Refusal::PlanInUse(_)
        | Refusal::VoucherSold
        | Refusal::UnknownBatch
        | Refusal::UnknownSale
        | Refusal::UnknownAccount
        | Refusal::AccountExists
        | Refusal::CannotRefund(_)
        | Refusal::TooManyRoles(_)
        | Refusal::BelowUsed { .. }
        | Refusal::NotOfThisKind { .. }
        | Refusal::DeviceExists => {
            tracing::error!(error = %refusal, "a guest could not be served");
            other(StatusCode::INTERNAL_SERVER_ERROR, "went-wrong")
        }
    }
}

/// The `Retry-After` that goes with a refusal, in seconds.
pub const fn retry_after(refusal: &Refusal) -> Option<u64> {
    if let Refusal::TooManyTries { retry_secs }
    | Refusal::TooManyMoves { retry_secs }
    | Refusal::Closed { retry_secs, .. } = refusal
    {
        Some(*retry_secs)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::words::Language;

    const EN: Words = Words::of(Language::English);

    #[test]
    fn a_guest_reads_what_to_do_and_no_inner_detail() {
        let (status, trouble) = explain(&Refusal::TooManyTries { retry_secs: 42 }, EN);
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert!(trouble.text.contains("42 seconds") && trouble.about_code);
        assert_eq!(retry_after(&Refusal::TooManyTries { retry_secs: 42 }), Some(42));
        let (status, trouble) = explain(&Refusal::Store("disk /dev/sda1 is full".to_owned()), EN);
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!trouble.text.contains("sda1"));
        assert_eq!(explain(&Refusal::VoucherUsed, EN).0, StatusCode::CONFLICT);
        assert_eq!(explain(&Refusal::Blocked, EN).0, StatusCode::FORBIDDEN);
    }
}
