use std::sync::{Arc, OnceLock};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::domain::PasswordHash;

/// What one hash costs: OWASP's smallest memory, 7 MiB, for routers that have 128, with five passes over it.
const MEMORY_KIB: u32 = 7 * 1024;
const PASSES: u32 = 5;
/// Bytes of a salt.
const SALT_BYTES: usize = 16;
/// How many may wait for their turn: more would wait longer than anybody does.
const MOST_WAITING: usize = 24;

/// Computes and checks Argon2id hashes, one at a time: however many log in at once, the router goes on routing.
#[derive(Clone)]
pub struct Hasher {
    params: Params,
    turn: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// A hash of nothing that anybody knows: an unknown name takes as long as a known one.
    nobody: Arc<OnceLock<PasswordHash>>,
}

/// Why a password was not hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many wait already.
    #[error("too many log-ins at once")]
    Busy,
    /// There is no randomness, no memory, or the hash in the store is none.
    #[error("{0}")]
    Failed(String),
}

fn failed(error: impl std::fmt::Display) -> HashError {
    HashError::Failed(error.to_string())
}

impl Default for Hasher {
    fn default() -> Self {
        Self::with_cost(MEMORY_KIB, PASSES)
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher")
    }
}

impl Hasher {
    /// With another cost, for tests.
    pub fn with_cost(memory_kib: u32, passes: u32) -> Self {
        Self {
            params: Params::new(memory_kib, passes, 1, None).unwrap_or_default(),
            turn: Arc::new(Semaphore::new(1)),
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            nobody: Arc::default(),
        }
    }

    /// The hash of a new password.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`], or there is no randomness.
    pub async fn hash(&self, password: &str) -> Result<PasswordHash, HashError> {
        let (params, password) = (self.params.clone(), password.to_owned());
        self.in_turn(|| true, move || hash(&params, password.as_bytes()))
            .await?
            .unwrap_or(Err(HashError::Busy))
    }

    /// Whether a password is the one; `None` checks it against nobody's, which takes as long and is never right. `begin`
    /// is called when it has its turn: if it says no, nothing is computed and the answer is `None`.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`], or what is stored is no hash.
    pub async fn verify(
        &self,
        password: &str,
        stored: Option<&PasswordHash>,
        begin: impl FnOnce() -> bool,
    ) -> Result<Option<bool>, HashError> {
        let (params, nobody) = (self.params.clone(), Arc::clone(&self.nobody));
        let (password, stored) = (password.to_owned(), stored.cloned());
        let verified = self.in_turn(begin, move || match &stored {
            Some(stored) => verify(&password, stored),
            None => {
                let stand_in = match nobody.get() {
                    Some(stand_in) => stand_in.clone(),
                    None => {
                        let made = hash(&params, &random()?)?;
                        nobody.get_or_init(|| made).clone()
                    }
                };
                verify(&password, &stand_in).map(|_| false)
            }
        });
        verified.await?.transpose()
    }

    /// One at a time, and not on the threads that serve others.
    async fn in_turn<T: Send + 'static>(
        &self,
        begin: impl FnOnce() -> bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Option<T>, HashError> {
        let _place = self.waiting.try_acquire().map_err(|_| HashError::Busy)?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(failed)?;
        if !begin() {
            return Ok(None);
        }
        // The turn goes with the work: who gives up waiting does not let a second one begin beside it.
        let work = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map(Some).map_err(failed)
    }
}

fn random() -> Result<[u8; SALT_BYTES], HashError> {
    let mut bytes = [0; SALT_BYTES];
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn argon2(params: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(params: &Params, password: &[u8]) -> Result<PasswordHash, HashError> {
    let salt = random()?;
    let hash: phc::PasswordHash =
        argon2(params.clone()).hash_password_with_salt(password, &salt).map_err(failed)?;
    Ok(PasswordHash::new(hash.to_string()))
}

fn verify(password: &str, stored: &PasswordHash) -> Result<bool, HashError> {
    use argon2::password_hash::Error;
    // The cost is that of the stored hash.
    let verifier: Argon2<'_> = argon2(Params::default());
    match verifier.verify_password(password.as_bytes(), stored.as_str()) {
        Ok(()) => Ok(true),
        Err(Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(future)
    }

    #[test]
    fn a_password_is_known_again_and_another_is_not() {
        block_on(async {
            let hasher = Hasher::default();
            let stored = hasher.hash("correct horse").await.unwrap();
            assert!(stored.as_str().starts_with("$argon2id$v=19$m=7168,t=5,p=1$"), "{}", stored.as_str());
            assert_ne!(hasher.hash("correct horse").await.unwrap(), stored, "each has a salt of its own");
            let verify = async |password: &str, stored| hasher.verify(password, stored, || true).await;
            assert_eq!(verify("correct horse", Some(&stored)).await.unwrap(), Some(true));
            assert_eq!(verify("Correct horse", Some(&stored)).await.unwrap(), Some(false));
            assert_eq!(verify("correct horse", None).await.unwrap(), Some(false));
            assert_eq!(hasher.verify("correct horse", Some(&stored), || false).await.unwrap(), None);
            let damaged = PasswordHash::new("$argon2id$nonsense".to_owned());
            assert!(verify("correct horse", Some(&damaged)).await.is_err());
        });
    }

    #[test]
    fn a_flood_is_turned_away_and_the_others_have_their_turn_one_by_one() {
        block_on(async {
            let hasher = Hasher::with_cost(64, 1);
            let begun = Arc::new(AtomicUsize::new(0));
            let tries: Vec<_> = (0..100)
                .map(|_| {
                    let (hasher, begun) = (hasher.clone(), Arc::clone(&begun));
                    tokio::spawn(async move {
                        let begin = || {
                            begun.fetch_add(1, Ordering::Relaxed);
                            true
                        };
                        hasher.verify("guess", None, begin).await.is_ok()
                    })
                })
                .collect();
            let mut served = 0;
            for one in tries {
                served += usize::from(one.await.unwrap());
            }
            assert_eq!(served, begun.load(Ordering::Relaxed));
            assert!((1..=100).contains(&served));
            assert!(hasher.hash("later").await.is_ok(), "it recovers");
        });
    }
}
