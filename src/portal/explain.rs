use axum::http::StatusCode;

use crate::domain::Refusal;

use super::page::Trouble;

/// The status and the sentence for a refusal, for a guest. What only the operator can mend goes to the log.
pub fn explain(refusal: &Refusal) -> (StatusCode, Trouble) {
    let code = |status, text: &str| (status, Trouble { text: text.to_owned(), about_code: true });
    let other = |status, text: &str| (status, Trouble { text: text.to_owned(), about_code: false });
    match refusal {
        Refusal::VoucherUnknown => {
            code(StatusCode::NOT_FOUND, "We do not know this code. Please check it and try again.")
        }
        Refusal::VoucherUsed => code(StatusCode::CONFLICT, "This code has been used already."),
        Refusal::VoucherRevoked => code(StatusCode::CONFLICT, "This code has been withdrawn."),
        Refusal::VoucherNotValid(when) => {
            code(StatusCode::CONFLICT, &format!("This code cannot be used {when}."))
        }
        Refusal::TooManyTries { retry_secs } => code(
            StatusCode::TOO_MANY_REQUESTS,
            &format!("Too many wrong codes. Please wait {} and try again.", seconds(*retry_secs)),
        ),
        Refusal::Blocked => other(StatusCode::FORBIDDEN, "This device is blocked. Please ask the staff."),
        Refusal::Denied(text) => other(StatusCode::FORBIDDEN, text.as_str()),
        Refusal::Form { text, .. } => other(StatusCode::UNPROCESSABLE_ENTITY, text.as_str()),
        Refusal::UnknownPlan(_) | Refusal::NotOnSale | Refusal::SoldOut => {
            other(StatusCode::CONFLICT, "This is not on sale any more. Please choose another.")
        }
        Refusal::UnknownProvider(_) => {
            other(StatusCode::NOT_FOUND, "This is not offered any more. Please choose another way in.")
        }
        Refusal::GrantUsed => other(StatusCode::CONFLICT, "You have used this up for now."),
        Refusal::CreditClaimed => other(StatusCode::CONFLICT, "This has been claimed already."),
        Refusal::RecoveryUnknown => code(
            StatusCode::NOT_FOUND,
            "We do not know this code, or nothing is left on it. Please check it and try again.",
        ),
        Refusal::TooManyMoves { .. } => {
            other(StatusCode::TOO_MANY_REQUESTS, "This has been moved too often today. Please ask the staff.")
        }
        Refusal::SameDevice => other(StatusCode::CONFLICT, "This is the same device."),
        Refusal::NoSession | Refusal::UnknownSession | Refusal::SessionEnded(_) => {
            other(StatusCode::CONFLICT, "There is nothing left to connect with.")
        }
        Refusal::UnknownDevice | Refusal::NotInAZone => {
            other(StatusCode::FORBIDDEN, "We cannot see your device on this network.")
        }
        Refusal::KeysUsedUp => {
            other(StatusCode::SERVICE_UNAVAILABLE, "Too many devices are online. Please try again later.")
        }
        Refusal::Stopping | Refusal::Provider(_) => {
            tracing::warn!(error = %refusal, "a guest could not be served");
            other(StatusCode::SERVICE_UNAVAILABLE, "We are not ready yet. Please try again in a moment.")
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
            other(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here. Please try again.")
        }
    }
}

/// The `Retry-After` that goes with a refusal, in seconds.
pub const fn retry_after(refusal: &Refusal) -> Option<u64> {
    if let Refusal::TooManyTries { retry_secs } | Refusal::TooManyMoves { retry_secs } = refusal {
        Some(*retry_secs)
    } else {
        None
    }
}

fn seconds(secs: u64) -> String {
    if secs == 1 { "1 second".to_owned() } else { format!("{secs} seconds") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_reads_what_to_do_and_no_inner_detail() {
        let (status, trouble) = explain(&Refusal::TooManyTries { retry_secs: 42 });
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert!(trouble.text.contains("42 seconds") && trouble.about_code);
        assert_eq!(retry_after(&Refusal::TooManyTries { retry_secs: 42 }), Some(42));
        let (status, trouble) = explain(&Refusal::Store("disk /dev/sda1 is full".to_owned()));
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!trouble.text.contains("sda1"));
        assert_eq!(explain(&Refusal::VoucherUsed).0, StatusCode::CONFLICT);
        assert_eq!(explain(&Refusal::Blocked).0, StatusCode::FORBIDDEN);
    }
}
