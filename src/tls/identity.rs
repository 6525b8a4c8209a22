use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, ServerConfig, crypto::ring};

use super::pair::{Facts, Pair};

/// The certificate that a listener shows now. Clones share it: what replaces it holds for every connection that begins
/// afterwards, and those that stand go on.
#[derive(Clone)]
pub struct Identity(Arc<RwLock<Pair>>);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.facts().sha256)
    }
}

impl Identity {
    /// Begins with a pair.
    pub fn new(pair: Pair) -> Self {
        Self(Arc::new(RwLock::new(pair)))
    }

    /// What is worth knowing of the certificate that is shown now.
    pub fn facts(&self) -> Facts {
        self.0.read().unwrap_or_else(PoisonError::into_inner).facts.clone()
    }

    /// Whether it was made here: nobody believes it.
    pub fn is_own(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).facts.is_own
    }

    /// Shows another one from now on.
    pub fn replace(&self, pair: Pair) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pair;
    }

    /// What a listener needs: TLS 1.2 and 1.3, HTTP/1.1, nothing asked of the client.
    pub fn server(&self) -> Result<Arc<ServerConfig>, Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}
