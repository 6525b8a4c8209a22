//! Who has signed in to the operators' pages, which outlives a start anew.

#[cfg(feature = "admin-pages")]
pub(super) use crate::admin::SignIns;

/// Nobody signs in to pages that were left out.
#[cfg(not(feature = "admin-pages"))]
#[derive(Debug, Clone, Default)]
pub(super) struct SignIns(());

#[cfg(not(feature = "admin-pages"))]
impl SignIns {
    #[expect(clippy::unused_self, reason = "as where there are pages")]
    pub(super) fn sign_all_out(&self) {}
}
