//! Vouchers from printing to redemption, and what a stolen database tells.

use std::collections::HashSet;

use turnpike::domain::{
    Change, DeviceId, Guard, NewBatch, Redeemed, Refusal, SealedCode, SessionId, SessionKind, SessionTerms,
    Text, Voucher, VoucherBatch, VoucherStatus, WallTime,
};
use turnpike::providers::voucher::{VaultError, VoucherCode, VoucherVault};
use turnpike::store::{Numbers, Store, VoucherQuery, Writes};

use crate::store::{Fixture, block_on, device, fixture, put_device, put_session, session};

const NOW: WallTime = WallTime(1_800_000_000_000);

fn terms() -> SessionTerms {
    SessionTerms::new(SessionKind::TimeOrData, Some(3600), Some(500.0), Some(30), 5.5, 1.0, true).unwrap()
}

fn batch(count: u32) -> NewBatch {
    NewBatch::new(Some(Text::new("July")), terms(), Some(NOW), Some(NOW.plus_days(7)), count).unwrap()
}

fn vault(fixture: &Fixture) -> VoucherVault {
    VoucherVault::open(&fixture.directory.path().join("turnpike.db.key"), None).unwrap()
}

async fn print(store: &Store, vault: &VoucherVault, new: &NewBatch) -> (VoucherBatch, Vec<VoucherCode>) {
    let (codes, sealed): (Vec<VoucherCode>, Vec<SealedCode>) =
        vault.new_codes(new.count()).unwrap().into_iter().unzip();
    (store.create_batch(new, &sealed, NOW).await.unwrap(), codes)
}

async fn find(store: &Store, vault: &VoucherVault, typed: &str) -> Option<Voucher> {
    store.find_voucher(&vault.lookup(typed).unwrap()).await.unwrap()
}

fn redemption(voucher: i64, number: u16) -> Writes {
    let owner = device(number);
    let made = session(number, &owner);
    Writes {
        guards: vec![Guard::RedeemVoucher { voucher, device: owner.id, session: made.id, at: NOW }],
        changes: vec![put_device(&owner), put_session(&made)],
        events: Vec::new(),
        ..Writes::default()
    }
}

fn ids(number: u16) -> (DeviceId, SessionId) {
    (device(number).id, session(number, &device(number)).id)
}

#[test]
fn a_batch_is_stored_found_and_printed_again() {
    block_on(async {
        let fixture = fixture().await;
        let (store, vault) = (&fixture.store, vault(&fixture));
        let (stored, codes) = print(store, &vault, &batch(3)).await;
        assert_eq!((stored.count, &stored.terms, stored.created_at), (3, &terms(), NOW));

        let typed = codes[1].to_string().to_lowercase().replace('-', " ");
        let voucher = find(store, &vault, &typed).await.unwrap();
        assert_eq!(voucher.batch, stored);
        assert_eq!(voucher.status(NOW), VoucherStatus::Unsold);

        let (listed, total) = store
            .list_vouchers(&VoucherQuery { per_page: 2, page: 2, ..VoucherQuery::default() })
            .await
            .unwrap();
        assert_eq!(total, 3);
        let again: Vec<VoucherCode> =
            listed.iter().map(|listed| vault.unseal(&listed.code).unwrap()).collect();
        assert_eq!(again, codes[2..]);
        assert_eq!(store.list_batches(None, 1, 10).await.unwrap(), (vec![stored], 1));
        assert!(find(store, &vault, "22222-22222").await.is_none());
    });
}

#[test]
fn a_voucher_is_redeemed_once_even_within_one_commit() {
    block_on(async {
        let fixture = fixture().await;
        let (store, vault) = (&fixture.store, vault(&fixture));
        let (_, codes) = print(store, &vault, &batch(2)).await;
        let first = find(store, &vault, &codes[0].to_string()).await.unwrap().id;
        let second = find(store, &vault, &codes[1].to_string()).await.unwrap().id;

        let group = vec![redemption(first, 1), redemption(first, 2), redemption(second, 3)];
        let answers = store.commit(group).await.unwrap();
        assert_eq!(answers, [Ok(Numbers::default()), Err(Refusal::VoucherUsed), Ok(Numbers::default())]);
        let loaded = store.load().await.unwrap();
        assert_eq!(loaded.sessions, [session(1, &device(1)), session(3, &device(3))]);

        let sold = find(store, &vault, &codes[0].to_string()).await.unwrap();
        let (by, made) = ids(1);
        assert_eq!(sold.redeemed, Some(Redeemed { at: NOW, device: by, session: made }));
        assert_eq!(sold.check(NOW), Err(Refusal::VoucherUsed));
        assert_eq!(store.commit(vec![redemption(first, 4)]).await.unwrap(), [Err(Refusal::VoucherUsed)]);

        let sales = VoucherQuery { redeemed: Some(true), per_page: 10, ..VoucherQuery::default() };
        assert_eq!(store.list_vouchers(&sales).await.unwrap().1, 2);
    });
}

#[test]
fn of_two_guards_both_hold_or_neither() {
    block_on(async {
        let fixture = fixture().await;
        let (store, vault) = (&fixture.store, vault(&fixture));
        let (_, codes) = print(store, &vault, &batch(1)).await;
        let voucher = find(store, &vault, &codes[0].to_string()).await.unwrap().id;
        let mut both = redemption(voucher, 1);
        both.guards.push(Guard::RedeemVoucher {
            voucher: 999,
            device: device(1).id,
            session: session(1, &device(1)).id,
            at: NOW,
        });
        assert_eq!(store.commit(vec![both]).await.unwrap(), [Err(Refusal::VoucherUnknown)]);
        assert_eq!(find(store, &vault, &codes[0].to_string()).await.unwrap().redeemed, None);
        assert_eq!(store.commit(vec![redemption(voucher, 1)]).await.unwrap(), [Ok(Numbers::default())]);
    });
}

#[test]
fn a_failed_commit_sells_nothing() {
    block_on(async {
        let fixture = fixture().await;
        let (store, vault) = (&fixture.store, vault(&fixture));
        let (_, codes) = print(store, &vault, &batch(1)).await;
        let voucher = find(store, &vault, &codes[0].to_string()).await.unwrap().id;
        let mut broken = redemption(voucher, 1);
        broken.changes.push(put_session(&session(7, &device(99))));
        assert!(store.commit(vec![broken]).await.is_err());
        assert_eq!(find(store, &vault, &codes[0].to_string()).await.unwrap().redeemed, None);
        assert!(store.load().await.unwrap().sessions.is_empty());
    });
}

#[test]
fn a_revoked_voucher_names_the_session_it_made() {
    block_on(async {
        let fixture = fixture().await;
        let (store, vault) = (&fixture.store, vault(&fixture));
        let (_, codes) = print(store, &vault, &batch(2)).await;
        let lookup = |code: &VoucherCode| vault.lookup(&code.to_string()).unwrap();
        let first = find(store, &vault, &codes[0].to_string()).await.unwrap().id;
        store.commit(vec![redemption(first, 1)]).await.unwrap().remove(0).unwrap();

        let revoked = store.revoke_voucher(&lookup(&codes[0]), NOW).await.unwrap().unwrap();
        assert_eq!(
            (revoked.voucher.redeemed.map(|first| first.session), revoked.already),
            (Some(ids(1).1), false)
        );
        let again = store.revoke_voucher(&lookup(&codes[0]), NOW.plus_days(1)).await.unwrap().unwrap();
        assert_eq!((again.already, again.voucher.revoked_at), (true, Some(NOW)));

        let unsold = store.revoke_voucher(&lookup(&codes[1]), NOW).await.unwrap().unwrap();
        assert_eq!(unsold.voucher.redeemed, None);
        assert_eq!(unsold.voucher.check(NOW), Err(Refusal::VoucherRevoked));
        let answers = store.commit(vec![redemption(unsold.voucher.id, 2)]).await.unwrap();
        assert_eq!(answers, [Err(Refusal::VoucherRevoked)]);
        assert!(store.revoke_voucher(&[0; 32], NOW).await.unwrap().is_none());
    });
}

#[test]
fn what_comes_anew_is_granted_to_who_holds_a_place_of_a_code_that_was_not_taken_back() {
    block_on(async {
        let fixture = fixture().await;
        let (store, vault) = (&fixture.store, vault(&fixture));
        let (_, codes) = print(store, &vault, &batch(1)).await;
        let voucher = find(store, &vault, &codes[0].to_string()).await.unwrap().id;
        let holds = |voucher, number| {
            let guards = vec![Guard::HoldsVoucher { voucher, device: device(number).id, at: NOW }];
            store.commit(vec![Writes { guards, ..Writes::default() }])
        };
        assert_eq!(holds(voucher, 1).await.unwrap(), [Err(Refusal::VoucherUsed)]);
        store.commit(vec![redemption(voucher, 1)]).await.unwrap().remove(0).unwrap();
        assert_eq!(holds(voucher, 1).await.unwrap(), [Ok(Numbers::default())]);
        assert_eq!(holds(voucher, 2).await.unwrap(), [Err(Refusal::VoucherUsed)]);
        assert_eq!(holds(999, 1).await.unwrap(), [Err(Refusal::VoucherUnknown)]);
        store.revoke_voucher(&vault.lookup(&codes[0].to_string()).unwrap(), NOW).await.unwrap().unwrap();
        assert_eq!(holds(voucher, 1).await.unwrap(), [Err(Refusal::VoucherRevoked)]);
    });
}

#[test]
fn the_window_is_kept() {
    block_on(async {
        let fixture = fixture().await;
        let (store, vault) = (&fixture.store, vault(&fixture));
        let (_, codes) = print(store, &vault, &batch(1)).await;
        let voucher = find(store, &vault, &codes[0].to_string()).await.unwrap();
        assert_eq!(voucher.check(NOW.plus_millis(-1)), Err(Refusal::VoucherNotValid("yet")));
        assert_eq!(voucher.check(NOW), Ok(()));
        assert_eq!(voucher.check(NOW.plus_days(7)), Err(Refusal::VoucherNotValid("any more")));
    });
}

#[test]
fn ten_thousand_codes_are_all_different() {
    block_on(async {
        let fixture = fixture().await;
        let (store, vault) = (&fixture.store, vault(&fixture));
        let (_, codes) = print(store, &vault, &batch(10_000)).await;
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 10_000);
    });
}

#[test]
fn a_stolen_database_holds_no_code() {
    block_on(async {
        let fixture = fixture().await;
        let vault = vault(&fixture);
        let (_, codes) = print(&fixture.store, &vault, &batch(200)).await;
        fixture.store.close().await.unwrap();
        let mut stolen = Vec::new();
        for entry in std::fs::read_dir(fixture.directory.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "key") {
                stolen.extend(std::fs::read(path).unwrap());
            }
        }
        let contains = |needle: &[u8]| stolen.windows(needle.len()).any(|window| window == needle);
        assert!(contains(b"July"), "what is not secret is found this way");
        for code in codes {
            let printed = code.to_string();
            assert!(!contains(printed.as_bytes()) && !contains(printed.replace('-', "").as_bytes()));
        }
    });
}

#[test]
fn a_missing_or_wrong_key_is_an_error_while_there_are_vouchers() {
    block_on(async {
        let fixture = fixture().await;
        let path = fixture.directory.path().join("turnpike.db.key");
        assert_eq!(fixture.store.any_voucher().await.unwrap(), None);
        let (_, codes) = print(&fixture.store, &vault(&fixture), &batch(1)).await;
        let sample = fixture.store.any_voucher().await.unwrap();
        let vault = VoucherVault::open(&path, sample.as_ref()).unwrap();
        assert_eq!(vault.unseal(sample.as_ref().unwrap()).unwrap(), codes[0]);

        std::fs::remove_file(&path).unwrap();
        let error = VoucherVault::open(&path, sample.as_ref()).unwrap_err();
        assert!(matches!(&error, VaultError::Missing(_)) && error.to_string().contains("turnpike.db.key"));
        std::fs::write(&path, "00".repeat(32)).unwrap();
        assert!(matches!(VoucherVault::open(&path, sample.as_ref()), Err(VaultError::WrongKey(_))));
    });
}

#[test]
fn a_batch_is_stored_whole_or_not_at_all() {
    block_on(async {
        let fixture = fixture().await;
        let vault = vault(&fixture);
        let mut codes: Vec<SealedCode> =
            vault.new_codes(50).unwrap().into_iter().map(|(_, code)| code).collect();
        codes[49] = codes[0].clone();
        assert!(fixture.store.create_batch(&batch(50), &codes, NOW).await.is_err(), "two of the same");
        assert!(fixture.store.create_batch(&batch(49), &codes, NOW).await.is_err(), "one too many");
        assert_eq!(fixture.store.any_voucher().await.unwrap(), None);
        assert_eq!(fixture.store.list_batches(None, 1, 10).await.unwrap(), (vec![], 0));
        let deletion = Writes { changes: vec![Change::DeleteDevice(device(1).id)], ..Writes::default() };
        assert_eq!(fixture.store.commit(vec![deletion]).await.unwrap(), [Ok(Numbers::default())]);
    });
}
