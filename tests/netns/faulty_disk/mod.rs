//! The disk goes wrong in every way that a test can have it: no sale is lost or made twice, and whoever is online stays so.

pub mod cuts;
mod model;
mod pages;
mod trouble;

#[test]
fn eight_power_cuts_cost_nobody_anything() {
    let survived = cuts::cut(1, 8);
    assert!(survived.failures.is_empty(), "{}", survived.failures.join("\n\n"));
    assert_eq!((survived.cuts, survived.held), (8, 8));
    assert!(survived.acts.answered > 20, "hardly anything was sold: {survived:?}");
}

#[test]
fn a_disk_that_lies_about_its_syncs_is_found_out() {
    let found = cuts::cut_and_lie(1, 20);
    assert!(!found.failures.is_empty(), "losses are not found: {found:?}");
}
