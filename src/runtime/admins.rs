//! What the admin pages need to know somebody again: passwords, sealed secrets, and the code that begins it all.

use std::sync::PoisonError;

use tracing::info;

use super::handle::Handle;
use crate::domain::{PasswordHash, RecoveryCode, Refusal, SetupCode};
use crate::providers::account::HashError;

/// Whoever finds too many waiting for their turn comes back in so many seconds.
const BUSY_SECS: u64 = 2;

impl Handle {
    /// Whether a password is the one; `None` takes as long, and is never right.
    pub async fn verify_password(
        &self,
        password: &str,
        stored: Option<&PasswordHash>,
    ) -> Result<bool, Refusal> {
        match self.shared.hasher.verify(password, stored, || true).await {
            Ok(right) => Ok(right.unwrap_or(false)),
            Err(HashError::Busy) => Err(Refusal::TooManyTries { retry_secs: BUSY_SECS }),
            Err(HashError::Failed(problem)) => Err(Refusal::Store(problem)),
        }
    }

    /// Seals a secret for the store. `of` says whose it is.
    pub fn seal_secret(&self, of: &str, secret: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.shared.vault.seal_secret(of, secret).map_err(|error| Refusal::Store(error.to_string()))
    }

    /// Opens a secret that was sealed for the same.
    pub fn open_secret(&self, of: &str, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.shared.vault.open_secret(of, sealed).map_err(|error| Refusal::Store(error.to_string()))
    }

    /// Whether the wall clock can be believed.
    pub fn clock_is_believed(&self) -> bool {
        self.shared.clock.is_believed()
    }

    /// Has the log say how the first admin account is made, if there is none.
    pub(super) async fn begin_setup(&self) -> anyhow::Result<()> {
        if !self.shared.store.any_admin().await? {
            self.setup_code()?;
        }
        Ok(())
    }

    /// The code that the first admin account is made with. It is another one after each start, and is logged when it is made.
    pub fn setup_code(&self) -> Result<RecoveryCode, Refusal> {
        let mut setup = self.shared.setup.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(standing) = setup.as_ref().filter(|setup| !setup.is_spent()) {
            return Ok(standing.code());
        }
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|error| Refusal::Store(error.to_string()))?;
        let code = setup.insert(SetupCode::from_number(u64::from_be_bytes(bytes))).code();
        // What is left for whoever can read the log of this box: there is no default password.
        if cfg!(feature = "admin-pages") {
            info!("there is no admin account yet: make the first one at /admin with the set-up code {code}");
        } else {
            info!("there is no admin account yet: make the first one with turnpike admin create");
        }
        Ok(code)
    }

    /// Whether this is the code. A few wrong ones and it is another.
    pub fn is_setup_code(&self, typed: &str) -> Result<bool, Refusal> {
        self.setup_code()?;
        let mut setup = self.shared.setup.lock().unwrap_or_else(PoisonError::into_inner);
        let (right, spent) = match setup.as_mut() {
            Some(setup) => (setup.is(typed), setup.is_spent()),
            None => (false, false),
        };
        drop(setup);
        if spent {
            self.setup_code()?;
        }
        Ok(right)
    }
}
