//! What somebody types for a code is one or none, whatever it looks like; one that is, is found as it was printed.

use tempfile::TempDir;
use turnpike::domain::{RecoveryCode, SetupCode, VoucherCodes};
use turnpike::providers::voucher::{VoucherCode, VoucherVault};
use turnpike::store::TokenText;

use super::{Target, of_text};

/// Opens the target.
pub fn open() -> Target {
    let dir = TempDir::new().expect("a folder for the key");
    let vault = VoucherVault::open(&dir.path().join("key"), None).expect("a new key");
    of_text(move |typed| {
        // The key stays as long as the vault.
        let _dir = &dir;
        voucher(&vault, typed);
        recovery(typed);
        if let Some(token) = TokenText::parse(typed) {
            assert_eq!(token.as_str(), typed);
            assert!(typed.starts_with("tp_") && typed.len() == 67);
        }
    })
}

fn voucher(vault: &VoucherVault, typed: &str) {
    let code = VoucherCode::parse(typed);
    let found = vault.lookup(typed);
    assert_eq!(found.is_some(), code.is_some());
    let sealed = VoucherCodes::seal(vault, typed);
    assert_eq!(sealed.is_some(), code.is_some());
    let (Some(code), Some((printed, sealed))) = (code, sealed) else { return };
    assert!(typed.len() <= 64 && printed.len() == 11 && printed.is_ascii());
    assert_eq!(code.to_string(), printed);
    assert!(!format!("{code:?}").contains(&printed));
    for way in [printed.clone(), printed.to_lowercase(), printed.replace('-', ""), format!(" {printed}\n")] {
        assert_eq!(VoucherCode::parse(&way), Some(code), "{way:?}");
        assert_eq!(vault.lookup(&way), found);
    }
    let unsealed = VoucherCodes::unseal(vault, &sealed).expect("what was sealed");
    assert_eq!(unsealed, printed);
    for at in 0..printed.len() {
        assert_ne!(vault.lookup(&mistyped(&printed, at)), found, "{printed} at {at}");
    }
}

/// The same with another symbol there, with one left out where there is a dash.
fn mistyped(printed: &str, at: usize) -> String {
    let other = |symbol| if symbol == '2' { '3' } else { '2' };
    let kept = if printed.as_bytes()[at] == b'-' { at + 1 } else { usize::MAX };
    let symbols = printed.chars().enumerate().filter(|(place, _)| *place != kept);
    symbols.map(|(place, symbol)| if place == at && symbol != '-' { other(symbol) } else { symbol }).collect()
}

fn recovery(typed: &str) {
    let mut setup = SetupCode::from_number(4711);
    let right = setup.code();
    let code = RecoveryCode::parse(typed);
    assert_eq!(setup.is(typed), code == Some(right));
    let Some(code) = code else { return };
    let shown = code.to_string();
    assert!(typed.len() <= 64 && shown.len() == 9 && shown.is_ascii());
    assert_eq!(RecoveryCode::parse(&shown), Some(code));
    assert_eq!(RecoveryCode::parse(&shown.to_lowercase().replace('-', "–")), Some(code));
}
