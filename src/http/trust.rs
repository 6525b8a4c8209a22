//! Whom a client believes that it is who it says.

use std::io;

use tokio::net::TcpStream;

pub(super) use kind::Trust;

/// A file of certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AuthorityError(String);

#[cfg(feature = "tls-client")]
mod kind {
    use std::sync::Arc;

    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    use super::{AuthorityError, TcpStream, io};

    /// The authorities that browsers trust, and perhaps more; clones share them.
    #[derive(Clone)]
    pub(in crate::http) struct Trust(Arc<ClientConfig>);

    impl Trust {
        /// With those of a PEM file's text besides.
        pub(in crate::http) fn new(more: Option<&[u8]>) -> Result<Self, AuthorityError> {
            let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            if let Some(pem) = more {
                let before = roots.len();
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let certificate =
                        certificate.map_err(|error| AuthorityError(format!("cannot be read: {error:?}")))?;
                    roots.add(certificate).map_err(|error| AuthorityError(error.to_string()))?;
                }
                if roots.len() == before {
                    return Err(AuthorityError("holds no certificate in PEM form".to_owned()));
                }
            }
            let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| AuthorityError(error.to_string()))?
                .with_root_certificates(roots)
                .with_no_client_auth();
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok(Self(Arc::new(tls)))
        }

        /// Does the handshake with a host of this name.
        pub(in crate::http) async fn secure(
            &self,
            host: &str,
            stream: TcpStream,
        ) -> io::Result<TlsStream<TcpStream>> {
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await
        }
    }
}

#[cfg(not(feature = "tls-client"))]
mod kind {
    use super::{AuthorityError, TcpStream, io};

    const LEFT_OUT: &str = "this turnpike was built without a TLS client (feature tls-client)";

    /// Nobody.
    #[derive(Clone)]
    pub(in crate::http) struct Trust;

    impl Trust {
        pub(in crate::http) fn new(more: Option<&[u8]>) -> Result<Self, AuthorityError> {
            if more.is_some() { Err(AuthorityError(LEFT_OUT.to_owned())) } else { Ok(Self) }
        }

        #[expect(clippy::unused_async, reason = "as where there is TLS")]
        pub(in crate::http) async fn secure(&self, _: &str, _: TcpStream) -> io::Result<TcpStream> {
            Err(io::Error::other(LEFT_OUT))
        }
    }
}
